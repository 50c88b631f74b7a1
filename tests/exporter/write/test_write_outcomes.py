"""What becomes of points that are refused: lost, superseded, held back, and never mixed up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.measure import STATE, Sample
from exporter.names import LocationName
from exporter.terminal import Progress
from exporter.run import Run
from exporter.task import Task
from exporter.write.result import MAX_LISTED_ERRORS
from lab.emulator.world import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.rpc import status_pb2

    from exporter.run import Report
    from tests.exporter.write.conftest import Answer, Monitoring, Point, Serve, StatusOf, Writing

AT = 1_767_225_600
HEAD = "One or more TimeSeries could not be written: "
ORDER = "Points must be written in order."

SIZES = {"asia-east1": 30, "europe-west1": 30, "us-east4": 30}
"""369 points. The first request has the 9 of locations, the second one asia-east1's streams and 20
of europe-west1's, the third one the other streams. The fourth one has the last_reads."""


def at(*locations: str) -> set[LocationName]:
    """Return locations of the watched project."""
    return {LocationName("shop-prod", location) for location in locations}


def last_reads(monitoring: Monitoring) -> set[LocationName]:
    """Return the locations whose last_read was sent."""
    return {
        LocationName(point.namespace, point.location)
        for point in monitoring.points
        if point.metric == "location/last_read"
    }


def points_lost(monitoring: Monitoring) -> float:
    """Return what the exporter says that it lost."""
    (lost,) = [point.value for point in monitoring.points if point.metric == "exporter/points_lost"]
    return lost


def once(number: int, status: status_pb2.Status) -> Answer:
    """Answer one request with a status, and accept all others."""
    return lambda at, _points: status if at == number else None


@pytest.mark.parametrize(
    ("number", "withheld_locations"),
    [(0, at()), (1, at("asia-east1", "europe-west1")), (2, at("europe-west1", "us-east4"))],
)
def test_a_lost_batch_holds_back_its_locations_alone(
    number: int,
    withheld_locations: set[LocationName],
    monitoring: Monitoring,
    writing: Writing,
    status_of: StatusOf,
) -> None:
    """Only locations with a last_seen in the batch keep their last_read; the others have it."""
    monitoring.answer = once(number, status_of("INVALID_ARGUMENT", "Unrecognized resource name."))
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert len(monitoring.requests) == 5
    assert report.written.withheld_locations == withheld_locations
    assert last_reads(monitoring) == at(*SIZES) - withheld_locations
    assert report.written.lost == points_lost(monitoring) == (9, 200, 160)[number]
    assert not report.complete


@pytest.mark.parametrize(
    ("metric", "withheld_locations"),
    [("stream/last_seen", at("europe-west1")), ("stream/state", at()), ("location/up", at())],
)
def test_a_named_point_holds_back_its_location_only_if_it_is_a_last_seen(
    metric: str,
    withheld_locations: set[LocationName],
    monitoring: Monitoring,
    writing: Writing,
    status_of: StatusOf,
) -> None:
    """One point is lost, is told of by name, and costs no other location its last_read."""

    def refuse_one(number: int, points: Sequence[Point]) -> status_pb2.Status | None:
        if number != (0 if metric == "location/up" else 1):
            return None
        index = [(point.metric, point.location) for point in points].index((metric, "europe-west1"))
        return status_of(
            "INVALID_ARGUMENT",
            f"{HEAD}Unknown metric.: timeSeries[{index}]",
            written=len(points) - 1,
            of=len(points),
            errors=[("INVALID_ARGUMENT", 1)],
        )

    monitoring.answer = refuse_one
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert report.written.withheld_locations == withheld_locations
    assert report.written.incomplete_locations == at("europe-west1")
    assert last_reads(monitoring) == at(*SIZES) - withheld_locations
    assert report.written.lost == points_lost(monitoring) == 1
    (error,) = report.written.errors
    assert [series.metric.name for series in error.series] == [metric]
    assert error.named


def test_a_refusal_that_names_nothing_holds_back_all_of_its_batch(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """One point is lost, nobody knows which: each location with a last_seen there waits."""
    monitoring.answer = once(1, status_of("INVALID_ARGUMENT", "Refused.", written=199, of=200))
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert report.written.lost == points_lost(monitoring) == 1
    assert report.written.withheld_locations == at("asia-east1", "europe-west1")
    assert last_reads(monitoring) == at("us-east4")


class Plan(NamedTuple):
    """How one request is refused.

    Attributes:
        late: The indexes refused as late.
        other: The indexes refused for another reason, none of them late.
        named: Whether the answer names them.
    """

    late: frozenset[int]
    other: frozenset[int]
    named: bool

    def status(self, status_of: StatusOf, size: int) -> status_pb2.Status | None:
        """Return the answer to a request of so many points, None where nothing is refused."""
        late, other = ([each for each in part if each < size] for part in self[:2])
        if not late and not other:
            return None
        texts = [f"{ORDER}: timeSeries[{index}]" for index in late]
        texts += [f"Unknown metric: timeSeries[{index}]" for index in other]
        return status_of(
            "INVALID_ARGUMENT",
            HEAD + "; ".join(texts) if self.named else "Refused.",
            written=size - len(late) - len(other),
            of=size,
            errors=[("INVALID_ARGUMENT", len(late) + len(other))],
        )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Return how a request is refused, if it is."""
    refused = draw(st.frozensets(st.integers(0, 199), max_size=4))
    late = draw(st.frozensets(st.sampled_from(sorted(refused)))) if refused else frozenset()
    return Plan(late, refused - late, draw(st.booleans()))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(plans(), min_size=3, max_size=3))
def test_points_lost_and_superseded_are_what_was_refused(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf, refused: list[Plan]
) -> None:
    """Whatever is refused: every point is counted once, and each location held that has to be."""
    monitoring.forget()
    monitoring.answer = lambda number, points: (
        refused[number].status(status_of, len(points)) if number < len(refused) else None
    )
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    lost = superseded = 0
    withheld_locations: frozenset[LocationName] = frozenset()
    for plan, points in zip(refused, monitoring.batches, strict=False):
        late, other = ([each for each in part if each < len(points)] for part in plan[:2])
        if plan.named:
            superseded += len(late)
            lost += len(other)
        else:
            lost += len(late) + len(other)
        indexes = [*late, *other] if plan.named or not [*late, *other] else range(len(points))
        withheld_locations |= {
            LocationName(points[each].namespace, points[each].location)
            for each in indexes
            if points[each].metric == "stream/last_seen"
        }
    written = report.written
    assert (written.lost, written.superseded, written.withheld_locations) == (
        lost,
        superseded,
        withheld_locations,
    )
    assert points_lost(monitoring) == lost
    assert last_reads(monitoring) == at(*SIZES) - withheld_locations
    assert written.settled == 369 + 3 - len(withheld_locations) + 4
    assert report.complete == (not lost)


def test_lost_last_reads_are_counted_too(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """A last_read that is refused was due: it is lost, unlike one that is held back."""
    monitoring.answer = once(3, status_of("INVALID_ARGUMENT", "Refused.", written=2, of=3))
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert report.written.lost == points_lost(monitoring) == 1
    assert report.written.withheld_locations == set()


def test_the_run_knows_of_its_own_lost_points(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """Nobody can write that the exporter's own series are lost, but the exit code tells."""
    monitoring.answer = once(4, status_of("PERMISSION_DENIED"))
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert points_lost(monitoring) == 0
    assert report.written.lost == 4
    assert not report.complete


# Tries again.


@pytest.mark.parametrize("wording", ["newer", "older"])
def test_points_that_were_written_by_a_try_without_an_answer_count_as_written(
    serve: Serve, wording: str
) -> None:
    """The second try is told that they come too late, which says that the first one landed."""
    cloud, writing = serve(
        refusals=wording,
        faults=[{"method": "CreateTimeSeries", "code": "UNAVAILABLE", "when": "after", "times": 2}],
    )
    written = writing.write_streams(writing.measurement(SIZES))
    assert (written.lost, written.superseded) == (0, 0)
    assert written.accepted == len(cloud.points()) == 360
    assert written.withheld_locations == set()


@pytest.mark.parametrize("wording", ["newer", "older"])
@pytest.mark.parametrize(("before", "withheld"), [(3, at("europe-west1")), (0, at())])
def test_another_runs_older_point_holds_the_last_read_back(
    serve: Serve, wording: str, before: int, withheld: set[LocationName]
) -> None:
    """A try without effect, then a refusal for a point of 3 s before: no last_seen is as new.

    After a point of the same second there is one, whoever wrote it.
    """
    cloud, writing = serve(refusals=wording)
    writing.write(writing.measurement({"europe-west1": 10}, now=AT - before), now=AT - before)
    lost = {"method": "CreateTimeSeries", "code": "UNAVAILABLE", "times": 1}
    cloud.add_fault(Fault.model_validate(lost))
    written = writing.write_streams(writing.measurement({"europe-west1": 10}))
    assert (written.lost, written.superseded, written.accepted) == (0, 0, 40)
    assert written.withheld_locations == withheld


def test_a_try_again_whose_refusal_gives_no_reason_counts_as_lost(serve: Serve) -> None:
    """Nothing says that the first try landed: better a held-back last_read than a false one."""
    _, writing = serve(
        refusals="nameless",
        faults=[{"method": "CreateTimeSeries", "code": "UNAVAILABLE", "when": "after", "times": 1}],
    )
    written = writing.write_streams(writing.measurement({"europe-west1": 10}))
    assert written.lost == 40
    assert written.withheld_locations == at("europe-west1")


TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED")
FINAL = ("INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND", "UNKNOWN")


@pytest.mark.parametrize("code", TRANSIENT + FINAL)
def test_a_refusal_is_tried_again_where_that_can_help(serve: Serve, code: str) -> None:
    """A transient one costs a call and no point; a final one is not repeated."""
    cloud, writing = serve(faults=[{"method": "CreateTimeSeries", "code": code, "times": 1}])
    written = writing.write_streams(writing.measurement({"europe-west1": 10}))
    assert (written.lost, cloud.calls["CreateTimeSeries"]) == (
        (0, 2) if code in TRANSIENT else (40, 1)
    )


def test_a_single_point_is_worth_a_try_again(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """A request is sent again for one point of many, and nothing is lost."""
    internal = status_of("INTERNAL", "Try again.", written=199, of=200, errors=[("INTERNAL", 1)])
    monitoring.answer = once(1, internal)
    report = writing.write(writing.measurement(SIZES), concurrency=1)
    assert report.complete
    assert len(monitoring.requests) == 6


def test_progress_counts_the_points_that_are_settled(
    monitoring: Monitoring, writing: Writing
) -> None:
    """After each request, however it ended; how many there will be is not known."""
    del monitoring
    told: list[tuple[str, int, int | None]] = []

    class Told(Progress):
        def update(self, task: str, done: int, total: int | None = None) -> None:
            told.append((task, done, total))

    measurement = writing.measurement(SIZES)
    config, task = writing.config(concurrency=1), Task(measurement.exporter)
    Run(writing.clients, config, task, Deadline.after(20), progress=Told()).write([measurement])
    assert told == [("writing points", done, None) for done in (9, 209, 369, 372, 376)]


def test_the_server_s_wish_to_wait_is_granted(serve: Serve) -> None:
    """RESOURCE_EXHAUSTED with a RetryInfo is tried again after that time, and mended."""
    exhausted = {"method": "CreateTimeSeries", "code": "RESOURCE_EXHAUSTED", "times": 1}
    _, writing = serve(faults=[exhausted | {"retry_delay": 0.03}])
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert report.complete
    assert report.seconds >= 0.03


def test_a_wish_to_wait_longer_than_there_is_time_is_a_refusal(serve: Serve) -> None:
    """Nobody waits for a try that could not be made: the points are lost at once."""
    exhausted = {"method": "CreateTimeSeries", "code": "RESOURCE_EXHAUSTED", "times": 1}
    cloud, writing = serve(faults=[exhausted | {"retry_delay": 60}])
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert report.written.lost == 3
    assert [error.failure.kind for error in report.written.errors if error.failure] == [
        FailureKind.QUOTA
    ]
    assert cloud.calls["CreateTimeSeries"] == 4
    assert report.seconds < 10


def partly(
    status_of: StatusOf, late: Sequence[int], transient: Sequence[int], size: int
) -> status_pb2.Status:
    """Return an answer that names late points, and others that may be sent again."""
    texts = [f"{ORDER}: timeSeries[{index}]" for index in late]
    texts += [f"Internal error encountered.: timeSeries[{index}]" for index in transient]
    return status_of(
        "INVALID_ARGUMENT",
        HEAD + "; ".join(texts),
        written=size - len(late) - len(transient),
        of=size,
        errors=[("INVALID_ARGUMENT", len(late)), ("INTERNAL", len(transient))],
    )


def test_late_points_of_a_mixed_first_answer_are_superseded(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """The rest is sent again; what is late only then was written by the first try."""
    last_seen = 2  # of the first stream, after its state and whether it is expected
    answers = {
        1: partly(status_of, [last_seen], [4, 9], 40),
        2: partly(status_of, [each for each in range(40) if each not in {4, 9}], [], 40),
    }
    monitoring.answer = lambda number, _points: answers.get(number)
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert (report.written.superseded, report.written.lost) == (1, 0)
    assert report.written.accepted == 42 + 4
    (error,) = report.written.errors
    assert error.named
    assert [str(series) for series in error.series] == [
        "stream/last_seen of stream-0000 in shop-prod/europe-west1"
    ]
    assert report.written.withheld_locations == at("europe-west1")
    assert report.complete


def test_points_that_one_try_was_told_are_written_stay_written(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """When the next try fails as a whole, only those are lost that were still to be written."""
    answers = {
        1: partly(status_of, [3], [4, 6], 40),
        2: status_of("PERMISSION_DENIED", "No more."),
    }
    monitoring.answer = lambda number, _points: answers.get(number)
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert (report.written.superseded, report.written.lost) == (1, 2)
    assert report.written.accepted == 40 + 4
    assert points_lost(monitoring) == 2
    assert [error.points for error in report.written.errors] == [2, 1]
    assert report.written.errors[0].failure is not None
    assert report.written.errors[0].failure.kind is FailureKind.PERMISSION_DENIED


# Other runs.


@pytest.mark.parametrize("wording", ["newer", "older"])
@pytest.mark.parametrize("later", [0, 2, -30])
def test_another_run_s_points_supersede_and_nothing_is_lost(
    serve: Serve, wording: str, later: int
) -> None:
    """In the same second, 2 s later, or of an older run that comes late: told, held, exit 0."""
    cloud, writing = serve(refusals=wording)
    first = writing.write(writing.measurement(SIZES))
    measurement = writing.measurement(SIZES, now=AT + later)
    second = writing.write(measurement, now=AT + later)
    assert first.complete
    assert second.complete
    assert (second.written.accepted, second.written.lost) == (0, 0)
    assert second.written.superseded == 369 + 4
    assert second.written.withheld_locations == at(*SIZES)
    assert not second.written.incomplete_locations
    assert all(error.named and error.failure is None for error in second.written.errors)
    told = [series for error in second.written.errors for series in error.series]
    assert len(told) == len(set(told)) == 369 + 4
    assert {point.time for point in cloud.points()} == {AT}


def test_another_run_five_seconds_later_is_in_nobody_s_way(serve: Serve) -> None:
    """At the API's sampling period all points are taken."""
    cloud, writing = serve()
    for now in (AT, AT + 5):
        assert writing.write(writing.measurement(SIZES, now=now), now=now).complete
    assert Counter(point.time for point in cloud.points()) == {AT: 376, AT + 5: 376}


def test_two_tasks_are_in_nobody_s_way(serve: Serve) -> None:
    """Tasks that share the locations write in the same second, each its own series."""
    cloud, writing = serve()
    for node, sizes in enumerate(({"europe-west1": 3}, {"us-east4": 3})):
        assert writing.write(writing.measurement(sizes, node=str(node))).complete
    assert len(cloud.points()) == 2 * (15 + 1 + 4)


# A region that Cloud Monitoring doesn't know yet.


@pytest.mark.parametrize("wording", ["newer", "older"])
@pytest.mark.parametrize("streams", [3, 120])
def test_series_of_a_location_that_nobody_knows_are_written_under_another(
    serve: Serve, wording: str, streams: int
) -> None:
    """No point is lost; what policies join on is still of that location alone."""
    cloud, writing = serve(refusals=wording)
    sizes = {"europe-west1": 3, "europe-west98": 2, "europe-west99": streams}
    report = writing.write(writing.measurement(sizes), concurrency=1)
    due = 4 * (5 + streams) + 4 * 3 + 4
    assert report.complete
    assert report.written.accepted == len(cloud.points()) == due
    assert report.written.unknown_locations == {"europe-west98", "europe-west99"}
    # The request of the locations is refused in part; after that, everybody knows.
    calls = 1 + -(-4 * (5 + streams) // 200) + 1 + 1
    assert report.calls == calls + 1
    assert {
        (labels["location"], labels["namespace"])
        for labels in (point.resource_labels for point in cloud.points())
    } == {
        ("europe-west1", "shop-prod"),
        ("global", "shop-prod/europe-west98"),
        ("global", "shop-prod/europe-west99"),
        ("europe-west1", "exporter"),
    }


def test_a_location_that_is_refused_under_another_too_is_lost(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """It is tried once more and no further."""

    def refuse(_number: int, points: Sequence[Point]) -> status_pb2.Status | None:
        names = ",".join(
            str(index) for index, point in enumerate(points) if "shop" in point.namespace
        )
        many = sum("shop" in point.namespace for point in points)
        text = f"{HEAD}Unrecognized region or location.: timeSeries[{names}]"
        if not many:
            return None
        errors = [("INVALID_ARGUMENT", many)]
        return status_of(
            "INVALID_ARGUMENT", text, written=len(points) - many, of=len(points), errors=errors
        )

    monitoring.answer = refuse
    report = writing.write(writing.measurement({"europe-west1": 3}), concurrency=1)
    assert report.written.lost == points_lost(monitoring) == 3 + 12
    assert len(monitoring.requests) == 2 + 1 + 1
    assert report.written.withheld_locations == at("europe-west1")


# What goes wrong for good.


def denied(report: Report) -> str:
    """Return the one sentence that tells why nothing was written."""
    (message,) = {str(error.failure) for error in report.written.errors}
    return message


def test_a_missing_role_is_named(serve: Serve) -> None:
    """Without permission all is lost, and the sentence says which role mends it, and where."""
    hub = {"id": "monitoring-hub", "number": 77, "denied": ["monitoring.timeSeries.create"]}
    _, writing = serve(projects=[hub])
    report = writing.write(writing.measurement(SIZES))
    assert report.written.accepted == 0
    assert report.written.lost == 369 + 4
    assert report.written.withheld_locations == at(*SIZES)
    assert not report.complete
    for part in (
        "permission denied",
        "monitoring.timeSeries.create",
        "roles/monitoring.metricWriter",
        "monitoring-hub",
    ):
        assert part in denied(report)


def test_a_project_that_does_not_exist_is_named(serve: Serve) -> None:
    """A typing error in metrics.project is told with the project as it was written."""
    _, writing = serve(projects=[{"id": "monitoring-hubb", "number": 77}])
    report = writing.write(writing.measurement({"europe-west1": 1}))
    assert "project monitoring-hub" in denied(report)
    assert "may not exist" in denied(report)


def test_batches_that_fail_are_told_of_a_few_times_and_counted_always(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """Each batch is sent though all before it failed; the log is not flooded."""
    monitoring.answer = lambda _number, _points: status_of("NOT_FOUND")
    report = writing.write(writing.measurement({"europe-west1": 1200}))
    assert len(monitoring.requests) == 25 + 1
    assert report.written.lost == 4803 + 4
    assert len(report.written.errors) == MAX_LISTED_ERRORS
    assert report.written.unlisted_errors == 26 - MAX_LISTED_ERRORS


def test_a_closed_channel_loses_the_points_and_not_the_run(
    monitoring: Monitoring, writing: Writing
) -> None:
    """An error that is no answer of the API is told as a failure; the run ends with a report."""
    writing.clients.close()
    report = writing.write(writing.measurement({"europe-west1": 10}))
    assert monitoring.requests == []
    assert report.written.lost == 43 + 4
    assert report.written.withheld_locations == at("europe-west1")
    assert "closed channel" in denied(report)


def test_a_sample_that_cannot_be_sent_costs_its_own_batch_alone(
    monitoring: Monitoring, writing: Writing
) -> None:
    """A value that is no INT64 keeps none of the other batches from being written."""

    def sample(number: int, value: float) -> Sample:
        return Sample(STATE, "europe-west1", "shop-prod", f"s{number}", (f"s{number}",), value)

    written = writing.writer(workers=1).write(
        (sample(number, 2**63 if number == 7 else 2) for number in range(600)),
        Deadline.after(20),
    )
    assert (written.lost, written.accepted) == (200, 400)
    assert len(monitoring.requests) == 2


# Nothing of this may hang on who answers first.


def test_several_workers_lose_no_count(
    monitoring: Monitoring, writing: Writing, status_of: StatusOf
) -> None:
    """Eight at a time, a third of the batches refused: the sums are exact."""
    refused: list[int] = []

    def refuse_a_third(number: int, points: Sequence[Point]) -> status_pb2.Status | None:
        if number % 3 != 1 or number >= 24:
            return None
        refused.append(len(points))
        return status_of("NOT_FOUND")

    monitoring.answer = refuse_a_third
    measurement: dict[str, Any] = {f"place-{number:02}": 39 for number in range(30)}
    report = writing.write(writing.measurement(measurement), concurrency=8)
    assert report.written.lost == points_lost(monitoring) == sum(refused)
    assert len(refused) == 8
    assert report.written.settled == 30 * 3 + 30 * 39 * 4 + len(last_reads(monitoring)) + 4
    assert last_reads(monitoring) == at(*measurement) - report.written.withheld_locations
