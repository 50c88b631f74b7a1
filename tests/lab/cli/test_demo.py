"""``datastream-lab demo``: what somebody sees of the exporter first."""

from __future__ import annotations

import io
import signal
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.config.locations import KNOWN
from lab.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SignalWhen
    from tests.lab.cli.conftest import Command


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def write_world(path: Path, **world: Any) -> str:
    """Write a world file; return its path as a person would type it."""
    file = path / "world.yaml"
    file.write_text(yaml.safe_dump(world))
    return str(file)


def one_project(*locations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a world of one project, watched where its locations are discovered."""
    config = {"metrics": {"project": "shop-prod"}, "sources": [{"project": "shop-prod"}]}
    project = {"id": "shop-prod", "number": 1, "locations": list(locations)}
    return {"config": config, "projects": [project | more]}


def test_the_default_fleet_is_shown_judged_and_written(command: Command) -> None:
    """The table, what to look at (worst first), what was written, and where to go next."""
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
    assert "116 points written; 12 calls in" in err
    assert "datastream-lab demo watch" in err


def test_what_is_piped_has_no_colour_and_no_end_of_its_lines(command: Command) -> None:
    """In a file or a pipe there is no escape, nothing is cut and no line ends in blanks."""
    _, out, err = command("demo")
    assert "\x1b" not in out + err
    assert "Recover the stream from a new position.\n" in out
    assert not [line for line in out.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_gets_lines_that_fit(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal is wide, and no name in the table is broken."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    assert main(["demo"], {}, out, io.StringIO()) == 0
    table = out.getvalue().partition("\n\n")[0]
    assert max(map(len, out.getvalue().splitlines())) <= columns
    for name in ("inventory-postgresql", "FAILED_PERMANENTLY", "data-platform-staging"):
        assert name in table


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets weight, and no colour."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured, plain = Terminal(), Terminal()
    main(["demo"], {}, coloured, io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    main(["demo"], {}, plain, io.StringIO())
    assert "\x1b[32m" in coloured.getvalue()
    assert "\x1b[3" not in plain.getvalue()


def test_another_config_watches_the_same_world(command: Command, tmp_path: Path) -> None:
    """--config goes before the config that the world brings."""
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


def test_a_variable_goes_before_the_config_of_the_world(command: Command) -> None:
    """DATASTREAM_EXPORTER_METRICS__PROJECT says where the series go, too."""
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
def test_a_bad_world_is_told_in_sentences(
    command: Command, tmp_path: Path, text: str | None, sentence: str
) -> None:
    """A world file that is not there or not right costs exit 2 and no traceback."""
    if text is not None:
        (tmp_path / "world.yaml").write_text(text)
    code, out, err = command("demo", "--world", str(tmp_path / "world.yaml"))
    assert (code, out) == (2, "")
    assert sentence in err
    assert all(line.startswith("error: ") for line in err.splitlines())


def test_a_mistake_in_the_config_of_a_world_names_the_world(
    command: Command, tmp_path: Path
) -> None:
    """The world's own config is checked as a file would be."""
    path = write_world(tmp_path, config={"metrics": {}}, projects=[])
    code, _, err = command("demo", "--world", path)
    assert code == 2
    assert f"error: {path}: metrics.project: is missing" in err


def test_a_world_without_a_config_needs_one(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to watch is never guessed."""
    monkeypatch.chdir(tmp_path)
    code, _, err = command("demo", "--world", write_world(tmp_path, projects=[]))
    assert code == 2
    assert "config.yaml: no such file in this directory" in err


def test_a_project_without_streams_is_called_that(command: Command, tmp_path: Path) -> None:
    """An empty fleet is no empty table and no praise."""
    path = write_world(tmp_path, **one_project({"id": "us-east1"}))
    code, out, err = command("demo", "--world", path)
    assert code == 0
    assert out.startswith("No streams found: the locations that were read have none")
    assert "every stream is as expected" not in out
    assert "No streams in 1 location; " in err


def test_forty_unreadable_locations_are_one_concern(command: Command, tmp_path: Path) -> None:
    """One permission that is missing everywhere is one row and one sentence, not forty."""
    locations = [{"id": name} for name in sorted(KNOWN)[:40]]
    world = one_project(*locations, denied=["datastream.streams.list"])
    code, out, err = command("demo", "--world", write_world(tmp_path, **world))
    assert code == 1
    assert len(out.splitlines()) < 15
    assert "?       shop-prod  40 locations  unknown  ?              ?" in out
    assert "  40 locations of projects/shop-prod\n    were not read, so their streams are" in out
    assert "(africa-south1, asia-east1, asia-east2 and 37 more). The first: permission den" in out
    assert "40 locations unreadable. Nothing at all could be read; 45 points written" in err


def test_what_the_api_says_can_harm_no_terminal(command: Command, tmp_path: Path) -> None:
    """An error's text is shown on one line, cut, without what a terminal would obey."""
    errors = [{"reason": "R", "message": "red \x1b[31m\n[bold]" + "x" * 1000}]
    stream = {"id": "orders", "state": "FAILED", "errors": errors}
    world = one_project({"id": "us-east1", "streams": [stream]})
    _, out, _ = command("demo", "--world", write_world(tmp_path, **world))
    line = next(line for line in out.splitlines() if "keeps retrying" in line)
    assert r"red \x1b[31m [bold]xxx" in line
    assert line.endswith("x…")
    assert len(line) < 400


def test_forty_concerns_are_shown_and_the_others_counted(command: Command, tmp_path: Path) -> None:
    """A fleet that fails as a whole does not scroll the table away."""
    streams = {"id": "orders-{:02}", "count": 60, "state": "FAILED"}
    world = one_project({"id": "us-east1", "streams": [streams]})
    _, out, _ = command("demo", "--world", write_world(tmp_path, **world))
    assert out.count("failed; Datastream keeps retrying") == 40
    assert "\n  and 20 more\n" in out


def test_a_lost_point_is_not_called_written(command: Command, tmp_path: Path) -> None:
    """Refused points show in the heading, in the log and in the exit code."""
    faults = [{"method": "CreateTimeSeries", "code": "INVALID_ARGUMENT", "message": "No."}]
    world = one_project({"id": "us-east1", "streams": [{"id": "orders"}]})
    code, out, err = command("demo", "--world", write_world(tmp_path, **world, faults=faults))
    assert code == 1
    assert "\nDue in shop-prod, though not all of it was written\n" in out
    assert "lost" in err
    assert "no points written, " in err


def test_what_was_interrupted_is_called_neither_written_nor_whole(
    tmp_path: Path, signal_when: SignalWhen
) -> None:
    """After Ctrl-C while it reads, a run shows what it has and praises nothing."""
    first = {"id": "us-east1", "streams": [{"id": "orders"}]}
    slow = {"method": "ListStreams", "location": "us-east4", "latency": 30}
    path = write_world(tmp_path, **one_project(first, {"id": "us-east4"}), faults=[slow])
    out, err = io.StringIO(), Terminal()
    signal_when(signal.SIGINT, lambda: "1/2" in err.getvalue())
    assert main(["demo", "--world", path], {}, out, err) == 130
    assert "nothing: every stream that was read is as expected" in out.getvalue()
    assert "Written" not in out.getvalue()
    assert "1 location not read, nothing written." in err.getvalue()
    assert "Next" not in err.getvalue()


def test_progress_is_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows how far the run is, and has its cursor and its line back afterwards."""
    monkeypatch.setenv("TERM", "xterm")
    err = Terminal()
    assert main(["demo"], {}, io.StringIO(), err) == 0
    progress, _, rest = err.getvalue().rpartition("\x1b[?25h")
    assert "reading locations" in progress
    assert "writing points" in progress
    assert "\x1b[2K" in rest
    assert "116 points written" in rest
