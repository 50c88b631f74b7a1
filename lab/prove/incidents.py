"""Holds: what a condition's evaluations come to as incidents.

A condition is evaluated again and again, at a steady interval. For each set of labels an incident
opens at the first evaluation that comes at least the hold after the first of an unbroken row of
true ones, and closes at the first that is not true.
https://cloud.google.com/monitoring/alerts/concepts-indepth
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Incident:
    """A page.

    Attributes:
        policy: The policy's name.
        about: The full name of what it is about; empty where it names nothing.
        labels: The labels that it carries.
        opened: When, in seconds after the scenario's start.
        closed: Likewise; None where it is still open at the end.
        phase: Seconds from the start to the first evaluation that led to it.
    """

    policy: str
    about: str
    labels: Mapping[str, str]
    opened: float
    closed: float | None
    phase: float = 0.0


def firing_intervals(
    true_at: Iterable[float], *, retest_window: float, interval: float, last: float
) -> Iterator[tuple[float, float | None]]:
    """Yield when a condition fires and when it ends, None where it has not at the end.

    Args:
        true_at: The moments of the evaluations that were true, rising; all of one series of
            evaluations ``interval`` seconds apart.
        retest_window: Seconds that it has to be true.
        interval: Seconds between evaluations.
        last: The moment of the last evaluation.
    """
    for begun, ended in rows(true_at, interval):
        opens = begun + whole(retest_window, interval)
        if opens <= ended:
            closes = ended + interval
            yield opens, closes if closes <= last else None


def rows(true_at: Iterable[float], interval: float) -> Iterator[tuple[float, float]]:
    """Yield the first and the last moment of each unbroken row of true evaluations.

    Args:
        true_at: As :func:`spells` takes them.
        interval: Seconds between evaluations.
    """
    begun = previous = None
    for at in true_at:
        if begun is None or previous is None:
            begun = at
        elif at - previous > interval * 1.5:
            yield begun, previous
            begun = at
        previous = at
    if begun is not None and previous is not None:
        yield begun, previous


def whole(retest_window: float, interval: float) -> float:
    """Return how long a hold lasts in whole evaluations, seconds."""
    return -(-retest_window // interval) * interval
