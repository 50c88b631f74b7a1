"""``datastream-lab demo``: the exporter at first sight."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.config.locations import KNOWN
from lab.cli import demo
from lab.cli.main import main
from tests.lab.conftest import Terminal
from tests.outputs import Printed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SignalWhen
    from tests.lab.conftest import Command


def write_world(path: Path, **world: Any) -> str:
    """Write a world file; return its path."""
    file = path / "world.yaml"
    file.write_text(yaml.safe_dump(world))
    return str(file)


def one_project(*locations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a world with one project and discovered locations."""
    config = {"metrics": {"project": "shop-prod"}, "sources": [{"project": "shop-prod"}]}
    project = {"id": "shop-prod", "number": 1, "locations": list(locations)}
    return {"config": config, "projects": [project | more]}


def test_the_default_fleet_is_shown_and_written(command: Command) -> None:
    """The output has the table, the problems (worst first), the points and the next steps."""
    code, out, err = command("demo")
    assert code == 0
    heading, *table = out.partition("\n\n")[0].splitlines()
    assert heading.split() == ["STREAM", "PROJECT", "LOCATION", "STATE", "EXPECTED", "ERRORS"]
    cells = [" ".join(line.split()) for line in table]
    assert "billing-postgresql data-platform-prod europe-west1 FAILED no 1" in cells
    assert "refunds-sqlserver payments-prod us-east1 missing no -" in cells
    assert "? payments-prod asia-northeast1 unknown ? ?" in cells
    projects = [line.split()[1] for line in table]
    assert projects == sorted(projects)
    look_at = out.partition("\nLook at\n")[2].partition("\n\n")[0].splitlines()
    subjects = [line.rpartition("/")[2] for line in look_at[::2]]
    assert subjects == [
        "fraud-postgresql",
        "refunds-sqlserver",
        "billing-postgresql",
        "loyalty-postgresql",
        "settlements-oracle",
        "asia-northeast1",
        "inventory-postgresql",
    ]
    assert "\nWritten to data-platform-prod\n  116 points of custom.googleapis.com/" in out
    assert "21 streams in 6 locations (2 failed, 2 not as expected)" in err
    assert "116 points written; 13 calls in" in err
    following = err.partition("\nNext\n")[2].splitlines()
    assert following[0] == "  .venv/bin/datastream-lab demo watch"
    assert max(map(len, following)) <= 60


def test_piped_output_is_plain_and_not_cut(command: Command) -> None:
    """A file or a pipe gets no escape codes, no cut lines and no trailing blanks."""
    _, out, err = command("demo")
    assert "\x1b" not in out + err
    assert "Recover the stream from a new position.\n" in out
    assert not [line for line in out.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_lines_fit_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is too long, and no name in the table is broken."""
    monkeypatch.setenv("COLUMNS", str(columns))
    # Without it, rich takes a terminal without escape codes for one of 80 columns.
    monkeypatch.setenv("LINES", "50")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    assert main(["demo"], {}, out, Printed()) == 0
    table = out.getvalue().partition("\n\n")[0]
    assert max(map(len, out.getvalue().splitlines())) <= columns
    table = "".join(table.split()) if columns == 20 else table
    for name in ("inventory-postgresql", "FAILED_PERMANENTLY", "data-platform-staging"):
        assert name in table


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no colour."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured, plain = Terminal(), Terminal()
    main(["demo"], {}, coloured, Printed())
    monkeypatch.setenv("NO_COLOR", "1")
    main(["demo"], {}, plain, Printed())
    assert "\x1b[32m" in coloured.getvalue()
    assert "\x1b[3" not in plain.getvalue()


def test_another_config_can_be_used(command: Command, tmp_path: Path) -> None:
    """--config takes precedence over the world's own config."""
    config = tmp_path / "mine.yaml"
    config.write_text(
        "metrics: {project: payments-prod}\n"
        "sources: [{project: payments-prod, locations: [us-east1]}]\n"
    )
    code, out, _ = command("demo", "run", "--config", str(config))
    assert code == 0
    assert "\nWritten to payments-prod\n" in out
    assert "chargebacks-mysql" in out
    assert "erp-oracle" not in out
    assert "nothing: every stream is as expected" in out


def test_a_variable_overrides_the_worlds_config(command: Command) -> None:
    """DATASTREAM_EXPORTER_METRICS__PROJECT sets the metrics project."""
    variable = {"DATASTREAM_EXPORTER_METRICS__PROJECT": "payments-prod"}
    code, out, _ = command("demo", environ=variable)
    assert code == 0
    assert "\nWritten to payments-prod\n" in out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "world.yaml: there is no such file"),
        ("projects: [\n", "world.yaml:"),
        ("projects: [{id: shop-prod}]\n", "world.yaml:1: projects[0].number: is missing"),
        ("projects: []\nfaults: [{}]\n", "a fault needs a code, a latency, or both"),
    ],
)
def test_a_bad_world_file_is_reported(
    command: Command, tmp_path: Path, text: str | None, sentence: str
) -> None:
    """A missing or invalid world file costs exit 2, without a traceback."""
    if text is not None:
        (tmp_path / "world.yaml").write_text(text)
    code, out, err = command("demo", "--world", str(tmp_path / "world.yaml"))
    assert (code, out) == (2, "")
    assert sentence in err
    assert all(line.startswith("error: ") for line in err.splitlines())


def test_an_error_in_a_worlds_config_names_the_world_file(command: Command, tmp_path: Path) -> None:
    """The world's config is validated like a config file."""
    path = write_world(tmp_path, config={"metrics": {}}, projects=[])
    code, _, err = command("demo", "--world", path)
    assert code == 2
    assert f"error: {path}: metrics.project: is missing" in err


def test_a_world_without_a_config_needs_one(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no default config."""
    monkeypatch.chdir(tmp_path)
    code, _, err = command("demo", "--world", write_world(tmp_path, projects=[]))
    assert code == 2
    assert "config.yaml: no such file in this directory" in err


def test_an_empty_project_is_reported(command: Command, tmp_path: Path) -> None:
    """Without streams there is a sentence, not an empty table or "as expected"."""
    path = write_world(tmp_path, **one_project({"id": "us-east1"}))
    code, out, err = command("demo", "--world", path)
    assert code == 0
    assert out.startswith("No streams found: the locations that were read have none")
    assert "every stream is as expected" not in out
    assert "No streams found in 1 location; " in err


def test_forty_unreadable_locations_are_one_entry(command: Command, tmp_path: Path) -> None:
    """A permission that is missing everywhere is one row and one sentence, not forty."""
    locations = [{"id": name} for name in sorted(KNOWN)[:40]]
    world = one_project(*locations, denied=["datastream.streams.list"])
    code, out, err = command("demo", "--world", write_world(tmp_path, **world))
    assert code == 1
    assert len(out.splitlines()) < 15
    assert "?       shop-prod  40 locations  unknown  ?              ?" in out
    assert "  40 locations of projects/shop-prod\n    were not read, so their streams are" in out
    assert "(africa-south1, asia-east1, asia-east2 and 37 more). The first: permission den" in out
    assert "Nothing could be read: 40 locations unreadable; 45 points written" in err


def test_an_error_text_cannot_control_the_terminal(command: Command, tmp_path: Path) -> None:
    """An error's text is one line, cut, with escape codes shown as text."""
    errors = [{"reason": "R", "message": "red \x1b[31m\n[bold]" + "x" * 1000}]
    stream = {"id": "orders", "state": "FAILED", "errors": errors}
    world = one_project({"id": "us-east1", "streams": [stream]})
    _, out, _ = command("demo", "--world", write_world(tmp_path, **world))
    line = next(line for line in out.splitlines() if "keeps retrying" in line)
    assert r"red \x1b[31m [bold]xxx" in line
    assert line.endswith("x…")
    assert len(line) < 400


def test_problems_are_limited_and_the_rest_counted(command: Command, tmp_path: Path) -> None:
    """A fleet that fails as a whole doesn't scroll the table away."""
    streams = {"id": "orders-{:02}", "count": 60, "state": "FAILED"}
    world = one_project({"id": "us-east1", "streams": [streams]})
    _, out, _ = command("demo", "--world", write_world(tmp_path, **world))
    assert out.count("failed; Datastream keeps retrying") == 40
    assert "\n  and 20 more\n" in out


def test_lost_points_are_reported(command: Command, tmp_path: Path) -> None:
    """Rejected points show in the heading, in the log and in the exit code."""
    faults = [{"method": "CreateTimeSeries", "code": "INVALID_ARGUMENT", "message": "No."}]
    world = one_project({"id": "us-east1", "streams": [{"id": "orders"}]})
    code, out, err = command("demo", "--world", write_world(tmp_path, **world, faults=faults))
    assert code == 1
    assert "\nDue in shop-prod, though not all of it was written\n" in out
    assert "lost" in err
    assert "no points written, " in err


def test_an_interrupted_run_claims_nothing(tmp_path: Path, signal_when: SignalWhen) -> None:
    """After Ctrl-C during reading, a run shows what was read and writes nothing."""
    first = {"id": "us-east1", "streams": [{"id": "orders"}]}
    slow = {"method": "ListStreams", "location": "us-east4", "latency": 30}
    path = write_world(tmp_path, **one_project(first, {"id": "us-east4"}), faults=[slow])
    out, err = Printed(), Terminal()
    signal_when(signal.SIGINT, lambda: "1/2" in err.getvalue())
    assert main(["demo", "--world", path], {}, out, err) == 130
    assert "nothing: every stream that was read is as expected" in out.getvalue()
    assert "Written" not in out.getvalue()
    assert "1 location not read, nothing written." in err.getvalue()
    assert "Next" not in err.getvalue()


def test_progress_is_shown_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows progress, and gets its cursor and line back."""
    monkeypatch.setenv("TERM", "xterm")
    err = Terminal()
    assert main(["demo"], {}, Printed(), err) == 0
    progress, _, rest = err.getvalue().rpartition("\x1b[?25h")
    assert "reading locations" in progress
    assert "writing points" in progress
    assert "\x1b[2K" in rest
    assert "116 points written" in rest


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["check"], 1, "asia-northeast1"),
        (["run", "--dry-run"], 0, "erp-oracle"),
        (["run", "--help"], 0, "usage: datastream-exporter run"),
        (["wach"], 2, '"wach" is not a command; did you mean watch?'),
    ],
)
def test_demo_runs_any_command_of_the_exporter(
    command: Command, argv: list[str], code: int, text: str
) -> None:
    """The arguments, the output and the exit code are the exporter's own."""
    ended = command("demo", *argv)
    assert ended.code == code
    assert text in ended.out + ended.err
    assert "datastream-lab demo watch" not in ended.err


def test_ctrl_c_during_the_start_is_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the emulator starts, Ctrl-C costs exit 130 and no traceback."""

    def interrupt(_world: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "Emulator", interrupt)
    assert command("demo") == (130, "", "datastream-lab: interrupted\n")
