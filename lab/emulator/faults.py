"""Faults: which one, if any, befalls a call."""

from __future__ import annotations

from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.emulator.world import Fault


class Call(NamedTuple):
    """A call that reached a server; ``location`` is empty where the call names none."""

    method: str
    project: str
    location: str


class _Armed:
    """A fault and how often it will strike yet, None for ever."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times


class Faults:
    """The faults of a world and those added while it runs; counts how often each one struck."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Take the world's faults."""
        self._lock = Lock()
        self._armed = [_Armed(fault) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Add a fault; its ``from`` and ``until`` count from the world's start, as in a file."""
        with self._lock:
            self._armed.append(_Armed(fault))

    def strike(self, call: Call, seconds: float) -> list[Fault]:
        """Return the faults that befall a call, ``seconds`` after the start, and count them."""
        if not self._armed:
            return []
        struck = []
        with self._lock:
            for armed in self._armed:
                if armed.left == 0 or not _befalls(armed.fault, call, seconds):
                    continue
                if armed.left is not None:
                    armed.left -= 1
                struck.append(armed.fault)
        return struck


def _befalls(fault: Fault, call: Call, seconds: float) -> bool:
    return (
        fault.since <= seconds
        and (fault.until is None or seconds < fault.until)
        and fnmatchcase(call.method, fault.method)
        and fnmatchcase(call.project, fault.project)
        and fnmatchcase(call.location, fault.location)
    )
