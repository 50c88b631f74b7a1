"""Problems over many runs: kept by a process, or read back from Cloud Monitoring."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from exporter.google.calls import Calls, Deadline
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.steps import read_back
from exporter.steps.measure import Sample
from exporter.steps.write import Writer
from lab.emulator.monitoring import MonitoringService
from lab.emulator.world import Fault
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import EUROPE, IN_EUROPE, PREFIX, world
from tests.tables import beside, rows

STREAMS = {"europe-west1": {"streams": [{"id": "s-{}", "count": 6}]}}
ALL = "s-*"
FIRST = "s-1"
GROUPS = {
    ("", "GONE"): "alone",
    ("s-1, s-2, s-3, s-4, s-5, s-6", "GONE"): "together",
    ("", ""): "nameless",
}
"""Who formed the group, and the reason."""
PENDING = {"-1": "p", "-2": "q"}
"""What stands for a pending problem, and for one that is fine again."""


class Fleet:
    """Six streams, and an exporter that runs every minute.

    Attributes:
        forgetful: Whether each run is a new process, as those of a job are.
    """

    def __init__(self, serve: Serve, *, forgetful: bool, **parts: Any) -> None:
        self.now = self.start = 1_800_000_000.0
        self.forgetful = forgetful
        self.lab = serve(world(STREAMS, **parts), lambda: self.now)
        self.cloud = self.lab.cloud
        self.config: dict[str, Any] = {}
        self.restart()

    def restart(self, config: dict[str, Any] | None = None, **source: Any) -> None:
        """Start a new process, perhaps with another config or more keys of a source."""
        self.config = config or self.config
        self.source = IN_EUROPE | source
        self.session = self.lab.session(
            self.source, clock=lambda: self.now, **self.config
        )

    def run(self, until: int, seconds: float = PLENTY) -> list[Report]:
        """Run up to a minute, in so many real seconds each; return the reports."""
        reports = []
        while self.now < self.start + until * 60:
            if self.forgetful:
                self.restart(**self.source)
            reports.append(run_once(self.session, Deadline.after(seconds)))
            self.now += 60
        return reports

    def pause(self, until: int) -> None:
        """Let nothing run up to a minute; then start a new process."""
        self.now = self.start + until * 60
        self.restart(**self.source)

    def told(self, stream: str = FIRST, kind: str = "failed") -> dict[str, str]:
        """Return what was written of a kind; see the file of histories."""
        lines: dict[str, dict[int, str]] = defaultdict(dict)
        for metric in ("state", "since"):
            for point in self.cloud.points(f"{PREFIX}stream/problem_{metric}"):
                labels = point.metric_labels
                if (labels["stream_id"], labels["kind"]) != (stream, kind):
                    continue
                name = metric
                value = str(int(point.value))
                if metric == "state":
                    group = labels["streams"], labels["reason"]
                    name = GROUPS.get(group) or ": ".join(group)
                    value = PENDING.get(value, value)
                elif value != "0":
                    value = str(self._minute(point.value))
                lines[name][self._minute(point.time)] = value
        return {
            name: "".join(values.get(at, "-") for at in range(max(values) + 1))
            for name, values in lines.items()
        }

    def _minute(self, time: float) -> int:
        return int(time - self.start) // 60


Make = Callable[..., Fleet]


@pytest.fixture(params=[True, False], ids=["job", "function"])
def make(request: pytest.FixtureRequest, serve: Serve) -> Make:
    """Return what makes a fleet, watched by processes with one run or with many."""
    return partial(Fleet, serve, forgetful=request.param)


# One that reads back in each run shows all about that.
as_a_job = pytest.mark.parametrize("make", [True], indirect=True, ids=["job"])


class Listed(NamedTuple):
    """A list of series that an exporter asked for."""

    metric: str
    of_a_day: bool  # each series' last point, instead of the points of ten minutes
    series: int  # how many it had


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> list[Listed]:
    """Return the lists of series that are asked for, in the order of their answers."""
    made: list[Listed] = []
    answer = vars(MonitoringService)["_list_series"]

    def counting(service: MonitoringService, request: Any) -> Any:
        response = answer(service, request)
        metric = request.filter.split('"')[1].removeprefix(PREFIX)
        of_a_day = request.aggregation.per_series_aligner != 0
        made.append(Listed(metric, of_a_day, len(response.time_series)))
        return response

    monkeypatch.setattr(MonitoringService, "_list_series", counting)
    return made


def event(at: int, what: str, stream: str = ALL, **more: str) -> dict[str, Any]:
    """Return an event of a world, in a minute."""
    return {"at": at * 60, "stream": stream, "do": what, **more}


def fails(at: int, stream: str = ALL) -> dict[str, Any]:
    """Return a failure in a minute."""
    return event(at, "fail", stream, reason="GONE")


HISTORIES = beside(__file__, "test_run_problems.yaml")[
    "test_problems_are_written_as_their_history_says"
]


@pytest.mark.parametrize("mode", ["job", "function"])
@pytest.mark.parametrize("title", HISTORIES)
def test_problems_are_written_as_their_history_says(
    serve: Serve, title: str, mode: str
) -> None:
    """A history of the file is told alike by many processes and by one."""
    history = HISTORIES[title]
    fleet = Fleet(serve, forgetful=mode == "job", **history["world"])
    for minute, changed in history.get("processes", {}).items():
        fleet.run(minute)
        fleet.restart(**changed)
    fleet.run(history["minutes"])
    expected = history.get(mode) or history["each"]
    assert {key: fleet.told(*key.split()) for key in expected} == expected


# What is written.


@as_a_job
@pytest.mark.parametrize("lost", ["stream/problem_state", "stream/problem_since"])
def test_a_zero_that_one_series_lacks_is_written_by_the_next_run(
    make: Make, lost: str
) -> None:
    """Both series end where one of the two zeros was refused."""
    fleet = make(events=[fails(1, FIRST), event(3, "delete", FIRST)])
    fleet.run(5)
    hub = fleet.cloud.metrics_project("metrics-project")
    (series,) = hub.of_metric(PREFIX + lost)
    assert series.values.pop() == 0
    del series.times[-1]
    fleet.run(7)
    assert series.values[-1] == 0


def test_what_is_no_longer_left_out_is_counted_at_once(make: Make) -> None:
    """A stream that is not watched changes its location as any other does."""
    fleet = make(events=[event(3, "delete", "s-6")])
    fleet.restart(include=[FIRST])
    fleet.run(4)
    points = fleet.cloud.points(f"{PREFIX}location/unwatched")
    assert points[-1].time == fleet.start + 180
    assert points[-1].value == 4


# What is read back.


def test_a_new_process_reads_back_what_another_wrote(make: Make) -> None:
    """Problems of the last day are read back; older ones begin anew."""
    fleet = make(events=[fails(1, FIRST)])
    fleet.run(3)
    for hours, since in ((20, 1), (45, 2702)):
        minute = hours * 60 + 2
        fleet.pause(minute)
        fleet.run(minute + 1)
        assert fleet.told()["since"].endswith(f"-{since}")


RECENT = {("stream/problem_state", False), ("stream/problem_since", False)}
BEFORE = {("stream/problem_since", True)}
STATES_OF_A_DAY = {("stream/problem_state", True)}


def test_a_group_goes_on_after_half_an_hour_in_which_nothing_ran(
    make: Make, lists: list[Listed]
) -> None:
    """Only the first run after the gap lists the series of a day, a fourth list."""
    fleet = make(events=[fails(1)])
    fleet.run(3)
    assert {each[:2] for each in lists} == RECENT | BEFORE
    lists.clear()
    fleet.pause(33)
    fleet.run(34)
    assert {each[:2] for each in lists} == RECENT | BEFORE | STATES_OF_A_DAY
    assert len(lists) == 4
    lists.clear()
    fleet.run(35)
    # A job pays for three series of each problem, a process for the first minutes.
    assert [each.series for each in lists] == [6, 6, 6]
    lists.clear()
    fleet.run(37)
    assert len(lists) == 6 * fleet.forgetful + 3 * (not fleet.forgetful)
    gap = "-" * 30
    assert fleet.told()["together"].startswith(f"--1{gap}11")
    assert fleet.told()["since"].startswith(f"-11{gap}11")


def test_a_gap_without_problems_needs_no_fourth_list(
    make: Make, lists: list[Listed]
) -> None:
    """What ended before the gap is read by its beginning alone, which is 0."""
    fleet = make(events=[fails(1), event(2, "delete")])
    fleet.run(4)
    fleet.pause(33)
    lists.clear()
    fleet.run(34)
    assert [each[:2] for each in lists].count(*STATES_OF_A_DAY) == 0


@as_a_job
def test_no_list_is_asked_for_before_the_server_wants_it(make: Make) -> None:
    """Where the server wants no list until too late, the next run reads back."""
    asked = {"method": "ListTimeSeries", "code": "UNAVAILABLE", "retry_delay": "10m"}
    fleet = make(faults=[asked])
    (report,) = fleet.run(1)
    assert report.problems_unread
    assert fleet.cloud.calls["ListTimeSeries"] == 1


@as_a_job
def test_a_metric_that_was_never_written_is_listed_once(make: Make) -> None:
    """Cloud Monitoring doesn't know it before its first point: a retry can't help."""
    text = 'Cannot find metric(s) that match type = "TYPE".'
    unknown = {"method": "ListTimeSeries", "code": "NOT_FOUND", "message": text}
    fleet = make(faults=[unknown])
    (report,) = fleet.run(1)
    assert report.complete
    assert fleet.cloud.calls["ListTimeSeries"] == 3


@as_a_job
def test_a_series_may_go_on_in_the_next_page(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page has a number of points, so a part of a series may be in another one."""
    monkeypatch.setattr(read_back, "_MOST_POINTS", 4)
    fleet = make(events=[fails(1, FIRST), event(3, "heal", FIRST)])
    fleet.run(16)
    assert fleet.told() == {"alone": "-p122222222220", "since": "-111111111111-0"}


@as_a_job
@pytest.mark.parametrize("metric", ["problem_state", "problem_since"])
def test_a_metric_that_is_refused_for_long_changes_no_page(
    make: Make, metric: str
) -> None:
    """Where one metric of problems has no point lately, those of a day are listed."""
    refused = {"method": "CreateTimeSeries", "code": "INVALID_ARGUMENT", "refuses": 99}
    times = {"from": "3m", "until": "1470s"}
    faults = [refused | times | {"metric": f"*/stream/{metric}"}]
    fleet = make(events=[fails(1)], faults=faults)
    fleet.run(25)
    # No point of the last minutes is as old as what is read back of the day.
    fleet.now += 20
    fleet.run(27)
    told = fleet.told()
    assert told.keys() == {"alone", "together", "since"}
    refused_line = told["since" if metric == "problem_since" else "together"]
    assert refused_line.endswith("-11")
    assert not told["alone"].endswith("1")


@as_a_job
def test_series_of_other_projects_in_the_scope_are_left_out(make: Make) -> None:
    """Another deployment's group of the same streams is none of this project's."""
    shop, hub = world(STREAMS)["projects"]
    hub["metrics_scope"] = ["other-metrics"]
    projects = [shop, hub, {"id": "other-metrics", "number": 78}]
    fleet = make(projects=projects, events=[fails(1)])
    metrics = {"project": "other-metrics"}
    other = fleet.lab.session(IN_EUROPE, metrics=metrics, clock=lambda: fleet.now)
    fleet.now += 60
    run_once(other, Deadline.after(PLENTY))
    fleet.now += 60
    fleet.run(3)
    assert fleet.told()["since"] == "-12"


LARGEST = 2**63 - 1


@as_a_job
@pytest.mark.parametrize("value", [LARGEST, -LARGEST - 1, 205])
@rows
def test_a_value_of_somebody_else_costs_no_point(
    make: Make, metric: str, labels: list[str], value: int
) -> None:
    """Nothing overflows, and the stream has its own problem when it fails."""
    fleet = make(events=[fails(2)])
    clients = fleet.lab.clients
    project = "metrics-project"
    writer = Writer(clients.monitorings, project, int(fleet.now), Calls())
    foreign = Sample(
        metric, EUROPE.location, EUROPE.project, FIRST, (FIRST, *labels), value
    )
    assert writer.write_points([foreign], Deadline.after(PLENTY)).complete
    fleet.now += 60
    for report in fleet.run(4):
        assert report.complete
    told = fleet.told()
    assert {line[-1] for name, line in told.items() if name != "since"} >= {"1"}
    if "later_kind" in labels:
        assert fleet.told(kind="later_kind")["nameless"].endswith("0")


# Reading back fails.


@rows
def test_what_cannot_be_read_back_for_now_is_written_later(
    make: Make, code: str, said: str
) -> None:
    """Neither a problem nor a beginning nor a 0 is written meanwhile, which is lost."""
    fleet = make(events=[fails(1), event(3, "delete", "s-2")])
    fleet.run(3)
    fleet.pause(3)
    fleet.cloud.add_fault(Fault(method="ListTimeSeries", code=code, until=270))
    # The emulator's time stands still during a run.
    lost = fleet.run(5, seconds=3)
    assert [report.written.lost for report in lost] == [1, 1]
    assert all(said in str(report.problems_unread) for report in lost)
    read = {point.time for point in fleet.cloud.points(f"{PREFIX}location/last_read")}
    assert {report.timestamp for report in lost} <= read
    fleet.run(7)
    assert fleet.told() == {"alone": "-p0", "together": "--1--11", "since": "-11--11"}
    assert fleet.told("s-2") == {
        "alone": "-p0",
        "together": "--1--0",
        "since": "-11---0",
    }
