"""Turns the evaluations of a condition into incidents.

Cloud Monitoring evaluates a condition at a steady interval. For each set of labels, an incident
opens at the first evaluation at which the condition has been true for the retest window, and closes
at the first evaluation that is not true.
https://cloud.google.com/monitoring/alerts/concepts-indepth
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident of a policy.

    Attributes:
        policy: The policy's name.
        about: The full name of the resource; empty where the labels name none.
        labels: The incident's labels.
        opened: Seconds after the scenario's start.
        closed: Seconds after the scenario's start; None while open at the end.
        phase: Seconds from the start to the first of the evaluations that led to it.
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
    """Yield when incidents open and close; None where one is still open at the end.

    Args:
        true_at: Times of the evaluations that were true, ascending, ``interval`` seconds apart
            where none between them was false.
        retest_window: Seconds for which the condition must stay true.
        interval: Seconds between evaluations.
        last: Time of the last evaluation.
    """
    for begin, end in true_intervals(true_at, interval):
        opened = begin + round_up(retest_window, interval)
        if opened <= end:
            closed = end + interval
            yield opened, closed if closed <= last else None


def true_intervals(true_at: Iterable[float], interval: float) -> Iterator[tuple[float, float]]:
    """Yield the first and last time of each unbroken run of true evaluations.

    Args:
        true_at: As in :func:`firing_intervals`.
        interval: Seconds between evaluations.
    """
    begin = previous = None
    for at in true_at:
        if begin is None or previous is None:
            begin = at
        elif at - previous > interval * 1.5:
            yield begin, previous
            begin = at
        previous = at
    if begin is not None and previous is not None:
        yield begin, previous


def round_up(retest_window: float, interval: float) -> float:
    """Return a retest window rounded up to whole evaluation intervals, in seconds."""
    return -(-retest_window // interval) * interval
