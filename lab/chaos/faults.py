"""The fault matrix: what can go wrong with a call, how often, and before or after its effect."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

READS = ("ListLocations", "ListStreams", "ListPrivateConnections", "ListStreamObjects")
WRITES = ("CreateTimeSeries",)
SERVICES = {"Datastream": READS, "Monitoring": WRITES}
"""The methods that a run calls, by the service that answers them."""

RETRIED = frozenset(
    {"ABORTED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
)
"""Codes after which the same call can succeed."""

CODES = tuple(code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK)


class Details(StrEnum):
    """What a status carries besides its code and message."""

    NONE = "no details"
    RETRY_INFO = "RetryInfo"
    UNPARSEABLE = "unparseable details"


class WrongAnswer(StrEnum):
    """A call's answer that is not what it should be."""

    HANG = "no answer"
    DRIP = "slow drip"
    RESET = "reset mid-answer"
    HALF = "half a message"
    EMPTY = "OK without a message"
    TRUNCATED = "truncated page"
    LOOP = "looping page token"
    LARGE = "answer over 4 MiB"
    HUGE = "answer over 64 MiB"


class BrokenConnection(StrEnum):
    """A connection that is not what it should be."""

    SILENT = "silent TCP"
    GARBAGE = "garbage instead of HTTP/2"
    TLS = "unexpected TLS"
    CLOSED = "closed at once"
    GOAWAY = "GOAWAY at once"


Times = Literal["once", "twice", "always"]
TIMES: dict[Times, float] = {"once": 1, "twice": 2, "always": float("inf")}


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell of the matrix.

    Attributes:
        target: The method whose calls it meets, or the service whose connections.
        kind: A status code's name, or what is wrong with the answer or the connection.
        details: What the status carries; ``NONE`` where there is no status.
        times: How many calls or connections it meets, from the first one on.
        after: Whether the call has its effect first.
    """

    target: str
    kind: str | WrongAnswer | BrokenConnection
    details: Details = Details.NONE
    times: Times = "once"
    after: bool = False

    def __str__(self) -> str:
        """Return the fault in words."""
        details = f" with {self.details}" if self.details is not Details.NONE else ""
        effect = " after the effect" if self.after else ""
        return f"{self.target}: {self.kind}{details}, {self.times}{effect}"

    @property
    def passes(self) -> bool:
        """Whether a run can lose nothing: the fault ends, and a retry helps against it."""
        if self.times == "always":
            return False
        if isinstance(self.kind, BrokenConnection):
            # gRPC stays on a connection with a GOAWAY until the server closes it.
            return self.kind is not BrokenConnection.GOAWAY
        return self.kind in RETRIED or self.kind in _RETRIED_ANSWERS


_RETRIED_ANSWERS = frozenset({WrongAnswer.HANG, WrongAnswer.DRIP, WrongAnswer.RESET})


def matrix() -> Iterator[Fault]:
    """Yield every fault.

    Reading has no effect, so that faults before and after it are the same. An answer of the write
    method has no pages.
    """
    for times in TIMES:
        for method in (*READS, *WRITES):
            for after in (False, True) if method in WRITES else (False,):
                for code, details in itertools.product(CODES, Details):
                    yield Fault(method, code, details, times, after=after)
                for answer in WrongAnswer:
                    if method in READS or answer is not WrongAnswer.LOOP:
                        yield Fault(method, answer, times=times, after=after)
        for service, connection in itertools.product(SERVICES, BrokenConnection):
            yield Fault(service, connection, times=times)
