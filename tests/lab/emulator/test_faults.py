"""Injected faults, as Google's own clients see them."""

import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import CreateTimeSeriesSummary, TimeSeries
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2

from lab.emulator.world import Fault
from tests.lab.emulator.conftest import Clock, Serve, Served

EUROPE = "projects/shop/locations/europe-west1"
LOCATIONS = [
    {"id": "europe-west1", "streams": [{"id": "s{}", "count": 3}]},
    {"id": "us-east1"},
]
WORLD: dict[str, Any] = {
    "projects": [
        {
            "id": "shop",
            "number": 1,
            "locations": LOCATIONS,
        }
    ]
}


def outcome(served: Served, location: str = "europe-west1") -> int:
    """List a location; return the number of the status that the client saw."""
    try:
        served.datastream.list_streams(parent=f"projects/shop/locations/{location}")
    except exceptions.GoogleAPICallError as error:
        status = error.grpc_status_code
        return -1 if status is None else int(status.value[0])
    return 0


def write(
    served: Served,
    at: float,
    series: int = 1,
    timeout: float = 60,
) -> None:
    """Write a point of each of some series."""
    end = {"seconds": int(at)}
    point = {"interval": {"end_time": end}, "value": {"int64_value": 1}}
    given = []
    for number in range(series):
        one = TimeSeries(resource={"type": "global"}, points=[point])
        one.metric.type = f"custom.googleapis.com/x{number}"
        given.append(one)
    served.monitoring.create_time_series(
        name="projects/shop", time_series=given, retry=None, timeout=timeout
    )


def failed_write(
    served: Served,
    at: float,
    series: int,
) -> tuple[str, int, int]:
    """Write series that are refused in part; return the message and the counts."""
    with pytest.raises(exceptions.InvalidArgument) as caught:
        write(served, at, series)
    summary = CreateTimeSeriesSummary.pb(CreateTimeSeriesSummary())
    assert caught.value.details[0].Unpack(summary)
    return caught.value.message, summary.total_point_count, summary.success_point_count


def test_a_fault_strikes_as_often_as_it_says(serve: Serve) -> None:
    """A fault with a number strikes that often, and only the calls that it names."""
    fault = {"method": "List*", "location": "europe-*", "code": "UNAVAILABLE"}
    served = serve(WORLD | {"faults": [fault | {"times": 2}]})
    assert outcome(served, "us-east1") == 0
    assert [outcome(served) for _ in range(3)] == [14, 14, 0]


def test_a_fault_strikes_in_its_time(serve: Serve, clock: Clock) -> None:
    """A fault with a time strikes from its beginning until before its end."""
    fault = {"code": "INTERNAL", "from": "10s", "until": "20s"}
    served = serve(WORLD | {"faults": [fault]})
    seen = []
    for _ in range(3):
        seen.append(outcome(served))
        clock.pass_(10)
    assert seen == [0, 13, 0]


def test_a_refused_quota_says_when_to_come_back(serve: Serve) -> None:
    """RetryInfo travels with the status, also of a fault that is added later."""
    served = serve(WORLD)
    served.cloud.add_fault(
        Fault(code="RESOURCE_EXHAUSTED", message="Slow down", retry_delay=1.5)
    )
    with pytest.raises(exceptions.ResourceExhausted, match="Slow down") as caught:
        served.datastream.list_streams(parent="projects/shop/locations/us-east1")
    (info,) = caught.value.details
    assert isinstance(info, error_details_pb2.RetryInfo)
    assert info.retry_delay.ToTimedelta().total_seconds() == 1.5


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_write_may_have_its_effect_and_fail(
    serve: Serve, clock: Clock, when: str, written: int
) -> None:
    """A fault after the effect hides from the client that its points were written."""
    fault = {"method": "CreateTimeSeries", "code": "UNAVAILABLE", "when": when}
    served = serve(WORLD | {"faults": [fault]})
    with pytest.raises(exceptions.ServiceUnavailable):
        write(served, clock())
    assert len(served.cloud.points()) == written


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_call_hangs_until_its_deadline(
    serve: Serve, clock: Clock, when: str, written: int
) -> None:
    """A call that is given up has no effect, or had it already; it keeps no thread."""
    served = serve(WORLD | {"faults": [{"latency": "10m", "when": when}]})
    with pytest.raises(exceptions.DeadlineExceeded):
        served.datastream.list_streams(parent=EUROPE, timeout=0.05, retry=None)
    with pytest.raises(exceptions.DeadlineExceeded):
        write(served, clock(), timeout=0.3)
    started = time.monotonic()
    served.cloud.__exit__()
    assert time.monotonic() - started < 5
    assert len(served.cloud.points()) == written


def test_a_write_is_refused_in_part(serve: Serve, clock: Clock) -> None:
    """Some series are refused with a code, the others written; the answer says so."""
    fault = {"method": "CreateTimeSeries", "code": "INTERNAL", "refuses": 2}
    served = serve(WORLD | {"faults": [fault]})
    message, total, accepted = failed_write(served, clock(), 5)
    assert message.count("Internal error encountered.") == 2
    assert (total, accepted, len(served.cloud.points())) == (5, 3, 3)


def test_a_page_can_come_twice(serve: Serve) -> None:
    """A page's token leads to the same page again."""
    fault = {"answer": "same_page", "times": 1}
    served = serve(WORLD | {"largest_page": {"ListStreams": 2}, "faults": [fault]})
    pages = served.datastream.list_streams(parent=EUROPE).pages
    names = [[stream.name[-2:] for stream in page.streams] for page in pages]
    assert names == [
        ["s1", "s2"],
        ["s1", "s2"],
        ["s3"],
    ]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"answer": "garbled"}, exceptions.InternalServerError),
        ({"answer": "garbled", "code": "UNAVAILABLE"}, DecodeError),
        ({"answer": "too_large"}, exceptions.ResourceExhausted),
    ],
)
def test_an_answer_can_be_useless(
    serve: Serve, fault: dict[str, str], raised: type[Exception]
) -> None:
    """An answer or an error's details can't be parsed, or an answer is too large."""
    with pytest.raises(raised):
        serve(WORLD | {"faults": [fault]}).datastream.list_streams(parent=EUROPE)
