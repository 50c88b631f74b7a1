"""Calls to Google: bounded by a deadline, retried while that can help, and counted."""

from __future__ import annotations

import math
import threading
from concurrent.futures import as_completed, wait
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import grpc
import tenacity
from google.api_core import exceptions
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2

from exporter.gcp.background import in_background
from exporter.gcp.errors import is_too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.gcp.deadline import Deadline

T = TypeVar("T")

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.ResourceExhausted,
    exceptions.InternalServerError,
    exceptions.Aborted,
)
"""Errors that are worth a retry; any other is final."""

LEAST_ATTEMPT = 0.1
"""The least time for a try, in seconds: about that of a call to another continent."""

MOST_ATTEMPTS = 20
"""Tries of one call, whatever delays the server asks for."""

_jitter = tenacity.wait_random_exponential(multiplier=0.2, max=5)


class Calls:
    """Counts the calls made, retries included; shared by all threads of a run."""

    def __init__(self) -> None:
        """Start at none."""
        self._lock = threading.Lock()
        self._made = 0

    @property
    def made(self) -> int:
        """Calls made so far."""
        return self._made

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self._made += 1


def retry_delay(error: BaseException | None) -> float | None:
    """Return the delay that the server requests, in seconds, if it does (RetryInfo).

    Source: google/rpc/error_details.proto, RetryInfo.
    """
    if isinstance(error, exceptions.GoogleAPICallError):
        for detail in error.details or ():
            if isinstance(detail, error_details_pb2.RetryInfo):
                return float(detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9)
    return None


def is_transient(error: BaseException) -> bool:
    """Return whether a retry of the call can succeed."""
    return isinstance(error, TRANSIENT) and not is_too_large(error)


def call_with_retry(
    attempt: Callable[[float], T],
    *,
    deadline: Deadline,
    calls: Calls,
    longest: float = math.inf,
    hedge: float = math.inf,
    again: Callable[[BaseException], bool] = is_transient,
) -> T:
    """Call until it succeeds, fails finally, or another try could not finish in time.

    Args:
        attempt: One try; it receives its timeout in seconds.
        deadline: Bounds all tries and the waits between them. Its ``stop`` ends a wait early
            and prevents further tries.
        calls: Counts every try.
        longest: The longest timeout of one try, in seconds.
        hedge: After so many seconds without an answer, the call is made once more while the first
            goes on, and the first answer counts. Only for calls that change nothing.
        again: Whether an error is worth a retry.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: The last error.
    """
    refused: BaseException | None = None

    def once() -> T:
        nonlocal refused
        left = deadline.left
        if refused is not None and (deadline.stopped or left < LEAST_ATTEMPT):
            # The wait for this try was ended early, or took too long.
            raise refused
        if left < LEAST_ATTEMPT:
            raise exceptions.DeadlineExceeded("the time for it was used up before its turn came")
        try:
            return _hedged(partial(_once, attempt, calls), min(longest, left), hedge)
        except exceptions.GoogleAPICallError as error:
            refused = error
            raise

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(again),
        wait=_wait,
        stop=lambda state: (
            deadline.stopped
            or deadline.left < state.upcoming_sleep + LEAST_ATTEMPT
            or state.attempt_number >= MOST_ATTEMPTS
        ),
        sleep=tenacity.sleep_using_event(deadline.stop),
        reraise=True,
    )
    return retrying(once)


def answer_of(call: Callable[[], T]) -> T:
    """Return what a call returns.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: It failed, even if the details of its error
            can't be parsed, for which Google's client raises something else.
    """
    try:
        return call()
    except (DecodeError, ValueError) as error:
        # The client was handling the call's own error.
        failed = error.__context__
        if isinstance(failed, grpc.RpcError) and isinstance(failed, grpc.Call):
            raise exceptions.from_grpc_status(
                failed.code(), failed.details(), errors=(failed,), response=failed
            ) from failed
        raise


def _once(attempt: Callable[[float], T], calls: Calls, timeout: float) -> T:
    calls.add()
    return answer_of(partial(attempt, timeout))


def _hedged(attempt: Callable[[float], T], timeout: float, hedge: float) -> T:
    """Return what the first of two tries to succeed returns, or raise what the last one raises."""
    if hedge >= timeout:
        return attempt(timeout)
    tries = [in_background(partial(attempt, timeout))]
    if not wait(tries, timeout=hedge).done:
        tries.append(in_background(partial(attempt, timeout - hedge)))
    for ended in as_completed(tries):
        if ended.exception() is None:
            break
    return ended.result()


def _wait(state: tenacity.RetryCallState) -> float:
    asked = retry_delay(state.outcome.exception() if state.outcome else None) or 0.0
    own = _jitter(state)
    # All clients get the same delay from the server: a little jitter spreads them. A server that
    # asks for less than our own delay, or for less than nothing, still gets ours.
    return max(own, asked + own / 10)
