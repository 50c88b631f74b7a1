"""Problems over many runs: kept by a process, or read back from Cloud Monitoring."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from exporter.google.calls import Calls, Deadline
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.steps.measure import Sample
from exporter.steps.write import Writer
from lab.emulator.world import Fault
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import EUROPE, PREFIX, world

STREAMS = {"europe-west1": {"streams": [{"id": "s-{}", "count": 6}]}}
SOURCE = {"project": "shop-prod", "locations": ["europe-west1"]}
ALL, FIRST = "s-*", "s-1"
REFUSED = {"method": "ListTimeSeries", "code": "PERMISSION_DENIED"}


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
        self.restart()

    def restart(self, **source: Any) -> None:
        """Start a new process; ``source`` has more keys of its source."""
        self.source = SOURCE | source
        self.session = self.lab.session(self.source, clock=lambda: self.now)

    def run(self, until: int, seconds: float = PLENTY) -> list[Report]:
        """Run up to a minute, in so many real seconds each; return the reports."""
        reports = []
        while self.now < self.start + until * 60:
            if self.forgetful:
                self.restart(**self.source)
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
def make(request: pytest.FixtureRequest, serve: Serve) -> Make:
    """Return what makes a fleet, watched by processes with one run or with many."""
    return partial(Fleet, serve, forgetful=request.param)


# One that reads back in each run shows all about that.
as_a_job = pytest.mark.parametrize("make", [True], indirect=True, ids=["job"])


def event(at: int, what: str, stream: str = ALL, **more: str) -> dict[str, Any]:
    """Return an event of a world, in a minute."""
    return {"at": at * 60, "stream": stream, "do": what, **more}


def fails(at: int, stream: str = ALL) -> dict[str, Any]:
    """Return a failure in a minute."""
    return event(at, "fail", stream, reason="GONE")


def test_a_zero_is_written_until_it_was_accepted(make: Make) -> None:
    """A run whose points are lost ends no problem."""
    lost = {"method": "CreateTimeSeries", "code": "UNKNOWN", "from": 180, "until": 230}
    fleet = make(events=[fails(1, FIRST), event(3, "recover", FIRST)], faults=[lost])
    fleet.run(7)
    assert fleet.values() == {1: (105, 1), 2: (105, 1), 4: (0, 0)}


@pytest.mark.parametrize("how", ["deleted", "excluded"])
def test_what_is_not_watched_any_more_has_no_problem(make: Make, how: str) -> None:
    """A 0 closes the incident of a stream that is deleted or excluded."""
    events = [fails(1, FIRST)]
    if how == "deleted":
        events.append(event(3, "delete", FIRST))
    fleet = make(events=events)
    fleet.run(3)
    if how == "excluded":
        fleet.restart(exclude=[FIRST])
    fleet.run(6)
    assert fleet.values() == {1: (105, 1), 2: (105, 1), 3: (0, 0)}


def test_a_location_without_its_last_stream_ends_its_problems(make: Make) -> None:
    """A 0 ends the problems, and the location counts no streams any more."""
    fleet = make(events=[fails(1), event(3, "delete")])
    fleet.run(8)
    assert fleet.values() == {1: (205, 1), 2: (205, 1), 3: (0, 0)}
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
    down = {"method": "ListStreams", "code": "UNKNOWN", "from": 120, "until": 1500}
    fleet = make(events=[fails(1)], faults=[down])
    fleet.run(27)
    assert fleet.values() == dict.fromkeys([1, 25, 26], (205, 1))


def test_a_new_process_reads_back_what_another_wrote(make: Make) -> None:
    """Problems of the last day are read back; older ones begin anew."""
    fleet = make(events=[fails(1, FIRST)])
    fleet.run(3)
    for hours, since in ((20, 1), (45, 2702)):
        fleet.restart()
        fleet.now = fleet.start + hours * 3600 + 120
        minute = hours * 60 + 2
        fleet.run(minute + 1)
        assert fleet.values()[minute] == (105, since)


@pytest.mark.parametrize("seconds", [40, 70, 130])
def test_points_that_are_visible_late_change_no_group(
    serve: Serve, seconds: int
) -> None:
    """Runs that don't see a group's first points agree with it once they do."""
    fleet = Fleet(serve, forgetful=True, events=[fails(1)], visible_after=seconds)
    fleet.run(10)
    hidden = 1 + seconds // 60
    beginnings = [since for _, since in fleet.values().values()]
    assert beginnings == [*range(1, hidden + 1), *[1] * (9 - hidden)]


def test_where_reading_back_is_refused_every_problem_is_alone(make: Make) -> None:
    """Each stream that is fine gets a 0: nobody knows whether it had a problem."""
    fleet = make(events=[fails(1, "s-[1-5]")], faults=[REFUSED])
    reports = fleet.run(3)
    assert all(report.complete for report in reports)
    assert all(report.problems_unread for report in reports)
    assert {value for value, _ in fleet.values().values()} == {0, 105}
    assert fleet.values("s-6")[0] == (0, 0)
    assert "monitoring.timeSeries.list" in str(reports[0].problems_unread)


def test_a_metric_that_was_never_written_has_nothing_to_read_back(make: Make) -> None:
    """A metric that Cloud Monitoring doesn't know refuses nothing: groups form."""
    text = 'Cannot find metric(s) that match type = "TYPE".'
    unknown = {"method": "ListTimeSeries", "code": "NOT_FOUND", "message": text}
    fleet = make(events=[fails(1)], faults=[unknown | {"until": 90}])
    reports = fleet.run(3)
    assert not any(report.problems_unread for report in reports)
    assert set(fleet.values().values()) == {(205, 1)}


@as_a_job
def test_slow_answers_are_waited_for_at_the_same_time(make: Make) -> None:
    """Four lists that take two seconds each are read in less than seven."""
    slow = {"method": "ListTimeSeries", "latency": 2}
    fleet = make(events=[fails(1)], faults=[slow])
    (report,) = fleet.run(1, seconds=11)
    assert report.problems_unread is None
    assert report.complete


@as_a_job
@pytest.mark.parametrize("code", ["UNKNOWN", "INVALID_ARGUMENT", "UNAVAILABLE"])
def test_an_error_in_passing_is_tried_again(make: Make, code: str) -> None:
    """One error of any code is no refusal: a standing group stays a group."""
    fleet = make(events=[fails(1)])
    fleet.run(3)
    fleet.restart()
    fault = Fault(method="ListTimeSeries", code=code, times=1)
    fleet.cloud.add_fault(fault)
    (report,) = fleet.run(4)
    assert report.problems_unread is None
    assert set(fleet.values().values()) == {(205, 1)}


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
    minutes = [at for at, (_, since) in fleet.values().items() if since == 2]
    assert minutes == [2]


def test_what_cannot_be_read_back_for_now_is_written_later(make: Make) -> None:
    """Points of problems count as lost meanwhile, no others do, and nothing changes."""
    fleet = make(events=[fails(1), event(3, "recover", "s-2")])
    fleet.run(3)
    fleet.restart()
    fleet.cloud.add_fault(Fault(method="ListTimeSeries", code="UNAVAILABLE", until=270))
    # The emulator's time stands still during a run.
    lost = fleet.run(5, seconds=5)
    assert [report.written.lost for report in lost] == [10, 10]
    read = {point.time for point in fleet.cloud.points(f"{PREFIX}location/last_read")}
    assert {report.timestamp for report in lost} <= read
    fleet.run(7)
    assert fleet.values() == dict.fromkeys([1, 2, 5, 6], (205, 1))
    assert fleet.values("s-2") == dict.fromkeys([1, 2], (205, 1)) | {5: (0, 0)}


@pytest.mark.parametrize(
    ("seen_until", "seen_from", "again", "value"),
    [
        # The number was had until the 0 of the third minute.
        (9, 9, 13, 305),
        (9, 9, 14, 205),
        # In a gap nobody saw that the group ended: its 0 is of the twentieth minute.
        (3, 20, 21, 305),
    ],
)
def test_a_number_is_used_again_ten_minutes_after_it_was_last_had(
    make: Make, seen_until: int, seen_from: int, again: int, value: int
) -> None:
    """A group that takes the number of another one sooner would be part of its page."""
    five = "s-[1-5]"
    events = [fails(1, five), event(3, "recover", five), fails(again, five)]
    fleet = make(events=events)
    fleet.run(seen_until)
    fleet.now = fleet.start + seen_from * 60
    fleet.run(again + 1)
    assert fleet.values()[again] == (value, again)


@as_a_job
@pytest.mark.parametrize("value", [5, -95, -(2**63), 106])
def test_a_value_of_somebody_else_is_left_out(
    make: Make, caplog: pytest.LogCaptureFixture, value: int
) -> None:
    """A foreign value has one warning, and its stream pages when it fails."""
    fleet = make(events=[fails(2)])
    clients, project = fleet.lab.clients, "metrics-project"
    writer = Writer(clients.monitorings, project, int(fleet.now), Calls())
    labels = (FIRST, "failed")
    foreign = Sample(
        "stream/problem", EUROPE.location, EUROPE.project, FIRST, labels, value
    )
    assert writer.write_points([foreign], Deadline.after(PLENTY)).complete
    fleet.now += 60
    (report, _) = fleet.run(3)
    assert report.complete
    assert fleet.values()[2] == (205, 2)
    warning, *_ = caplog.messages
    assert warning.startswith("1 point of stream/problem left out, as the exporter ")
    assert f": {value} of projects/shop-prod/locations/europe-west1/streams/s-1" in (
        warning
    )


@as_a_job
def test_no_list_is_asked_for_before_the_server_wants_it(make: Make) -> None:
    """Where the server wants no list until too late, the next run reads back."""
    asked = {"method": "ListTimeSeries", "code": "UNAVAILABLE", "retry_delay": "10m"}
    fleet = make(faults=[asked])
    (report,) = fleet.run(1)
    assert report.problems_unread
    assert report.problems_unread.retry_seconds == 600
    assert fleet.cloud.calls["ListTimeSeries"] <= 4
