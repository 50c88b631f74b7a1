"""``datastream-lab demo``: the exporter at first sight."""

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cli.main import main
from tests.conftest import SignalWhen
from tests.lab.conftest import Command, Terminal
from tests.outputs import Printed


def write_world(path: Path, *locations: dict[str, Any], **more: Any) -> str:
    """Write the file of a world with one project, whose locations are discovered; return it."""
    config = {"metrics": {"project": "shop-prod"}, "sources": [{"project": "shop-prod"}]}
    project = {"id": "shop-prod", "number": 1, "locations": list(locations)}
    file = path / "world.yaml"
    file.write_text(yaml.safe_dump({"config": config, "projects": [project]} | more))
    return str(file)


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
    look_at = out.partition("\nLook at\n")[2].partition("\n\n")[0].splitlines()
    subjects = [line.rpartition("/")[2] for line in look_at[::2]]
    assert subjects[:3] == ["fraud-postgresql", "refunds-sqlserver", "billing-postgresql"]
    assert "\nWritten to data-platform-prod\n" in out
    assert "21 streams in 6 locations (2 failed, 2 not as expected)" in err
    assert err.partition("\nNext\n")[2].startswith("  .venv/bin/datastream-lab demo watch\n")
    assert "\x1b" not in out + err


def test_another_config_can_be_used(command: Command, tmp_path: Path) -> None:
    """--config and variables take precedence over the world's own config."""
    config = tmp_path / "mine.yaml"
    config.write_text(
        "metrics: {project: data-platform-prod}\n"
        "sources: [{project: payments-prod, locations: [us-east1]}]\n"
    )
    variable = {"DATASTREAM_EXPORTER_METRICS__PROJECT": "payments-prod"}
    code, out, _ = command("demo", "run", "--config", str(config), environ=variable)
    assert code == 0
    assert "\nWritten to payments-prod\n" in out
    assert "chargebacks-mysql" in out
    assert "erp-oracle" not in out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "world.yaml: there is no such file"),
        ("projects: [{id: shop-prod}]\n", "world.yaml:1: projects[0].number: is missing"),
        ("projects: []\nfaults: [{}]\n", "a fault needs a code, a latency, or both"),
        ("config: {metrics: {}}\nprojects: []\n", "world.yaml: metrics.project: is missing"),
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


def test_problems_are_limited_and_cannot_control_the_terminal(
    command: Command, tmp_path: Path
) -> None:
    """A fleet that fails as a whole doesn't scroll the table away; escape codes are text."""
    errors = [{"reason": "R", "message": "red \x1b[31m\n[bold]" + "x" * 1000}]
    streams = {"id": "orders-{:02}", "count": 60, "state": "FAILED", "errors": errors}
    path = write_world(tmp_path, {"id": "us-east1", "streams": [streams]})
    _, out, _ = command("demo", "--world", path)
    assert out.count("failed; Datastream keeps retrying") == 40
    assert "\n  and 20 more\n" in out
    line = next(line for line in out.splitlines() if "keeps retrying" in line)
    assert r"red \x1b[31m [bold]xxx" in line
    assert len(line) < 400


def test_an_interrupted_run_claims_nothing(tmp_path: Path, signal_when: SignalWhen) -> None:
    """After Ctrl-C during reading, a run shows what was read and writes nothing."""
    first = {"id": "us-east1", "streams": [{"id": "orders"}]}
    slow = {"method": "ListStreams", "location": "us-east4", "latency": 30}
    path = write_world(tmp_path, first, {"id": "us-east4"}, faults=[slow])
    out, err = Printed(), Terminal()
    signal_when(signal.SIGINT, lambda: "1/2" in err.getvalue())
    assert main(["demo", "--world", path], {}, out, err) == 130
    assert "Written" not in out.getvalue()
    assert "Next" not in err.getvalue()


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["check"], 1, "asia-northeast1"),
        (["run", "--dry-run"], 0, "erp-oracle"),
        (["run", "--help"], 0, "usage: datastream-exporter run"),
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
