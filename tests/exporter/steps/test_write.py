"""What becomes of points that are refused, late, hanging or left out."""

import time
from typing import Any

import pytest

from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.names import StreamName
from exporter.steps import write as steps_write
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.steps.measure import Sample, location_samples
from exporter.steps.read import Stream
from exporter.steps.write import Writer, Written
from lab.emulator.answers import StatusError
from tests.exporter.conftest import PLENTY, Lab, Serve
from tests.exporter.worlds import EUROPE, Monitoring, refusal, world
from tests.tables import rows

NOW = int(time.time())
HEAD = "One or more TimeSeries could not be written: "
ORDER = "Points must be written in order."


def samples(streams: int, at: int = NOW) -> list[Sample]:
    """Return the samples of so many running streams, four of each."""
    names = [StreamName(*EUROPE, f"stream-{number:04}") for number in range(streams)]
    running = (
        ComparedStream(name, Stream(name.stream, 2), Verdict.FINE) for name in names
    )
    location = ComparedLocation(EUROPE, tuple(running))
    # Without its own three
    return list(location_samples(location, at, errors=True))[3:]


def write(
    lab: Lab, streams: int = 10, *, at: int = NOW, deadline: Deadline | None = None
) -> Written:
    """Write the samples of so many streams at a time."""
    writer = Writer(lab.clients.monitorings, "metrics-project", at, lab.calls)
    return writer.write_points(samples(streams, at), deadline or Deadline.after(PLENTY))


# What is sent.


def test_requests_are_as_cloud_monitoring_wants_them(serve: Serve) -> None:
    """A request has 200 series at most, each with all labels and one point."""
    lab = serve(world())
    monitoring = Monitoring(lab.cloud)
    assert write(lab, 120).complete
    assert [len(request.time_series) for request in monitoring.requests] == [
        200,
        200,
        80,
    ]
    assert lab.calls.made == 3
    for request in monitoring.requests:
        assert request.name == "projects/metrics-project"
        for series in request.time_series:
            node = series.resource.labels["node_id"]
            assert series.resource.type == "generic_node"
            assert dict(series.resource.labels) == {
                "project_id": "metrics-project",
                "location": "europe-west1",
                "namespace": "shop-prod",
                "node_id": node,
            }
            assert dict(series.metric.labels) == {"stream_id": node}
            (point,) = series.points
            assert not point.interval.HasField("start_time")
    assert {point.time for point in monitoring.points} == {NOW}
    assert len({point[:4] for point in monitoring.points}) == 480


# Refused, and sent again.


@rows
def test_a_failure_in_passing_costs_a_call_and_no_point(
    serve: Serve, code: str, calls: int, lost: int
) -> None:
    """A final refusal is not repeated; the other requests are sent."""
    fault = {"method": "CreateTimeSeries", "code": code, "times": 1}
    lab = serve(world(faults=[fault]))
    written = write(lab, 60)
    assert lab.cloud.calls["CreateTimeSeries"] == calls
    assert written.lost == lost
    assert written.accepted == 240 - lost
    assert len(lab.cloud.points()) == written.accepted
    assert written.complete == (not lost)


def answer(
    late: int = 0, transient: int = 0, final: int = 0, code: str = ""
) -> StatusError:
    """Return an answer to 40 points: how many of each kind, or one code for all."""
    if code:
        return refusal(code)
    kinds = [
        ("FAILED_PRECONDITION", late, ORDER),
        ("INTERNAL", transient, "Internal error encountered."),
        ("INVALID_ARGUMENT", final, "Unknown metric."),
    ]
    errors = [kind for kind in kinds if kind[1]]
    written = 40 - late - transient - final
    return refusal("INVALID_ARGUMENT", HEAD, written=written, of=40, errors=errors)


@rows
def test_each_point_is_counted_once_over_all_tries(
    serve: Serve, tries: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    """A point counts once, whatever the tries of a row say of it."""
    lab = serve(world())
    rest = iter([answer(**each) for each in tries])
    Monitoring(lab.cloud, lambda _points: next(rest, None))
    written = write(lab)
    counts = {"accepted": 0, "superseded": 0, "lost": 0, **expected}
    assert {name: getattr(written, name) for name in counts} == counts
    assert written.complete == (expected == {"accepted": 40})
    assert sum(error.points for error in written.errors) == 40 - written.accepted
    assert next(rest, None) is None


# Lost for good.


def test_an_error_that_is_no_answer_loses_its_points_only(serve: Serve) -> None:
    """A closed channel, or a value that is no INT64, fails the request alone."""
    lab = serve(world())
    writer = Writer(lab.clients.monitorings, "metrics-project", NOW, Calls())
    batch = samples(150)
    batch[7] = batch[7]._replace(value=2**63)
    written = writer.write_points(batch, Deadline.after(PLENTY))
    assert written.lost == 200
    assert written.accepted == 400
    lab.clients.__exit__()
    written = write(lab)
    assert written.lost == 40
    assert "closed channel" in str(written.errors[0].failure)


@pytest.mark.parametrize(("seconds", "longest"), [(1, 1.0), (90, 12.0)])
def test_one_try_takes_a_second_at_least_and_twelve_at_most(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, seconds: float, longest: float
) -> None:
    """Little time is given to one try whole, and much not to one that hangs."""
    given: list[float] = []

    def record(*parts: Any, **more: Any) -> Any:
        given.append(parts[-1])
        return call_with_retry(*parts, **more)

    monkeypatch.setattr(steps_write, "call_with_retry", record)
    write(serve(world()), deadline=Deadline.after(seconds))
    assert given == [longest]


def test_a_request_that_hangs_is_sent_again(serve: Serve) -> None:
    """A request without an answer in a third of the time left is sent again."""
    hangs = {"method": "CreateTimeSeries", "latency": "10m", "times": 1}
    assert write(serve(world(faults=[hangs])), deadline=Deadline.after(3)).complete
