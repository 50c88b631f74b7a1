"""Which calls are made again, how often, and after which wait."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.google.calls import (
    LEAST_ATTEMPT,
    MOST_ATTEMPTS,
    TRANSIENT,
    Calls,
    call_with_retry,
    is_transient,
    retry_delay,
)
from tests.exporter.read.worlds import PLENTY, failure_of, project, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exporter.conftest import Serve

SOURCE = {"project": "shop-prod", "locations": ["us-east1"]}
SHOP = project("shop-prod", {"us-east1": ["orders"]})
TRANSIENT_CODES = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED")
FINAL_CODES = ("PERMISSION_DENIED", "NOT_FOUND", "UNAUTHENTICATED", "INVALID_ARGUMENT", "UNKNOWN")


def world(**fault: Any) -> dict[str, Any]:
    """Return a world in which something goes wrong with ListStreams."""
    return {"projects": [SHOP], "faults": [{"method": "ListStreams", **fault}]}


@pytest.mark.parametrize("code", TRANSIENT_CODES + FINAL_CODES)
def test_a_refusal_is_outlasted_where_that_can_help(serve: Serve, code: str) -> None:
    """Two transient refusals and an answer are three calls; a final one is not repeated."""
    lab = serve(world(code=code, times=2))
    observations = lab.read(SOURCE)
    is_read = seen(observations) == {"shop-prod/us-east1": ["orders"]}
    assert is_read == (code in TRANSIENT_CODES)
    assert lab.calls.made == lab.cloud.calls["ListStreams"] == (3 if is_read else 1)


def test_a_discovery_is_tried_again_too(serve: Serve) -> None:
    """A project's locations are found though their listing was refused once."""
    fault = {"method": "ListLocations", "code": "UNAVAILABLE", "times": 1}
    lab = serve({"projects": [SHOP], "faults": [fault]})
    assert seen(lab.read({"project": "shop-prod"})) == {"shop-prod/us-east1": ["orders"]}
    assert lab.cloud.calls == {"ListLocations": 2, "ListStreams": 1}


def test_the_wait_that_the_server_asks_for_is_kept(serve: Serve) -> None:
    """RetryInfo says how long; the next call comes no sooner."""
    lab = serve(world(code="RESOURCE_EXHAUSTED", times=1, retry_delay=0.3))
    started = time.monotonic()
    assert seen(lab.read(SOURCE)) == {"shop-prod/us-east1": ["orders"]}
    assert time.monotonic() - started >= 0.3
    assert lab.cloud.calls == {"ListStreams": 2}


def test_a_retry_that_cannot_finish_in_time_is_not_started(serve: Serve) -> None:
    """A wait beyond the deadline is not begun: the refusal is told at once."""
    lab = serve(world(code="RESOURCE_EXHAUSTED", retry_delay=600))
    started = time.monotonic()
    failure = failure_of(lab.read(SOURCE), "shop-prod", "us-east1")
    assert time.monotonic() - started < PLENTY / 3
    assert failure.kind is FailureKind.QUOTA
    assert "gcloud" not in failure.hint
    assert lab.cloud.calls == {"ListStreams": 1}


# The same without a server, for what no server can be made to do in time.


class Attempts:
    """What is called again and again: each outcome in turn, the last one for ever."""

    def __init__(
        self, *outcomes: BaseException | str, then: Callable[[], None] = lambda: None
    ) -> None:
        """Take the outcomes, and what happens during each attempt."""
        self.outcomes = list(outcomes)
        self.then = then
        self.timeouts: list[float] = []

    def __call__(self, timeout: float) -> str:
        """Return or raise the next outcome."""
        self.timeouts.append(timeout)
        self.then()
        now = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(now, BaseException):
            raise now
        return now


def asking(seconds: int = 0, nanos: int = 0) -> exceptions.ResourceExhausted:
    """Return a refusal that asks for a wait."""
    delay = Duration(seconds=seconds, nanos=nanos)
    refusal: exceptions.ResourceExhausted = exceptions.ResourceExhausted(
        "slow down", details=[error_details_pb2.RetryInfo(retry_delay=delay)]
    )
    return refusal


def call(attempts: Attempts, deadline: Deadline, longest: float = PLENTY) -> tuple[str, int]:
    """Call persistently; return the answer and the calls counted."""
    calls = Calls()
    return call_with_retry(attempts, deadline=deadline, longest=longest, calls=calls), calls.made


def test_no_call_is_made_without_time_for_it() -> None:
    """A deadline that is used up is a timeout, and costs no call."""
    calls = Calls()
    attempts = Attempts("answer")
    for seconds in (-5, 0, LEAST_ATTEMPT / 2):
        with pytest.raises(exceptions.DeadlineExceeded, match="before its turn"):
            call_with_retry(attempts, deadline=Deadline.after(seconds), longest=PLENTY, calls=calls)
    assert not attempts.timeouts
    assert calls.made == 0


def test_one_try_takes_no_longer_than_it_may() -> None:
    """A try ends with its own timeout or with the deadline, whichever comes first."""
    attempts = Attempts("answer")
    call(attempts, Deadline.after(PLENTY), longest=2)
    call(attempts, Deadline.after(2), longest=PLENTY)
    assert attempts.timeouts[0] == 2
    assert 0 < attempts.timeouts[1] <= 2


def test_the_last_refusal_is_told_when_time_is_up() -> None:
    """What ends a row of tries is what the last one said, not that time was up."""
    attempts = Attempts(exceptions.Aborted("first"), exceptions.ServiceUnavailable("then"))
    with pytest.raises(exceptions.ServiceUnavailable, match="then"):
        call(attempts, Deadline.after(1))
    assert len(attempts.timeouts) >= 2


def test_an_error_that_is_no_refusal_is_raised_as_it_is() -> None:
    """It is not tried again, and it is counted."""
    attempts = Attempts(ValueError("closed"), "answer")
    with pytest.raises(ValueError, match="closed"):
        call(attempts, Deadline.after(PLENTY))
    assert len(attempts.timeouts) == 1


def test_a_stop_during_a_try_begins_no_further_one() -> None:
    """The refusal of the try under way is the last word."""
    deadline = Deadline.after(PLENTY)
    attempts = Attempts(exceptions.ServiceUnavailable("down"), then=deadline.stop.set)
    with pytest.raises(exceptions.ServiceUnavailable):
        call(attempts, deadline)
    assert len(attempts.timeouts) == 1


def test_a_stop_during_a_wait_cuts_it_short_and_begins_no_further_try() -> None:
    """A wait of minutes ends with the stop, and the refusal before it is told."""
    deadline = Deadline.after(600)
    attempts = Attempts(asking(seconds=300))
    timer = threading.Timer(0.03, deadline.stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(exceptions.ResourceExhausted):
        call(attempts, deadline)
    timer.join()
    assert time.monotonic() - started < PLENTY
    assert len(attempts.timeouts) == 1


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (asking(seconds=3, nanos=250_000_000), 3.25),
        (asking(), 0.0),
        (asking(seconds=315_576_000_000), 315_576_000_000.0),
        (asking(seconds=-(2**62)), -(2.0**62)),
        (exceptions.ResourceExhausted("no details"), None),
        (exceptions.ServiceUnavailable("other", details=[error_details_pb2.ErrorInfo()]), None),
        (ValueError("no refusal"), None),
        (None, None),
    ],
)
def test_the_wait_is_read_from_the_details(
    error: BaseException | None, seconds: float | None
) -> None:
    """RetryInfo's duration in seconds, whatever it is; None where there is none."""
    assert retry_delay(error) == seconds


def test_a_nonsensical_wait_is_no_crash() -> None:
    """Less than nothing is no wait; more than a lifetime is no retry."""
    assert call(Attempts(asking(seconds=-5), "answer"), Deadline.after(PLENTY)) == ("answer", 2)
    with pytest.raises(exceptions.ResourceExhausted):
        call(Attempts(asking(seconds=2**62), "answer"), Deadline.after(PLENTY))


@pytest.mark.parametrize("seconds", [-(2**62), -5, 0])
def test_a_server_cannot_ask_for_more_than_so_many_tries(seconds: int) -> None:
    """Whatever wait it asks for, tries are spaced by our own and bounded in number."""
    attempts = Attempts(asking(seconds=seconds, nanos=-1 if seconds < 0 else 0))
    deadline = Deadline.after(2)
    with pytest.raises(exceptions.ResourceExhausted):
        call(attempts, deadline)
    assert len(attempts.timeouts) <= MOST_ATTEMPTS
    assert deadline.left > -1


def test_a_call_that_hangs_is_made_once_more_while_it_goes_on() -> None:
    """The first answer counts; a late one is as good; two failures are the last one's."""
    second, late = threading.Event(), threading.Event()

    def first_hangs(_timeout: float) -> str:
        if not second.is_set():
            second.set()
            late.wait(PLENTY)
        return "answer"

    calls = Calls()
    deadline = Deadline.after(PLENTY)
    assert call_with_retry(first_hangs, deadline=deadline, calls=calls, hedge=0.1) == "answer"
    late.set()
    assert calls.made == 2

    def slow(_timeout: float) -> str:
        answered = not second.is_set()
        second.set()
        if not answered:
            raise exceptions.PermissionDenied("no")
        late.wait(0.3)
        return "late"

    second.clear()
    late.clear()
    assert call_with_retry(slow, deadline=deadline, calls=calls, hedge=0.1) == "late"
    refused = Attempts(exceptions.PermissionDenied("no"), then=lambda: time.sleep(0.2))
    with pytest.raises(exceptions.PermissionDenied):
        call_with_retry(refused, deadline=deadline, calls=calls, hedge=0.1)
    assert len(refused.timeouts) == 2


def test_an_answer_that_is_too_large_is_not_asked_for_again() -> None:
    """It would be as large again; its code alone is that of an exhausted quota."""
    too_large = exceptions.ResourceExhausted("CLIENT: Received message larger than max (9 vs. 4)")
    attempts = Attempts(too_large, "answer")
    with pytest.raises(exceptions.ResourceExhausted):
        call(attempts, Deadline.after(PLENTY))
    assert len(attempts.timeouts) == 1


def test_no_other_code_than_the_transient_ones_is_worth_a_retry() -> None:
    """Every class that Google's client can raise is transient by its code alone."""
    codes = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
    transient = [
        code.name for code in codes if is_transient(exceptions.from_grpc_status(code, "x"))
    ]
    assert sorted(transient) == sorted(TRANSIENT_CODES)
    assert len(TRANSIENT) == len(TRANSIENT_CODES)


@settings(max_examples=10, deadline=None)
@given(refusals=st.integers(0, 3))
def test_every_try_is_counted(refusals: int) -> None:
    """However many refusals come first, the calls are those and the answer."""
    attempts = Attempts(*[asking()] * refusals, "answer")
    assert call(attempts, Deadline.after(PLENTY)) == ("answer", refusals + 1)
