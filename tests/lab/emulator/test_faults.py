"""Injected faults, as Google's own clients see them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import TimeSeries
from google.rpc import error_details_pb2

from lab.emulator.emulator import Emulator
from lab.emulator.server import PortInUseError
from lab.emulator.status_errors import StatusError
from lab.emulator.world import Fault, World

if TYPE_CHECKING:
    from tests.lab.emulator.conftest import Clock, Serve, Served

LOCATIONS = [{"id": "europe-west1", "streams": [{"id": "orders"}]}, {"id": "us-east1"}]
WORLD: dict[str, Any] = {"projects": [{"id": "shop", "number": 1, "locations": LOCATIONS}]}


def outcome(served: Served, location: str = "europe-west1") -> int:
    """List a location; return the number of the status that the client saw, 0 for success."""
    try:
        served.datastream.list_streams(parent=f"projects/shop/locations/{location}")
    except exceptions.GoogleAPICallError as error:
        status = error.grpc_status_code
        return -1 if status is None else int(status.value[0])
    return 0


def write(served: Served, at: float) -> None:
    """Write one point."""
    series = TimeSeries(
        metric={"type": "custom.googleapis.com/x"},
        resource={"type": "global"},
        points=[{"interval": {"end_time": {"seconds": int(at)}}, "value": {"int64_value": 1}}],
    )
    served.monitoring.create_time_series(name="projects/shop", time_series=[series])


def test_a_fault_strikes_as_often_as_it_says(serve: Serve) -> None:
    """A fault with a number strikes that often, and only the calls that it names."""
    fault = {"method": "List*", "location": "europe-*", "code": "UNAVAILABLE", "times": 2}
    served = serve(WORLD | {"faults": [fault]})
    assert [outcome(served, "us-east1"), *(outcome(served) for _ in range(3))] == [0, 14, 14, 0]


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
    """RetryInfo travels with the status, and a fault may be added while the servers run."""
    served = serve(WORLD)
    served.cloud.add_fault(Fault(code="RESOURCE_EXHAUSTED", message="Slow down", retry_delay=1.5))
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
    fault = {"method": "CreateTimeSeries", "code": "UNAVAILABLE", "times": 1, "when": when}
    served = serve(WORLD | {"faults": [fault]})
    with pytest.raises(exceptions.ServiceUnavailable):
        write(served, clock())
    assert len(served.cloud.points()) == written


def test_a_delayed_answer_meets_the_clients_deadline(serve: Serve) -> None:
    """Latency outlasts a deadline, and ends when the servers stop."""
    served = serve(WORLD | {"faults": [{"method": "ListStreams", "latency": "10m"}]})
    started = time.monotonic()
    with pytest.raises(exceptions.DeadlineExceeded):
        served.datastream.list_streams(
            parent="projects/shop/locations/us-east1", timeout=0.05, retry=None
        )
    served.cloud.stop()
    assert time.monotonic() - started < 5


def test_a_function_can_answer_a_method(serve: Serve) -> None:
    """Its bytes or its error reach the client; the call is recorded, and other methods go on."""
    served = serve(WORLD)

    def refuse(request: Any) -> bytes:
        raise StatusError("DATA_LOSS", f"Lost {request.parent}")

    served.cloud.answer("ListStreams", refuse)
    assert outcome(served) == 15
    served.cloud.answer("ListStreams", lambda _request: b"")
    assert outcome(served, "nowhere") == 0
    assert served.cloud.calls == {"ListStreams": 2}


def test_every_call_is_counted_by_method_and_place(serve: Serve, clock: Clock) -> None:
    """The log holds each call, failed ones too, with its project and location."""
    fault = {"method": "ListStreams", "code": "UNAVAILABLE", "times": 1}
    served = serve(WORLD | {"faults": [fault]})
    outcome(served)
    outcome(served)
    write(served, clock())
    assert served.cloud.calls == {"ListStreams": 2, "CreateTimeSeries": 1}
    assert served.cloud.call_log == [
        ("ListStreams", "shop", "europe-west1"),
        ("ListStreams", "shop", "europe-west1"),
        ("CreateTimeSeries", "shop", ""),
    ]


def test_a_port_in_use_is_an_error_and_leaves_nothing_running() -> None:
    """The second server on a port gets a sentence, and its other server stops again."""
    world = World.model_validate(WORLD)
    with Emulator(world) as first:
        port = int(first.monitoring.rpartition(":")[2])
        second = Emulator(world)
        with pytest.raises(PortInUseError, match=f"port {port} of 127.0.0.1"):
            second.start(monitoring_port=port)
        with grpc.insecure_channel(second.datastream) as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary("/x/Y")(b"", timeout=1)
