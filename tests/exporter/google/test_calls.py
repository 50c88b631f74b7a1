"""Calls to Google: which are retried, how often, after which wait, and until when."""

import threading
from collections.abc import Callable

import grpc
import pytest
from google.api_core import exceptions
from google.rpc import error_details_pb2

from exporter.google.calls import LEAST_ATTEMPT, Calls, Deadline, call_with_retry
from exporter.google.errors import is_transient
from tests.exporter.conftest import PLENTY


class Attempts:
    """What is called again and again: each outcome in turn, the last one for ever."""

    def __init__(
        self, *outcomes: Exception | str, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        self.outcomes = list(outcomes)
        self.meanwhile = meanwhile
        self.timeouts: list[float] = []

    def __call__(self, timeout: float) -> str:
        """Return or raise the next outcome."""
        self.timeouts.append(timeout)
        self.meanwhile()
        now = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(now, Exception):
            raise now
        return now


def asking(seconds: int = 0, nanos: int = 0) -> Exception:
    """Return a refusal that asks for a wait."""
    wait = error_details_pb2.RetryInfo(retry_delay={"seconds": seconds, "nanos": nanos})
    refused: Exception = exceptions.ResourceExhausted("slow down", details=[wait])
    return refused


def call(
    attempts: Attempts, deadline: Deadline, longest: float = PLENTY
) -> tuple[str, int]:
    """Call with retries; return the answer, and how many calls were counted."""
    calls = Calls()
    answer = call_with_retry(attempts, deadline, calls, what="Get x", longest=longest)
    return answer, calls.made


def test_no_call_is_made_without_time_for_it() -> None:
    """A deadline that has passed is a timeout, and costs no call."""
    attempts = Attempts("answer")
    calls = Calls()
    for seconds in (-5, 0, LEAST_ATTEMPT / 2):
        with pytest.raises(
            exceptions.DeadlineExceeded, match="before this call started"
        ):
            call_with_retry(attempts, Deadline.after(seconds), calls, what="Get x")
    assert not attempts.timeouts
    assert not calls.made


@pytest.mark.parametrize(
    "error",
    [
        # More than a lifetime.
        asking(seconds=2**62),
        # Its code alone is that of an exhausted quota; the next answer would be as
        # large.
        exceptions.ResourceExhausted(
            "CLIENT: Received message larger than max (9 vs. 4)"
        ),
    ],
)
def test_what_a_retry_cannot_mend_is_raised_at_once(error: Exception) -> None:
    """Too large an answer isn't retried, nor what is to wait beyond the deadline."""
    attempts = Attempts(error, "answer")
    with pytest.raises(type(error)):
        call(attempts, Deadline.after(PLENTY))
    assert len(attempts.timeouts) == 1


def test_a_wait_that_leaves_no_time_for_a_try_is_not_begun() -> None:
    """What could not be tried after the wait is raised before it."""
    deadline = Deadline.after(PLENTY + LEAST_ATTEMPT / 2)
    with pytest.raises(exceptions.ResourceExhausted):
        call(Attempts(asking(seconds=round(PLENTY))), deadline)
    assert deadline.left > PLENTY / 2


def test_a_stop_cuts_a_wait_short() -> None:
    """A wait of minutes ends with the stop, and the refusal before it is raised."""
    deadline = Deadline.after(600)
    timer = threading.Timer(0.03, deadline.stop.set)
    attempts = Attempts(asking(seconds=300), meanwhile=timer.start)
    with pytest.raises(exceptions.ResourceExhausted):
        call(attempts, deadline)
    assert deadline.left > 300
    assert len(attempts.timeouts) == 1


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    """A retry waits as long as the server asks; a negative wait is none."""
    deadline = Deadline.after(PLENTY)
    assert call(Attempts(asking(nanos=200_000_000), "answer"), deadline) == (
        "answer",
        2,
    )
    assert deadline.left <= PLENTY - 0.2
    assert call(Attempts(asking(seconds=-(2**62)), "answer"), deadline) == ("answer", 2)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED])
def test_a_lost_connection_is_worth_a_retry(code: grpc.StatusCode) -> None:
    """An UNKNOWN or CANCELLED that no server sent is retried; any other is final."""
    lost = ("Stream removed (RST_STREAM)", "No status received")
    final = ("The server says so.", "Channel closed!")
    errors = {text: exceptions.from_grpc_status(code, text) for text in (*lost, *final)}
    assert tuple(text for text in errors if is_transient(errors[text])) == lost


def test_only_what_passes_is_worth_a_retry() -> None:
    """Five of gRPC's codes are retried, and every try is counted."""
    codes = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
    passing = {
        code.name
        for code in codes
        if is_transient(exceptions.from_grpc_status(code, "x"))
    }
    assert passing == {
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "INTERNAL",
        "ABORTED",
    }
    assert call(Attempts(*[asking()] * 3, "answer"), Deadline.after(PLENTY)) == (
        "answer",
        4,
    )
