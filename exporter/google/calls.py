"""Calls Google within a deadline, retries while that can help, and counts the calls."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import tenacity
from google.api_core import exceptions
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2

from exporter.google.errors import is_lost, is_too_large

T = TypeVar("T")
# Seconds that a try is worth: about a round trip to another continent
LEAST_ATTEMPT = 0.1

_TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.ResourceExhausted,
    exceptions.InternalServerError,
    exceptions.Aborted,
)

_jitter = tenacity.wait_random_exponential(multiplier=0.2, max=5)


@dataclass(frozen=True)
class Deadline:
    """A time on the monotonic clock by which work has to be done."""

    ends: float  # the time, in seconds of ``time.monotonic``
    # Set to end the work early
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def after(cls, seconds: float, stop: threading.Event | None = None) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, stop or threading.Event())

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.ends - time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the work should end early."""
        return self.stop.is_set()

    def within(self, seconds: float) -> "Deadline":
        """Return the earlier one of this deadline and that many seconds from now."""
        return replace(self, ends=min(self.ends, time.monotonic() + seconds))

    def sooner(self, seconds: float) -> "Deadline":
        """Return a deadline that leaves this many seconds before this one ends."""
        return replace(self, ends=self.ends - seconds)


class Calls:
    """Counts the calls of a run, retries included; all threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.made = 0

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self.made += 1


def is_transient(error: BaseException) -> bool:
    """Return whether a retry of the call can succeed."""
    if is_too_large(error):
        return False
    return isinstance(error, _TRANSIENT) or is_lost(error)


def call_with_retry(
    attempt: Callable[[float], T],
    deadline: Deadline,
    calls: Calls,
    *,
    longest: float = math.inf,
    again: Callable[[BaseException], bool] = is_transient,
) -> T:
    """Call until it succeeds, fails finally, or another try could not finish in time.

    ``attempt`` receives its timeout in seconds, ``longest`` at most. The deadline
    bounds all tries and waits, its ``stop`` ends them; then the last GoogleAPICallError
    is raised.
    """
    last: exceptions.GoogleAPICallError | None = None

    def once() -> T:
        nonlocal last
        left = deadline.left
        if left < LEAST_ATTEMPT or (last and deadline.stopped):
            late = "the run's deadline passed before this call started"
            raise last or exceptions.DeadlineExceeded(late)
        calls.add()
        try:
            return attempt(min(longest, left))
        except (DecodeError, ValueError) as error:
            # Google's client can't parse the answer, or the details of an error.
            last = exceptions.InternalServerError(f"the answer can't be read ({error})")
        except exceptions.GoogleAPICallError as error:
            last = error
        raise last

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(again),
        wait=_wait,
        stop=lambda state: (
            deadline.stopped or deadline.left < state.upcoming_sleep + LEAST_ATTEMPT
        ),
        sleep=tenacity.sleep_using_event(deadline.stop),
        reraise=True,
    )
    return retrying(once)


def _wait(state: tenacity.RetryCallState) -> float:
    """Return how many seconds to wait: what the server asks for, with jitter."""
    own = _jitter(state)
    error = state.outcome.exception() if state.outcome else None
    for detail in getattr(error, "details", None) or ():
        if isinstance(detail, error_details_pb2.RetryInfo):
            delay = detail.retry_delay
            asked = float(delay.seconds + delay.nanos / 1e9)
            # All clients are asked for the same: a little jitter spreads them.
            return max(own, asked + own / 10)
    return own
