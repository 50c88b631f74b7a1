"""``policies report``: scenarios played by the real exporter and engine, written as a page."""

from __future__ import annotations

import io
import shutil
import threading
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK, USAGE
from lab.cli import report
from lab.cli.context import Context
from lab.cli.main import main
from lab.report.page import Report, render
from lab.report.timeline import Task, play_and_draw
from lab.simulate.scenario_files import parse_scenario
from tests.deletion import SCENARIO
from tests.lab.report import drawn
from tests.lab.report.reading import read

if TYPE_CHECKING:
    from lab.prove.scenarios import ScenarioResult
    from lab.report.marks import PolicyRow, Timeline

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "alerting_policies"
LATE = SCENARIO.replace("{after: 5m40s, by: 8m10s}", "{after: 5m40s, by: 5m45s}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which holds two policies and a scenario."""
    monkeypatch.chdir(tmp_path)
    scenarios = tmp_path / "alerting_policies" / "scenarios"
    scenarios.mkdir(parents=True)
    for name in ("stream-changed", "stream-missing"):
        shutil.copy(POLICIES / f"{name}.yaml", scenarios.parent)
    (scenarios / "deleted.yaml").write_text(SCENARIO, "utf-8")
    return tmp_path


def command(*argv: str) -> tuple[int, str]:
    """Return the exit code of the command, and what it says."""
    told = io.StringIO()
    code = main(["report", *argv], {}, told, told)
    return code, told.getvalue()


def played(name: str) -> tuple[ScenarioResult, Timeline]:
    """Return one of the project's own scenarios, played and drawn."""
    policies = tuple(drawn.POLICIES.values())
    file = POLICIES / "scenarios" / f"{name}.yaml"
    scenario = parse_scenario(file.read_text("utf-8"), file.name, drawn.POLICIES, name=name)
    return play_and_draw(Task(scenario, policies))


def rows(timeline: Timeline) -> list[PolicyRow]:
    """Return every row of a policy on metrics."""
    return [row for track in timeline.tracks for row in track.policies if not row.is_log]


@pytest.mark.parametrize("name", ["region-unavailable", "flapping-fifth", "exporter-dead-10m"])
def test_pages_begin_and_end_with_the_conditions_that_are_drawn(name: str) -> None:
    """What the engine finds true, once its hold is over, is what was judged: mark by mark."""
    proof, timeline = played(name)
    assert proof.passed
    paging = [row for row in rows(timeline) if row.incidents]
    assert paging
    for row in rows(timeline):
        held = {(each.fires, each.end) for each in row.intervals if each.end > each.fires}
        assert {(incident.begin, incident.end) for incident in row.incidents} == held
        assert row.wrong == ()
    expected = proof.scenario.expect
    shown = {row.policy for track in timeline.tracks for row in track.policies if row.incidents}
    assert {each.policy for each in expected if not each.may} <= shown
    assert shown <= {each.policy for each in expected}


def test_a_played_scenario_leaves_its_points_behind() -> None:
    """What goes back to the process that writes the page is small, and all that the page needs."""
    proof, timeline = played("unknown-state")
    assert proof.recording.series == ()
    assert any(point.text == "state 9" for row in timeline.tracks[0].points for point in row.points)
    page = render(Report((), [(proof, timeline)], (), complete=True, version="1", made=drawn.MADE))
    assert len(page) < 60_000


def test_it_writes_a_page(folder: Path) -> None:
    """The scenarios of the folder are on it, and the exit code is 0 where all are right."""
    code, told = command("--html", "report.html")
    assert code == OK, told
    page = (folder / "report.html").read_text("utf-8")
    (scenario,) = read(page).all("details", class_="scenario")
    assert scenario.attributes["data-verdict"] == "passed"
    assert "report.html: 1 scenario, " in told
    assert "The time to page is left out: there is no exporter-silent, no stream-failed" in told


def test_what_is_wrong_is_on_the_page_and_in_the_exit_code(folder: Path) -> None:
    """The page is written all the same, with the phases in which it is wrong."""
    (folder / "late.yaml").write_text(LATE, "utf-8")
    code, told = command("--html", "report.html", "--no-times", "late.yaml")
    assert code == INCOMPLETE
    assert "1 scenario failed: late." in told
    tree = read((folder / "report.html").read_text("utf-8"))
    verdicts = [
        each.all("td")[0].text for each in tree.all("table", class_="outcomes")[0].all("tr")[1:]
    ]
    assert verdicts == ["right", "late"]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("alerting_policies", "is a directory; name a file, such as report.html"),
        ("nowhere/report.html", "nowhere: there is no such directory; create it first"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_where_it_can_not_write_it_says_so_first(file: str, sentence: str) -> None:
    """Nothing is played for a page that nobody would get."""
    code, told = command("--html", file)
    assert code == USAGE
    assert sentence in told


def test_two_of_one_name_are_refused(folder: Path) -> None:
    """A link to one of them would lead to the other."""
    more = folder / "more"
    shutil.copytree(folder / "alerting_policies" / "scenarios", more)
    code, told = command(
        "--html", "report.html", "--scenarios", "more", "--scenarios", "alerting_policies/scenarios"
    )
    assert code == USAGE
    assert "deleted: 2 scenarios have this name; rename all but one" in told


@pytest.mark.usefixtures("folder")
def test_it_has_to_be_told_where_to() -> None:
    """A page is no text for a terminal."""
    code, told = command()
    assert code == USAGE
    assert "--html" in told


def test_a_disk_that_is_full_is_a_sentence() -> None:
    """It was not known before."""
    code, told = command("--html", "/dev/full", "--no-times", "unknown-state")
    assert code == USAGE
    assert "/dev/full: can't be written (No space left on device); name another file" in told


def test_whoever_stops_it_gets_no_half_page(tmp_path: Path) -> None:
    """The file is not touched, and nothing more is measured."""
    stop = threading.Event()
    stop.set()
    out = io.StringIO()
    args = Namespace(
        html=str(tmp_path / "report.html"),
        policies=[str(POLICIES)],
        scenarios=None,
        wanted=["unknown-state", "healthy-hour"],
        no_times=False,
    )
    assert report.run(Context(args, {}, out, out, stop)) == INTERRUPTED
    assert not (tmp_path / "report.html").exists()
