"""The order of writing, the number of calls, and what every request holds."""

from __future__ import annotations

import time
from math import ceil
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.google.calls import Deadline
from exporter.measure import STATE, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.exporter.write.conftest import Monitoring, Point, StatusOf, Writing

AT = 1_767_225_600
OWN = ["exporter/last_run", "exporter/streams", "exporter/run_seconds", "exporter/points_lost"]
AHEAD = {"location/up", "location/failed_streams", "location/unexpected_streams"}


def places(count: int, streams: int) -> dict[str, int]:
    """Return so many locations of so many streams each."""
    return {f"place-{number:03}": streams for number in range(count)}


def slow_answers(_number: int, _points: Sequence[Point]) -> None:
    """Accept a request, but give others the time to overtake it."""
    time.sleep(0.01)


def holding(monitoring: Monitoring, names: set[str]) -> set[int]:
    """Return the numbers of the requests that hold a point of one of the metrics."""
    return {
        number
        for number, points in enumerate(monitoring.batches)
        if names & {point.metric for point in points}
    }


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (AHEAD, {"stream/state", "stream/last_seen"}),
        ({"stream/last_seen"}, {"location/last_read"}),
        (AHEAD | {"stream/state", "stream/last_seen", "location/last_read"}, set(OWN)),
    ],
    ids=["locations, streams", "streams, last_reads", "all others, the exporter's own"],
)
def test_each_phase_is_answered_before_the_next_is_sent(
    monitoring: Monitoring, writing: Writing, first: set[str], then: set[str]
) -> None:
    """No request of a phase comes in before those of the phase before it are answered."""
    monitoring.answer = slow_answers
    writing.write(writing.measurement(places(80, 5)))
    answered = max(
        map(monitoring.events.index, (("answered", n) for n in holding(monitoring, first)))
    )
    came = min(map(monitoring.events.index, (("came", n) for n in holding(monitoring, then))))
    assert answered < came
    assert [point.metric for point in monitoring.batches[-1]] == OWN


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 70), max_size=9))
@example([])
@example([0])
@example([1] * 250)
@example([49, 0])
@example([50])
def test_no_call_more_than_the_points_need(
    monitoring: Monitoring, writing: Writing, sizes: list[int]
) -> None:
    """Each phase takes full batches: locations, streams, last_reads; then one for the exporter."""
    monitoring.forget()
    report = writing.write(
        writing.measurement({f"place-{number:03}": size for number, size in enumerate(sizes)})
    )
    locations, streams, last_reads = 3 * len(sizes), 4 * sum(sizes), len(sizes)
    calls = ceil(locations / 200) + ceil(streams / 200) + ceil(last_reads / 200) + 1
    due = locations + streams + last_reads + len(OWN)
    assert len(monitoring.requests) == report.calls == calls
    assert report.written.accepted == len(monitoring.points) == due
    assert report.complete


def test_every_point_has_the_run_s_second(monitoring: Monitoring, writing: Writing) -> None:
    """One whole second is the time of all points, and the value of those that are a time."""
    writing.write(writing.measurement(places(3, 60)))
    assert {point.time for point in monitoring.points} == {AT}
    times = {"stream/last_seen", "location/last_read", "exporter/last_run"}
    assert {point.value for point in monitoring.points if point.metric in times} == {AT}


def test_a_request_is_as_cloud_monitoring_wants_it(
    monitoring: Monitoring, writing: Writing
) -> None:
    """At most 200 series, none twice, all labels of generic_node, one point, no start time."""
    writing.write(writing.measurement(places(3, 60)))
    for request in monitoring.requests:
        assert request.name == "projects/monitoring-hub"
        assert 0 < len(request.time_series) <= 200
        for series in request.time_series:
            assert series.resource.type == "generic_node"
            assert set(series.resource.labels) == {"project_id", "location", "namespace", "node_id"}
            assert series.resource.labels["project_id"] == "monitoring-hub"
            (point,) = series.points
            assert not point.interval.HasField("start_time")
    series = [point[:4] for point in monitoring.points]
    assert len(series) == len(set(series))


def test_a_series_carries_its_stream_s_id_to_join_by(
    monitoring: Monitoring, writing: Writing
) -> None:
    """stream_id is the node's id, and nothing else is a label of a stream's state."""
    writing.write(writing.measurement({"europe-west1": 2}))
    labels = [
        dict(series.metric.labels)
        for request in monitoring.requests
        for series in request.time_series
        if series.metric.type == STATE.type
    ]
    assert labels == [{"stream_id": "stream-0000"}, {"stream_id": "stream-0001"}]


def test_a_request_is_sent_again_as_it_was(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """The same points with the same time go out after an answer that leaves their fate open."""
    monitoring.answer = lambda number, _points: status_of("UNAVAILABLE") if not number else None
    report = writing.write(writing.measurement({"europe-west1": 20}))
    first, second = monitoring.requests[:2]
    assert first == second
    assert report.calls == len(monitoring.requests)


def samples(count: int, taken: list[int]) -> Iterator[Sample]:
    """Yield so many samples, and keep count of those that were asked for."""
    for number in range(count):
        taken[0] += 1
        yield Sample(STATE, "europe-west1", "shop-prod", f"s{number}", (f"s{number}",), 2)


def test_no_more_requests_are_under_way_than_workers(
    monitoring: Monitoring, writing: Writing
) -> None:
    """Three workers keep three requests under way, and never have a fourth."""
    together = Barrier(3, timeout=10)

    def wait_for_the_others(_number: int, _points: Sequence[Point]) -> None:
        together.wait()

    monitoring.answer = wait_for_the_others
    written = writing.writer(workers=3).write(samples(15 * 200, [0]), Deadline.after(20))
    assert monitoring.most_at_once == 3
    assert written.accepted == 3000


def test_samples_are_taken_as_they_are_needed(monitoring: Monitoring, writing: Writing) -> None:
    """At most one batch for each worker is in memory, however many samples are to come."""
    taken = [0]
    ahead: list[int] = []

    def look_how_far(number: int, _points: Sequence[Point]) -> None:
        so_far = taken[0]
        answered = sum(1 for what, _ in monitoring.events if what == "answered")
        ahead.append(so_far - 200 * answered)
        assert number < 30

    monitoring.answer = look_how_far
    writing.writer(workers=2).write(samples(30 * 200, taken), Deadline.after(20))
    assert len(ahead) == 30
    assert max(ahead) <= 2 * 200


def test_objects_alone_are_written_under_a_name_of_their_own(
    monitoring: Monitoring, writing: Writing
) -> None:
    """The slower run writes no series of the other: no state, no location, no last_run."""
    report = writing.write(
        writing.measurement({"europe-west1": 3}, node="objects-0", objects_alone=True)
    )
    (points,) = monitoring.batches
    assert [point.metric for point in points] == OWN[1:]
    assert {point.node for point in points} == {"objects-0"}
    assert report.complete
