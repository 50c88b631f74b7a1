"""``datastream-lab report``: scenarios played by the real exporter, written as a page."""

from __future__ import annotations

import shutil
import threading
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import INCOMPLETE, INTERRUPTED, OK, USAGE
from lab.cli import report
from lab.cli.context import Context
from lab.cli.main import main
from lab.report.page import Report, render
from lab.report.timeline import Task, play_and_draw
from lab.simulate.scenario_files import parse_scenario
from tests.deletion import SCENARIO
from tests.lab.report import drawn
from tests.lab.report.reading import read
from tests.outputs import Printed

if TYPE_CHECKING:
    from lab.prove.scenarios import ScenarioResult
    from lab.report.marks import PolicyRow, Timeline

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "alerting_policies"
LATE = SCENARIO.replace("{after: 5m40s, by: 8m10s}", "{after: 5m40s, by: 5m45s}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder with two policies and a scenario."""
    monkeypatch.chdir(tmp_path)
    scenarios = tmp_path / "alerting_policies" / "scenarios"
    scenarios.mkdir(parents=True)
    for name in ("stream-changed", "stream-missing"):
        shutil.copy(POLICIES / f"{name}.yaml", scenarios.parent)
    (scenarios / "deleted.yaml").write_text(SCENARIO, "utf-8")
    return tmp_path


def command(*argv: str) -> tuple[int, str]:
    """Return the exit code and the output of the command."""
    output = Printed()
    code = main(["report", *argv], {}, output, output)
    return code, output.getvalue()


def played(name: str) -> tuple[ScenarioResult, Timeline]:
    """Return the result and timeline of one of the project's scenarios."""
    policies = tuple(drawn.POLICIES.values())
    file = POLICIES / "scenarios" / f"{name}.yaml"
    scenario = parse_scenario(file.read_text("utf-8"), file.name, drawn.POLICIES, name=name)
    return play_and_draw(Task(scenario, policies))


def rows(timeline: Timeline) -> list[PolicyRow]:
    """Return every row of a metric policy."""
    return [row for track in timeline.tracks for row in track.policies if not row.is_log]


@pytest.mark.parametrize("name", ["region-unavailable", "flapping-fifth", "exporter-dead-10m"])
def test_incidents_match_the_drawn_conditions(name: str) -> None:
    """Each incident starts when the retest window ends and lasts while the condition is true."""
    result, timeline = played(name)
    assert result.passed
    paging = [row for row in rows(timeline) if row.incidents]
    assert paging
    for row in rows(timeline):
        true = {(each.fires, each.end) for each in row.intervals if each.end > each.fires}
        assert {(incident.begin, incident.end) for incident in row.incidents} == true
        assert row.wrong == ()
    expected = result.scenario.expect
    shown = {row.policy for track in timeline.tracks for row in track.policies if row.incidents}
    assert {each.policy for each in expected if not each.may} <= shown
    assert shown <= {each.policy for each in expected}


def test_a_played_scenario_is_returned_without_its_series() -> None:
    """The worker returns little, but everything the page needs."""
    result, timeline = played("unknown-state")
    assert result.recording.series == ()
    assert any(point.text == "state 9" for row in timeline.tracks[0].points for point in row.points)
    page = render(Report((), [(result, timeline)], (), complete=True, version="1", made=drawn.MADE))
    assert len(page) < 60_000


def test_it_writes_a_page(folder: Path) -> None:
    """All scenarios of the folder are on it; exit 0 if all passed."""
    code, output = command("--html", "report.html")
    assert code == OK, output
    page = (folder / "report.html").read_text("utf-8")
    (scenario,) = read(page).all("details", class_="scenario")
    assert scenario.attributes["data-verdict"] == "passed"
    assert "report.html: 1 scenario, " in output
    assert "The time to page is left out: there is no exporter-silent, no stream-failed" in output


def test_a_failed_scenario_is_on_the_page_and_costs_exit_1(folder: Path) -> None:
    """The page is written anyway."""
    (folder / "late.yaml").write_text(LATE, "utf-8")
    code, output = command("--html", "report.html", "--no-times", "late.yaml")
    assert code == INCOMPLETE
    assert "1 scenario failed: late." in output
    tree = read((folder / "report.html").read_text("utf-8"))
    right, late = tree.all("ul", class_="outcomes")[0].all("li")
    assert "class" not in right.attributes
    assert late.attributes["class"] == "wrong"
    assert late.text.startswith("late: ")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("alerting_policies", "is a directory; name a file, such as report.html"),
        ("nowhere/report.html", "nowhere: there is no such directory; create it first"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_unwritable_file_is_refused_first(file: str, sentence: str) -> None:
    """Nothing is played before."""
    code, output = command("--html", file)
    assert code == USAGE
    assert sentence in output


def test_two_scenarios_of_one_name_are_refused(folder: Path) -> None:
    """Links on the page use the name."""
    more = folder / "more"
    shutil.copytree(folder / "alerting_policies" / "scenarios", more)
    code, output = command(
        "--html", "report.html", "--scenarios", "more", "--scenarios", "alerting_policies/scenarios"
    )
    assert code == USAGE
    assert "deleted: 2 scenarios have this name; rename all but one" in output


@pytest.mark.usefixtures("folder")
def test_the_file_is_required() -> None:
    """--html is not optional."""
    code, output = command()
    assert code == USAGE
    assert "--html" in output


def test_a_full_disk_is_one_sentence() -> None:
    """It shows only when the page is written."""
    code, output = command("--html", "/dev/full", "--no-times", "unknown-state")
    assert code == USAGE
    assert "/dev/full: can't be written (No space left on device); name another file" in output


def test_an_interrupted_report_writes_nothing(tmp_path: Path) -> None:
    """The file is not created, and nothing is measured."""
    stop = threading.Event()
    stop.set()
    out = Printed()
    args = Namespace(
        html=str(tmp_path / "report.html"),
        policies=[str(POLICIES)],
        scenarios=None,
        wanted=["unknown-state", "healthy-hour"],
        no_times=False,
    )
    assert report.run(Context(args, {}, out, out, stop)) == INTERRUPTED
    assert not (tmp_path / "report.html").exists()
