"""Problems over many runs: kept by a process, or read back from Cloud Monitoring."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from exporter.config import Config, Endpoints
from exporter.config.model import Metrics
from exporter.google.calls import Deadline
from exporter.google.clients import Clients
from exporter.log.summary import problem_of
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault, World
from tests.exporter.conftest import PLENTY
from tests.exporter.worlds import PREFIX, world

STREAMS = {"europe-west1": {"streams": [{"id": "s-{}", "count": 6}]}}
SOURCE = {
    "project": "shop-prod",
    "locations": ["europe-west1"],
}
ALL, FIRST = "s-*", "s-1"
AN_HOUR = [{"match": "*", "states": ["PAUSED"], "longest": "1h"}]
REFUSED = {
    "method": "ListTimeSeries",
    "code": "PERMISSION_DENIED",
}


class Fleet:
    """Six streams, and an exporter that runs every minute.

    Attributes:
        forgetful: Whether each run is a new process, as those of a job are.
    """

    def __init__(self, running: ExitStack, *, forgetful: bool, **parts: Any) -> None:
        self.now = self.start = 1_800_000_000.0
        self.forgetful = forgetful
        made = World.model_validate(world(STREAMS, **parts))
        self.cloud = running.enter_context(Emulator(made, clock=lambda: self.now))
        self.clients = running.enter_context(Clients(Endpoints(), self.cloud.environ))
        self.restart()

    def restart(self, **source: Any) -> None:
        """Start a new process."""
        config = Config.model_validate(
            {
                "metrics": {"project": "metrics-project"},
                "sources": [SOURCE | source],
                "expectations": AN_HOUR,
            }
        )
        interval = None if self.forgetful else 60
        self.session = Session(
            config,
            self.clients,
            interval=interval,
            monotonic=lambda: self.now,
            now=lambda: self.now,
        )

    def run(
        self,
        until: int,
        seconds: float = PLENTY,
    ) -> list[Report]:
        """Run up to a minute, in so many real seconds each; return the reports."""
        reports = []
        while self.now < self.start + until * 60:
            if self.forgetful:
                self.session = Session(
                    self.session.config, self.clients, now=lambda: self.now
                )
            reports.append(run_once(self.session, Deadline.after(seconds)))
            self.now += 60
        return reports

    def values(
        self, stream: str = FIRST, kind: str = "failed"
    ) -> dict[int, tuple[int, int]]:
        """Return value and beginning of a kind of problem, in minutes, by minute."""
        labels = {"stream_id": stream, "kind": kind}
        since = self.points("stream/problem_since", labels)
        return {
            at: (value, self._minute(since.get(at, self.start)))
            for at, value in self.points("stream/problem", labels).items()
        }

    def points(self, metric: str, labels: dict[str, str]) -> dict[int, int]:
        """Return the values of one series, by minute."""
        return {
            self._minute(point.time): int(point.value)
            for point in self.cloud.points(PREFIX + metric)
            if point.metric_labels == labels
        }

    def _minute(self, time: float) -> int:
        return int(time - self.start) // 60


Make = Callable[..., Fleet]


@pytest.fixture(params=[True, False], ids=["job", "function"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes a fleet, watched by processes with one run or with many."""
    with ExitStack() as running:
        yield lambda **parts: Fleet(running, forgetful=request.param, **parts)


def event(at: int, what: str, stream: str = ALL, **more: str) -> dict[str, Any]:
    """Return an event of a world, in a minute."""
    return {
        "at": at * 60,
        "stream": stream,
        "do": what,
        **more,
    }


def fails(at: int, stream: str = ALL) -> dict[str, Any]:
    """Return a failure in a minute."""
    return event(at, "fail", stream, reason="GONE")


def test_a_group_lasts_until_its_last_stream_recovers(make: Make) -> None:
    """Each stream that recovers gets one 0, and nothing before its problem."""
    fleet = make(
        events=[
            fails(2),
            event(4, "recover", "s-[2-6]"),
            event(7, "recover", FIRST),
        ]
    )
    fleet.run(10)
    values = fleet.values()
    assert values.pop(7) == (0, 0)
    assert set(values.values()) == {(205, 2)}
    assert min(values) == 2
    assert fleet.values("s-2") == {
        2: (205, 2),
        3: (205, 2),
        4: (0, 0),
    }


def test_a_zero_is_written_until_it_was_accepted(make: Make) -> None:
    """A run whose points are lost ends no problem."""
    lost = {
        "method": "CreateTimeSeries",
        "code": "UNKNOWN",
        "from": 180,
        "until": 230,
    }
    fleet = make(events=[fails(1, FIRST), event(3, "recover", FIRST)], faults=[lost])
    fleet.run(7)
    assert fleet.values() == {
        1: (105, 1),
        2: (105, 1),
        4: (0, 0),
    }


@pytest.mark.parametrize("how", ["deleted", "excluded"])
def test_what_is_not_watched_any_more_has_no_problem(make: Make, how: str) -> None:
    """Its incidents close, though nobody says that it recovered."""
    events = [fails(1, FIRST)]
    if how == "deleted":
        events.append(event(3, "delete", FIRST))
    fleet = make(events=events)
    fleet.run(3)
    if how == "excluded":
        fleet.restart(exclude=[FIRST])
    fleet.run(6)
    assert fleet.values() == {
        1: (105, 1),
        2: (105, 1),
        3: (0, 0),
    }


def test_a_location_without_its_last_stream_ends_its_problems(make: Make) -> None:
    """And says for a minute that it has none, if its process knows that it had some."""
    fleet = make(
        events=[
            fails(1),
            event(3, "delete"),
        ]
    )
    fleet.run(8)
    assert fleet.values() == {
        1: (205, 1),
        2: (205, 1),
        3: (0, 0),
    }
    for metric, before in (("streams", 6), ("unwatched", 0)):
        points = fleet.cloud.points(f"{PREFIX}location/{metric}")
        counts = [point.value for point in points]
        assert counts == [before] * 3 + [0] * (0 if fleet.forgetful else 2)


def test_what_is_no_longer_left_out_is_counted_at_once(make: Make) -> None:
    """A stream that is not watched changes its location as any other does."""
    fleet = make(events=[event(3, "delete", "s-6")])
    fleet.restart(include=[FIRST])
    fleet.run(4)
    points = fleet.cloud.points(f"{PREFIX}location/unwatched")
    assert points[-1].time == fleet.start + 180
    assert points[-1].value == 4


def test_an_unreadable_location_says_nothing_of_problems(make: Make) -> None:
    """What was written before counts on, and goes on afterwards."""
    down = {
        "method": "ListStreams",
        "code": "UNKNOWN",
        "from": 120,
        "until": 1500,
    }
    fleet = make(events=[fails(1)], faults=[down])
    fleet.run(27)
    assert fleet.values() == dict.fromkeys([1, 25, 26], (205, 1))


def test_a_new_process_reads_back_what_another_wrote(make: Make) -> None:
    """For a day; afterwards every problem begins anew."""
    fleet = make(events=[fails(1, FIRST)])
    fleet.run(3)
    for hours, since in ((20, 1), (45, 2702)):
        fleet.restart()
        fleet.now = fleet.start + hours * 3600 + 120
        minute = hours * 60 + 2
        fleet.run(minute + 1)
        assert fleet.values()[minute] == (105, since)


@pytest.mark.parametrize("seconds", [40, 70, 130])
def test_points_that_are_visible_late_change_no_group(seconds: int) -> None:
    """Runs that don't see the first points agree with it as soon as they do."""
    with ExitStack() as running:
        fleet = Fleet(
            running,
            forgetful=True,
            events=[fails(1)],
            visible_after=seconds,
        )
        fleet.run(10)
    hidden = 1 + seconds // 60
    beginnings = [since for _, since in fleet.values().values()]
    assert beginnings == [*range(1, hidden + 1), *[1] * (9 - hidden)]


def test_where_reading_back_is_refused_every_problem_is_alone(make: Make) -> None:
    """Each stream that is fine gets a 0: nobody knows whether it had a problem."""
    fleet = make(events=[fails(1, "s-[1-5]")], faults=[REFUSED])
    reports = fleet.run(3)
    assert all(report.complete for report in reports)
    assert all(report.unrecalled for report in reports)
    assert {value for value, _ in fleet.values().values()} == {0, 105}
    assert fleet.values("s-6")[0] == (0, 0)
    assert "monitoring.timeSeries.list" in str(reports[0].unrecalled)


def test_a_metric_that_was_never_written_has_nothing_to_read_back(make: Make) -> None:
    """Cloud Monitoring doesn't know it, which refuses nothing: groups form."""
    text = 'Cannot find metric(s) that match type = "TYPE".'
    unknown = {
        "method": "ListTimeSeries",
        "code": "NOT_FOUND",
        "message": text,
    }
    fleet = make(events=[fails(1)], faults=[unknown | {"until": 90}])
    reports = fleet.run(3)
    assert not any(report.unrecalled for report in reports)
    assert set(fleet.values().values()) == {(205, 1)}


def test_slow_answers_are_waited_for_at_the_same_time(make: Make) -> None:
    """Four lists that take two seconds each are read in less than seven."""
    slow = {"method": "ListTimeSeries", "latency": 2}
    fleet = make(events=[fails(1)], faults=[slow])
    (report,) = fleet.run(1, seconds=11)
    assert report.unrecalled is None
    assert report.complete


@pytest.mark.parametrize("code", ["UNKNOWN", "INVALID_ARGUMENT", "UNAVAILABLE"])
def test_an_error_in_passing_is_tried_again(make: Make, code: str) -> None:
    """One error of any code is no refusal: a standing group stays a group."""
    fleet = make(events=[fails(1)])
    fleet.run(3)
    fleet.restart()
    fault = Fault(method="ListTimeSeries", code=code, times=1)
    fleet.cloud.add_fault(fault)
    (report,) = fleet.run(4)
    assert report.unrecalled is None
    assert set(fleet.values().values()) == {(205, 1)}


def test_a_beginning_that_was_not_written_lately_is_the_days_last(make: Make) -> None:
    """For eleven minutes only one of the two metrics is accepted: nothing moves."""
    fleet = make(events=[fails(1)])
    fleet.run(3)
    stored = fleet.cloud.metrics_project("metrics-project")
    fleet.cloud.add_fault(Fault(method="CreateTimeSeries", code="UNKNOWN", until=840))
    fleet.run(14)
    for values in list(stored.written.values()):
        header = values.header
        if header.metric.type == PREFIX + "stream/problem":
            values.add(0, int((fleet.now - 60) * 1e9), 205)
    fleet.restart()
    fleet.run(15)
    assert fleet.values()[14] == (205, 1)


def test_series_of_other_projects_in_the_scope_are_left_out(make: Make) -> None:
    """Another deployment's group of the same streams is none of this project's."""
    shop, hub = world(STREAMS)["projects"]
    hub["metrics_scope"] = ["other-metrics"]
    projects = [shop, hub, {"id": "other-metrics", "number": 78}]
    fleet = make(projects=projects, events=[fails(1)])
    metrics = Metrics(project="other-metrics")
    config = fleet.session.config.model_copy(update={"metrics": metrics})
    other = Session(config, fleet.clients, now=lambda: fleet.now)
    fleet.now += 60
    run_once(other, Deadline.after(PLENTY))
    fleet.now += 60
    fleet.run(3)
    minutes = [at for at, (_, since) in fleet.values().items() if since == 2]
    assert minutes == [2]


def test_what_cannot_be_read_back_for_now_is_written_later(make: Make) -> None:
    """The points of problems count as lost, no others are, and nothing changes."""
    fleet = make(events=[fails(1), event(3, "recover", "s-2")])
    fleet.run(3)
    fleet.restart()
    fleet.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE", until=270))
    # The emulator's time stands still during a run.
    lost = fleet.run(5, seconds=5)
    assert [report.written.lost for report in lost] == [10, 10]
    assert not any(report.held_back for report in lost)
    fleet.run(7)
    assert fleet.values() == dict.fromkeys([1, 2, 5, 6], (205, 1))
    assert fleet.values("s-2") == dict.fromkeys([1, 2], (205, 1)) | {5: (0, 0)}


# States that are expected for a time.

EXPECTED, UNEXPECTED = "expected", "unexpected"
PAUSE = event(1, "pause", FIRST)


def test_a_state_is_expected_for_its_longest_and_not_a_minute_more(make: Make) -> None:
    """Runs of jobs and restarts keep the beginning; five that end together are one."""
    fleet = make(events=[event(1, "pause", "s-[1-5]"), event(63, "recover", FIRST)])
    reports = fleet.run(30)
    fleet.restart()
    reports += fleet.run(65)
    assert {*fleet.values(kind=EXPECTED).values()} == {(3, 1), (0, 0)}
    assert fleet.values(kind=UNEXPECTED) == {
        61: (203, 61),
        62: (203, 61),
        63: (0, 0),
    }
    told = problem_of(reports[61].locations[0].streams[0])
    assert told.endswith("expectations[0]: expected for at most 1h)")


def test_where_reading_back_is_refused_only_a_process_can_count(make: Make) -> None:
    """It counts from its start; to a job, every state has just begun."""
    fleet = make(events=[PAUSE], faults=[REFUSED])
    fleet.run(3)
    fleet.now += 3600
    fleet.run(64)
    values = {value for value, _ in fleet.values(kind=UNEXPECTED).values()}
    assert values == ({0} if fleet.forgetful else {0, 103})
    assert not fleet.values("s-6", EXPECTED)


@pytest.mark.parametrize("make", [False], indirect=True, ids=["function"])
def test_a_state_that_cannot_be_judged_for_now_stays_expected(make: Make) -> None:
    """A gap in observation, and runs that can't read back, keep its beginning."""
    fleet = make(events=[PAUSE])
    fleet.run(3)
    fleet.restart()
    fleet.now += 3600
    until = 64 * 60 + 30
    fault = Fault(method="ListTimeSeries", code="UNAVAILABLE", until=until)
    fleet.cloud.add_fault(fault)
    lost = fleet.run(65, seconds=5)
    assert [report.written.lost for report in lost] == [2, 2]
    fleet.run(66)
    assert fleet.values(kind=UNEXPECTED) == {65: (103, 65)}
    expected = fleet.points("stream/expected", {"stream_id": FIRST})
    assert [at for at in expected if not expected[at]] == [65]
