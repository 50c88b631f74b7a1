"""Calls Google within a deadline, retries while that can help, and counts the calls."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from logging import DEBUG
from typing import Any, TypeVar

import tenacity
from google.api_core import exceptions
from google.protobuf.message import DecodeError

from exporter.google.errors import (
    NOBODY,
    Caller,
    CallError,
    Failure,
    FailureKind,
    explain_call_error,
    is_transient,
    retry_delay,
)
from exporter.logger import log

T = TypeVar("T")
# Seconds: with less left, a try is not begun. About a round trip to another continent
LEAST_ATTEMPT = 0.1
# Of one list: the API allows 200 streams a location, and advises 10,000 objects
MOST_PAGES = 50
# Of a list that has more; another try would read as many again
ENDLESS = Failure(
    FailureKind.REFUSED,
    f"the list goes on after {MOST_PAGES} pages",
    "The list is left out, because a part of it is unknown.",
)

_jitter = tenacity.wait_random_exponential(multiplier=0.2, max=5)


@dataclass
class Calls:
    """Counts the calls that somebody makes, retries included; threads share it."""

    caller: Caller = NOBODY
    made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self.made += 1


@dataclass(frozen=True)
class Deadline:
    """A time on the monotonic clock by which work has to be done."""

    ends: float  # the time, in seconds of ``time.monotonic``
    stop: threading.Event  # set to end the work early

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

    def shifted(self, seconds: float) -> "Deadline":
        """Return a deadline that ends this many seconds after this one."""
        return replace(self, ends=self.ends + seconds)


def call_with_retry(
    call: Callable[[float], T],
    deadline: Deadline,
    calls: Calls,
    what: str,
    longest: float = math.inf,
    again: Callable[[BaseException], bool] = is_transient,
) -> T:
    """Call until it succeeds, fails finally, or another try could not finish in time.

    ``call`` receives its timeout in seconds, ``longest`` at most. The deadline bounds
    all tries and waits, its ``stop`` ends them; then the last GoogleAPICallError is
    raised. The log names each try by ``what``: the method, and where it is called.
    """
    last: exceptions.GoogleAPICallError | None = None

    def once() -> T:
        nonlocal last
        left = deadline.left
        if left < LEAST_ATTEMPT or (last and deadline.stopped):
            raise last or exceptions.DeadlineExceeded(
                "the run's deadline passed before this call started"
            )
        calls.add()
        began, status = time.monotonic(), "OK"
        try:
            return call(min(longest, left))
        except (DecodeError, ValueError) as error:
            # Google's client can't parse the answer, or the details of an error.
            last = exceptions.InternalServerError(f"the answer can't be read ({error})")
            status = type(last).__name__
        except exceptions.GoogleAPICallError as error:
            last = error
            status = type(last).__name__
        finally:
            seconds = round(time.monotonic() - began, 3)
            log(
                DEBUG,
                f"{what}: {status} in {seconds:.3f} s",
                call=what,
                status=status,
                seconds=seconds,
            )
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
    asked = retry_delay(state.outcome.exception()) if state.outcome else 0.0
    # All clients are asked for the same: a little jitter spreads them.
    return max(own, asked + own / 10)


def list_pages(
    method: Callable[..., Any],
    request: Any,
    permission: str,
    deadline: Deadline,
    calls: Calls,
    again: Callable[[BaseException], bool] = is_transient,
) -> Iterator[Any]:
    """Yield every page that a client's method lists; raise CallError.

    ``permission`` is the one of IAM that it needs in the project of the request;
    ``again`` says which errors are worth a retry. The client's own pager keeps only the
    last page's ``unreachable``.
    """

    def page(timeout: float) -> Any:
        answer = method(request, retry=None, timeout=timeout)
        # Locations alone are listed without a pager.
        is_pager = hasattr(answer, "pages")
        if is_pager:
            answer = next(answer.pages)
        if answer is None:
            # As where a proxy cuts it off.
            raise exceptions.ServiceUnavailable("the answer is OK and empty")
        # Raw messages are faster to read, and have numbers that proto-plus doesn't
        # know.
        raw = type(answer).pb(answer) if is_pager else answer
        if unreachable := getattr(raw, "unreachable", ()):
            left_out = ", ".join(unreachable)
            raise exceptions.DataLoss(f"the answer leaves out what is in {left_out}")
        if getattr(raw, "execution_errors", ()):
            raise exceptions.DataLoss("Cloud Monitoring could not read all series")
        return raw

    parent = getattr(request, "parent", "") or request.name
    what = f"{type(request).__name__.removesuffix('Request')} {parent}"
    project = parent.split("/")[1]
    for _ in range(MOST_PAGES):
        try:
            answer = call_with_retry(page, deadline, calls, what, again=again)
        except exceptions.GoogleAPICallError as error:
            raise CallError(
                explain_call_error(error, project, permission, calls.caller)
            ) from error
        yield answer
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token
    raise CallError(ENDLESS)
