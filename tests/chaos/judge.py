"""Says which rules a run broke: it stays truthful, complete and clear."""

import signal
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.chaos.cases import DISCOVERED, DISCOVERY, Case, Observed, SeriesKey, play

# Metrics whose values are times of runs
_TIMES = {"location/last_read", "stream/last_seen", "stream/problem_since"}
_MOST_LOG = 64 * 1024  # characters that the log of one run may have
_COUNTED = SeriesKey("exporter/points_lost", "datastream-exporter/global", "0")


class Verdict(NamedTuple):
    """How many points a case lost, its seconds, and a sentence for each broken rule."""

    lost: int
    seconds: float
    broken: list[str]


@cache
def truth() -> Observed:
    """Return what a run does that nothing disturbs."""
    return play(Case("nothing", {}, passes=True))


def judge(case: Case) -> Verdict:
    """Play a case and return the verdict on it."""
    outcome = play(case)
    points = outcome.points
    true = truth().points
    unread = set()
    for at, value in points.items():
        if at.metric == "location/up" and not value:
            unread.add(at.place)
    broken = []
    for at, value in true.items():
        if value and _looks_deleted(at, points):
            broken.append(f"{at} looks deleted")
    broken += _false_points(case, outcome, unread)
    broken += _ends(case, outcome)
    lost = 0
    if not case.processes:
        missing = true.keys() - points.keys()
        lost = sum(_is_lost(at, unread) for at in missing)
        broken += _losses(case, outcome, lost, unread)
    return Verdict(lost, outcome.seconds, broken)


def _is_lost(at: SeriesKey, unread: set[str]) -> bool:
    """Return whether a point was due that is missing."""
    if at.place == DISCOVERED and DISCOVERY in unread:
        return False
    if at.metric == "location/up":
        return True
    # A run withholds last_read where another point of its location is lost.
    return at.place not in unread and at.metric != "location/last_read"


def _false_points(case: Case, outcome: Observed, unread: set[str]) -> Iterator[str]:
    """Yield a sentence for each point that says what was not seen."""
    for at, value in outcome.points.items():
        true = truth().points.get(at)
        if at.place in unread:
            if at.metric != "location/up":
                yield f"{at} is written, though its location was not read"
            elif at.place not in case.unread:
                yield f"{at} is 0, though nothing kept it from being read"
        elif at.place in case.unread and case.passes is False:
            yield f"{at} is written, though it can't have been read"
        elif at.metric in _TIMES and value and true:
            continue
        elif value != true and not at.metric.startswith("exporter/"):
            yield f"{at} is {value:g}, and should be {true}"


def _looks_deleted(at: SeriesKey, points: dict[SeriesKey, float]) -> bool:
    """Return whether a stream was last seen before its location was read."""
    read = points.get(SeriesKey("location/last_read", at.place, "datastream"), 0)
    return at.metric == "stream/last_seen" and points.get(at, 0) < read


def _ends(case: Case, outcome: Observed) -> Iterator[str]:
    """Yield what is wrong with how the runs ended and what they said."""
    # Python's own start was interrupted: nothing of the exporter's had begun.
    if "init_import_site" in outcome.log or -signal.SIGINT in outcome.exit_codes:
        return
    if "Traceback" in outcome.log:
        yield "the log has a traceback"
    if len(outcome.log) > _MOST_LOG * len(outcome.exit_codes):
        yield f"the log has {len(outcome.log):,} characters"
    interrupts = case.processes or (None,)
    for code, interrupt in zip(outcome.exit_codes, interrupts, strict=True):
        allowed = {0} if case.passes else {0, 1}
        if interrupt:
            # The system ends a process that has not begun to run the exporter.
            allowed = {0, 128 + interrupt.number, -interrupt.number}
        if code not in allowed:
            yield f"the exit code is {code}"


def _losses(
    case: Case, outcome: Observed, lost: int, unread: set[str]
) -> Iterator[str]:
    """Yield what is wrong about lost points, and what is not said about them."""
    if lost and (case.passes or 0 in outcome.exit_codes):
        yield f"{lost} points are lost"
    if outcome.points.get(_COUNTED, lost) < lost:
        yield f"{lost} points are lost, and fewer are counted"
    if (lost or unread) and "acme-" not in outcome.log:
        yield "no line of the log names the project"
