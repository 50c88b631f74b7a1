"""``datastream-lab demo``: the exporter at first sight."""

import re
from pathlib import Path

import pytest

from tests.lab.conftest import POLICIES, Command


def test_the_whole_way_is_played(command: Command) -> None:
    """``init``, then ``check`` and ``run`` with its config, a page, and the next steps."""
    code, out, err = command("demo", f"--policies={POLICIES}")
    assert code == 0
    steps = re.findall(r"^\$ (\S+ \S+)", err, re.MULTILINE)
    exporter = [f"datastream-exporter {each}" for each in ("init", "check", "run")]
    assert steps == [*exporter, "datastream-lab preview"]
    assert "\n#data-platform         slack      2\n" in out
    assert "\nok       projects/payments-prod/locations/us-east1: 3 streams\n" in out
    assert "\nstream-failed-permanently · CRITICAL\n" in out
    assert err.partition("\nNext\n")[2].startswith(
        "  .venv/bin/datastream-lab demo watch\n"
    )
    assert "\x1b" not in out + err


def test_the_default_fleet_is_shown_and_written(command: Command) -> None:
    """The output has the table, the problems (worst first) and the points."""
    code, out, err = command("demo", "run")
    assert code == 0
    heading, *table = out.partition("\n\n")[0].splitlines()
    assert heading.split() == [
        "STREAM",
        "PROJECT",
        "LOCATION",
        "STATE",
        "EXPECTED",
        "ERRORS",
    ]
    cells = [" ".join(line.split()) for line in table]
    assert "billing-postgresql data-platform-prod europe-west1 FAILED no 1" in cells
    assert "refunds-sqlserver payments-prod us-east1 missing no -" in cells
    assert "? payments-prod asia-northeast1 unknown ? ?" in cells
    look_at = out.partition("\nLook at\n")[2].partition("\n\n")[0].splitlines()
    subjects = [line.rpartition("/")[2] for line in look_at[::2]]
    assert subjects[:3] == [
        "fraud-postgresql",
        "refunds-sqlserver",
        "billing-postgresql",
    ]
    assert "\nWritten to data-platform-prod\n" in out
    assert "21 streams in 6 locations (2 failed, 2 not as expected)" in err


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
        (
            "projects: [{id: shop-prod}]\n",
            "world.yaml:1: projects[0].number: is missing",
        ),
        ("projects: []\nfaults: [{}]\n", "a fault needs a code, a latency, or both"),
        (
            "config: {metrics: {}}\nprojects: []\n",
            "world.yaml: metrics.project: is missing",
        ),
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
