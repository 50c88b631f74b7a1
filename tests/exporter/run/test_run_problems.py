"""Problems over many runs: kept by a process, or read back from Cloud Monitoring."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from exporter.google.calls import Calls, Deadline
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.steps.measure import MetricName, Sample
from exporter.steps.problems import Kind
from exporter.steps.write import Writer
from lab.emulator.monitoring import MonitoringService
from lab.emulator.world import Fault
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import EUROPE, PREFIX, world

STREAMS = {"europe-west1": {"streams": [{"id": "s-{}", "count": 6}]}}
SOURCE = {"project": "shop-prod", "locations": ["europe-west1"]}
ALL, FIRST = "s-*", "s-1"
ALONE = ("", "GONE")
TOGETHER = ("s-1, s-2, s-3, s-4, s-5, s-6", "GONE")
NAMELESS = ("", "")
"""Who formed the group, and the reason: where reading back is refused, neither."""


class Fleet:
    """Six streams, and an exporter that runs every minute.

    Attributes:
        forgetful: Whether each run is a new process, as those of a job are.
    """

    def __init__(
        self, serve: Serve, *, forgetful: bool, streams: Any = STREAMS, **parts: Any
    ) -> None:
        self.now = self.start = 1_800_000_000.0
        self.forgetful = forgetful
        self.lab = serve(world(streams, **parts), lambda: self.now)
        self.cloud = self.lab.cloud
        self.config: dict[str, Any] = {}
        self.restart()

    def restart(self, config: dict[str, Any] | None = None, **source: Any) -> None:
        """Start a new process, perhaps with another config or more keys of a source."""
        self.config = config or self.config
        self.source = SOURCE | source
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

    def states(
        self, stream: str = FIRST, kind: str = "failed"
    ) -> dict[tuple[str, str], dict[int, int]]:
        """Return a kind's values by minute, by who formed the group and the reason."""
        found: dict[tuple[str, str], dict[int, int]] = {}
        for point in self.cloud.points(f"{PREFIX}stream/problem_state"):
            labels = point.metric_labels
            if (labels["stream_id"], labels["kind"]) == (stream, kind):
                values = found.setdefault((labels["streams"], labels["reason"]), {})
                values[self._minute(point.time)] = int(point.value)
        return found

    def since(self, stream: str = FIRST, kind: str = "failed") -> dict[int, int]:
        """Return in which minute a kind of problem began, or 0, by minute."""
        labels = {"stream_id": stream, "kind": kind}
        return {
            self._minute(point.time): point.value and self._minute(point.value)
            for point in self.cloud.points(f"{PREFIX}stream/problem_since")
            if point.metric_labels == labels
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


def fault(code: str, method: str, first: int, last: int) -> dict[str, Any]:
    """Return a fault of a method's calls in the runs from one minute to another."""
    minutes = {"from": first * 60, "until": last * 60 + 30}
    return {"method": method, "code": code, **minutes}


# What is written.


def test_a_problem_that_is_alone_ends_with_a_zero(make: Make) -> None:
    """Its state has one series, and its beginning another, which ends as well."""
    fleet = make(events=[fails(1, FIRST), event(3, "heal", FIRST)])
    fleet.run(5)
    assert fleet.states() == {ALONE: {1: 5, 2: 5, 3: 0}}
    assert fleet.since() == {1: 1, 2: 1, 3: 0}


def test_a_group_takes_a_stream_over_with_a_zero(make: Make) -> None:
    """A founder that failed a minute before has two series, and is told once."""
    fleet = make(events=[fails(1, FIRST), fails(2, "s-[2-6]"), event(4, "heal")])
    fleet.run(6)
    assert fleet.states() == {ALONE: {1: 5, 2: 0}, TOGETHER: {2: 5, 3: 5, 4: 0}}
    assert fleet.states("s-6") == {TOGETHER: {2: 5, 3: 5, 4: 0}}
    assert fleet.since() == {1: 1, 2: 2, 3: 2, 4: 0}


@pytest.mark.parametrize("errors", [True, False])
def test_errors_are_a_problem_if_config_collects_them(
    make: Make, *, errors: bool
) -> None:
    """With `collect.errors: false`, no series has the kind errors."""
    fleet = make(events=[event(1, "report_error", FIRST, reason="GONE")])
    fleet.restart({"collect": {"errors": errors}})
    fleet.run(3)
    found = {ALONE: {1: 2, 2: 2}} if errors else {}
    assert fleet.states(kind="errors") == found


def test_a_zero_is_written_until_it_was_accepted(make: Make) -> None:
    """A run whose points are lost ends no problem, and the next one does."""
    lost = fault("UNKNOWN", "CreateTimeSeries", 3, 3)
    fleet = make(events=[fails(1, FIRST), event(3, "heal", FIRST)], faults=[lost])
    fleet.run(7)
    assert fleet.states() == {ALONE: {1: 5, 2: 5, 4: 0}}
    assert fleet.since() == {1: 1, 2: 1, 4: 0}


@as_a_job
@pytest.mark.parametrize("lost", ["stream/problem_state", "stream/problem_since"])
def test_a_zero_that_one_series_lacks_is_written_by_the_next_run(
    make: Make, lost: str
) -> None:
    """Both series end where one of the two zeros was refused."""
    fleet = make(events=[fails(1, FIRST), event(3, "heal", FIRST)])
    fleet.run(4)
    hub = fleet.cloud.metrics_project("metrics-project")
    (series,) = hub.of_metric(PREFIX + lost)
    del series.times[-1], series.values[-1]
    fleet.run(6)
    assert series.values[-1] == 0


@pytest.mark.parametrize("how", ["deleted", "excluded", "muted"])
def test_what_is_not_watched_any_more_has_no_problem(make: Make, how: str) -> None:
    """A 0 closes the incident of a stream that is deleted, excluded or muted."""
    events = [fails(1, FIRST)]
    if how == "deleted":
        events.append(event(3, "delete", FIRST))
    fleet = make(events=events)
    fleet.run(3)
    if how == "excluded":
        fleet.restart(exclude=[FIRST])
    elif how == "muted":
        fleet.restart({"mutes": [{"match": "*/s-1", "until": "2027-02-01T00:00:00Z"}]})
    fleet.run(6)
    assert fleet.states() == {ALONE: {1: 5, 2: 5, 3: 0}}
    assert fleet.since() == {1: 1, 2: 1, 3: 0}


def test_a_location_without_its_last_stream_ends_its_problems(make: Make) -> None:
    """A 0 ends the problems, and the location counts no streams any more."""
    fleet = make(events=[fails(1), event(3, "delete")])
    fleet.run(8)
    assert fleet.states() == {TOGETHER: {1: 5, 2: 5, 3: 0}}
    for metric, before in (("streams", 6), ("unwatched", 0)):
        points = fleet.cloud.points(f"{PREFIX}location/{metric}")
        counts = [point.value for point in points]
        assert counts == [before] * 3


def test_what_is_no_longer_left_out_is_counted_at_once(make: Make) -> None:
    """A stream that is not watched changes its location as any other does."""
    fleet = make(events=[event(3, "delete", "s-6")])
    fleet.restart(include=[FIRST])
    fleet.run(4)
    points = fleet.cloud.points(f"{PREFIX}location/unwatched")
    assert points[-1].time == fleet.start + 180
    assert points[-1].value == 4


def test_an_unreadable_location_says_nothing_of_problems(make: Make) -> None:
    """What was written before an unreadable time counts on, and goes on after it."""
    down = fault("UNKNOWN", "ListStreams", 2, 24)
    fleet = make(events=[fails(1)], faults=[down])
    fleet.run(27)
    assert fleet.states() == {TOGETHER: dict.fromkeys([1, 25, 26], 5)}
    assert fleet.since() == dict.fromkeys([1, 25, 26], 1)


# What is read back.


def test_a_new_process_reads_back_what_another_wrote(make: Make) -> None:
    """Problems of the last day are read back; older ones begin anew."""
    fleet = make(events=[fails(1, FIRST)])
    fleet.run(3)
    for hours, since in ((20, 1), (45, 2702)):
        minute = hours * 60 + 2
        fleet.pause(minute)
        fleet.run(minute + 1)
        assert fleet.since()[minute] == since


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
    # A job pays for three series of each problem.
    assert [each.series for each in lists] == [6, 6, 6] * fleet.forgetful
    assert fleet.states() == {TOGETHER: dict.fromkeys([1, 2, 33, 34], 5)}
    assert fleet.since() == dict.fromkeys([1, 2, 33, 34], 1)


def test_a_gap_without_problems_needs_no_fourth_list(
    make: Make, lists: list[Listed]
) -> None:
    """What ended before the gap is read by its beginning alone, which is 0."""
    fleet = make(events=[fails(1), event(2, "heal")])
    fleet.run(4)
    fleet.pause(33)
    lists.clear()
    fleet.run(34)
    assert [each[:2] for each in lists].count(*STATES_OF_A_DAY) == 0


@pytest.mark.parametrize("seconds", [40, 70, 130])
def test_points_that_are_visible_late_change_no_group(
    serve: Serve, seconds: int
) -> None:
    """Runs that don't see a group's first points agree with it once they do."""
    fleet = Fleet(serve, forgetful=True, events=[fails(1)], visible_after=seconds)
    fleet.run(10)
    hidden = 1 + seconds // 60
    assert fleet.states() == {TOGETHER: dict.fromkeys(range(1, 10), 5)}
    beginnings = [*fleet.since().values()]
    assert beginnings == [*range(1, hidden + 1), *[1] * (9 - hidden)]


def test_a_metric_that_was_never_written_has_nothing_to_read_back(make: Make) -> None:
    """A metric that Cloud Monitoring doesn't know refuses nothing: groups form."""
    text = 'Cannot find metric(s) that match type = "TYPE".'
    unknown = fault("NOT_FOUND", "ListTimeSeries", 0, 1) | {"message": text}
    fleet = make(events=[fails(1)], faults=[unknown])
    reports = fleet.run(3)
    assert not any(report.problems_unread for report in reports)
    assert fleet.states() == {TOGETHER: {1: 5, 2: 5}}


@as_a_job
def test_slow_answers_are_waited_for_at_the_same_time(make: Make) -> None:
    """Three lists that take two seconds each are read in less than five and a half."""
    slow = {"method": "ListTimeSeries", "latency": 2}
    fleet = make(events=[fails(1)], faults=[slow])
    (report,) = fleet.run(1, seconds=9)
    assert report.problems_unread is None
    assert report.complete


@as_a_job
@pytest.mark.parametrize("code", ["UNKNOWN", "INVALID_ARGUMENT", "UNAVAILABLE"])
def test_an_error_in_passing_is_tried_again(make: Make, code: str) -> None:
    """One error of any code is no refusal: a standing group stays a group."""
    fleet = make(events=[fails(1)])
    fleet.run(3)
    fleet.cloud.add_fault(Fault(method="ListTimeSeries", code=code, times=1))
    (report,) = fleet.run(4)
    assert report.problems_unread is None
    assert fleet.states() == {TOGETHER: dict.fromkeys([1, 2, 3], 5)}


@as_a_job
def test_no_list_is_asked_for_before_the_server_wants_it(make: Make) -> None:
    """Where the server wants no list until too late, the next run reads back."""
    asked = {"method": "ListTimeSeries", "code": "UNAVAILABLE", "retry_delay": "10m"}
    fleet = make(faults=[asked])
    (report,) = fleet.run(1)
    assert report.problems_unread
    assert report.problems_unread.retry_seconds == 600
    assert fleet.cloud.calls["ListTimeSeries"] <= 3


@as_a_job
def test_series_of_other_projects_in_the_scope_are_left_out(make: Make) -> None:
    """Another deployment's group of the same streams is none of this project's."""
    shop, hub = world(STREAMS)["projects"]
    hub["metrics_scope"] = ["other-metrics"]
    projects = [shop, hub, {"id": "other-metrics", "number": 78}]
    fleet = make(projects=projects, events=[fails(1)])
    metrics = {"project": "other-metrics"}
    other = fleet.lab.session(SOURCE, metrics=metrics, clock=lambda: fleet.now)
    fleet.now += 60
    run_once(other, Deadline.after(PLENTY))
    fleet.now += 60
    fleet.run(3)
    assert fleet.since()[2] == 2


LARGEST = 2**63 - 1


@as_a_job
@pytest.mark.parametrize("value", [LARGEST, -LARGEST - 1, 205])
@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("stream/problem_state", ("failed", "", "")),
        ("stream/problem_state", ("failed", "nobody", "x")),
        ("stream/problem_state", ("later_kind", "", "")),
        ("stream/problem_since", ("failed",)),
    ],
)
def test_a_value_of_somebody_else_costs_no_point(
    make: Make, metric: MetricName, labels: tuple[str, ...], value: int
) -> None:
    """Nothing overflows, and the stream has its own problem when it fails."""
    fleet = make(events=[fails(2)])
    clients, project = fleet.lab.clients, "metrics-project"
    writer = Writer(clients.monitorings, project, int(fleet.now), Calls())
    foreign = Sample(
        metric, EUROPE.location, EUROPE.project, FIRST, (FIRST, *labels), value
    )
    assert writer.write_points([foreign], Deadline.after(PLENTY)).complete
    fleet.now += 60
    for report in fleet.run(4):
        assert report.complete
    assert fleet.states()[TOGETHER] == {2: 5, 3: 5}
    assert fleet.since()[3] == 2


# Reading back fails.


def test_what_cannot_be_read_back_for_now_is_written_later(make: Make) -> None:
    """Neither a problem nor a beginning nor a 0 is written meanwhile."""
    fleet = make(events=[fails(1), event(3, "heal", "s-2")])
    fleet.run(3)
    fleet.pause(3)
    fleet.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE", until=270))
    # The emulator's time stands still during a run.
    lost = fleet.run(5, seconds=5)
    assert [report.written.lost for report in lost] == [1, 1]
    read = {point.time for point in fleet.cloud.points(f"{PREFIX}location/last_read")}
    assert {report.timestamp for report in lost} <= read
    fleet.run(7)
    assert fleet.states() == {TOGETHER: dict.fromkeys([1, 2, 5, 6], 5)}
    assert fleet.since() == dict.fromkeys([1, 2, 5, 6], 1)
    assert fleet.states("s-2") == {TOGETHER: {1: 5, 2: 5, 5: 0}}
    assert fleet.since("s-2") == {1: 1, 2: 1, 5: 0}


def test_each_location_with_streams_loses_a_point_if_nothing_is_read_back(
    serve: Serve,
) -> None:
    """The page for lost points must come, also where no stream has a problem yet."""
    places = {"europe-west1": ["orders"], "us-east1": ["users"], "asia-east1": []}
    down = {"method": "ListTimeSeries", "code": "UNAVAILABLE"}
    lab = serve(world(places, faults=[down]))
    source = {"project": "shop-prod", "locations": [*places]}
    assert lab.run(source, seconds=3).written.lost == 2


@as_a_job
def test_where_reading_back_is_refused_every_problem_is_alone(make: Make) -> None:
    """It has no reason and no beginning, and its old series stands until it may."""
    refused = fault("PERMISSION_DENIED", "ListTimeSeries", 3, 24)
    events = [fails(1), event(10, "heal", "s-2")]
    fleet = make(events=events, faults=[refused])
    reports = fleet.run(27)
    assert all(report.complete for report in reports)
    assert "monitoring.timeSeries.list" in str(reports[3].problems_unread)
    before, after = {1: 5, 2: 5}, {25: 5, 26: 5}
    alone = dict.fromkeys(range(3, 25), 5)
    assert fleet.states() == {TOGETHER: before | after, NAMELESS: alone | {25: 0}}
    assert fleet.since() == dict.fromkeys([1, 2, 25, 26], 1)
    # Nobody knows whether a stream had another problem, or had one before.
    ended = dict.fromkeys(range(3, 25), 0)
    for kind in {*Kind} - {Kind.FAILED}:
        assert fleet.states(kind=kind) == {NAMELESS: ended}
        assert fleet.since(kind=kind) == {}
    healed = dict.fromkeys(range(3, 10), 5) | dict.fromkeys(range(10, 26), 0)
    assert fleet.states("s-2") == {TOGETHER: before | {25: 0}, NAMELESS: healed}
    assert fleet.since("s-2") == {1: 1, 2: 1, 25: 0}


def test_a_refused_process_goes_on_once_it_may_read(serve: Serve) -> None:
    """A function keeps what it found meanwhile, then takes over the group."""
    refused = fault("PERMISSION_DENIED", "ListTimeSeries", 3, 24)
    events = [fails(1), event(10, "heal", "s-2"), event(12, "heal", "s-3")]
    fleet = Fleet(serve, forgetful=False, events=events, faults=[refused])
    fleet.run(3)
    fleet.restart()
    reports = fleet.run(24)
    assert all(report.complete for report in reports)
    assert set(fleet.states()[NAMELESS].values()) == {5}
    assert fleet.states("s-2")[NAMELESS][10] == 0
    fleet.run(27)
    assert fleet.states()[TOGETHER] == {1: 5, 2: 5, 25: 5, 26: 5}
    assert fleet.states()[NAMELESS][25] == 0
    assert fleet.states("s-2")[TOGETHER] == {1: 5, 2: 5, 25: 0}
    assert fleet.since("s-2") == {1: 1, 2: 1, 25: 0}
