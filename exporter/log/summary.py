"""Says in words and numbers how a run went, for the log and for people."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from exporter.google.errors import Failure
from exporter.names import LocationName, Name, ProjectName, StreamName
from exporter.run.report import Report
from exporter.steps.compare import ComparedStream, Omission, Verdict
from exporter.steps.problems import WAITS, Key, LocationProblems, Problem
from exporter.text import one_line, plural, printable, utc_time

ERROR_BYTES = 1024  # of an error's text that people are shown
_MOST_NAMED = 3
_COUNTED = {
    Verdict.FAILED: "failed",
    Verdict.FAILED_PERMANENTLY: "failed permanently",
    Verdict.UNEXPECTED: "not as expected",
    Verdict.MISSING: "required and missing",
}
# The event of the log, and what could not be done
_FAILED: dict[type[Name], tuple[str, str]] = {
    ProjectName: ("location_unreadable", "could not be searched for locations"),
    LocationName: (
        "location_unreadable",
        "could not be read, so the streams there are unknown",
    ),
    StreamName: (
        "not_collected",
        "could not be collected from, so some series are left out",
    ),
}


class FailureGroup(NamedTuple):
    """What failed in one project for one kind of reason: one thing to fix."""

    names: Sequence[Name]  # all of one type; none where it is about problems
    text: str  # which ones failed, how, why, and how to fix it
    fields: Mapping[str, Any]  # of the log's entry


def failure_groups(report: Report) -> Iterator[FailureGroup]:
    """Yield what was not discovered, read, collected or read back, by the reason."""
    groups: dict[object, list[tuple[Name, Failure]]] = defaultdict(list)
    for failures in (report.unread, report.uncollected):
        for name, failure in sorted(failures.items()):
            groups[type(name), name.project, failure.kind].append((name, failure))
    for failed in groups.values():
        first, failure = failed[0]
        names = [name for name, _ in failed]
        event, problem = _FAILED[type(first)]
        fields = {
            "event": event,
            "project": first.project,
            "names": [printable(str(name)) for name in names],
            "reason": failure.kind,
        }
        yield FailureGroup(names, f"{name_first(names)} {problem}: {failure}", fields)
    if unread := report.problems_unread:
        text = (
            "Problems of earlier runs can't be read back, so none is written, and no"
            f" new one pages until a run can read them: {unread}"
        )
        about = {"event": "problems_unread", "reason": unread.kind}
        yield FailureGroup([], text, about)


def name_first(words: Sequence[object]) -> str:
    """Return the first few of many words, and how many more there are."""
    text = ", ".join(map(str, words[:_MOST_NAMED]))
    more = len(words) - _MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def numbers(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the last line of its log carries them."""
    written = report.written
    return {
        "streams": report.streams,
        "unwatched": report.omitted.total(),
        "locations": len(report.locations) + len(report.unread),
        "unreadable": len(report.unread),
        "uncollected": len(report.uncollected),
        "written": written.accepted,
        "superseded": written.superseded,
        "lost": written.lost,
        "calls": report.calls,
        "seconds": round(report.seconds, 3),
    }


def fleet(report: Report) -> str:
    """Return in words what was seen: how many streams, and how they are."""
    text = "no locations read"
    if report.read:
        within = plural(len(report.read), "location")
        text = f"{plural(report.streams, 'stream')} watched in {within}"
    counts = Counter(_COUNTED.get(one.verdict) for one in report.watched)
    if counted := count_words(counts, _COUNTED.values()):
        text += f" ({counted})"
    if left_out := count_words(report.omitted, Omission):
        text += f", {left_out}"
    if report.unread:
        text += f", {plural(len(report.unread), 'location')} unreadable"
    return text


def count_words(counts: Mapping[Any, int], order: Iterable[str]) -> str:
    """Return each count that is not 0 with its word: ``2 lost, 1 superseded``."""
    return ", ".join(f"{counts[word]:,} {word}" for word in order if counts[word])


def what_is_wrong(watched: ComparedStream) -> str:
    """Return what is wrong with a stream, in words that follow its name, or ``""``."""
    stream, state = watched.stream, watched.state_name
    match watched.verdict:
        case Verdict.FINE:
            return ""
        case Verdict.MISSING:
            return (
                "is required but does not exist: create it, or remove it from"
                " `required`"
            )
        case Verdict.FAILED:
            text = "failed; Datastream keeps retrying"
        case Verdict.FAILED_PERMANENTLY:
            text = "failed permanently; it will not recover on its own"
        case Verdict.UNEXPECTED:
            text = f"is {state}, which config does not expect"
            if watched.rule:
                text += f" ({watched.rule})"
        case Verdict.ERRORS:
            text = f"is {state} with {plural(stream.errors, 'error')}"
    for detail in dict.fromkeys((stream.reason, stream.error)):
        if detail:
            text += f": {one_line(detail, ERROR_BYTES)}"
    if watched.owner:
        text += f" (owner: {watched.owner})"
    return text


def stream_problem(report: Report, name: StreamName) -> tuple[str, Problem | None]:
    """Return the kind of the problem that a stream was told of, or has, and it."""
    known = report.problems.get(name.location_name, LocationProblems()).current
    # A problem that a stream has began after those it had.
    found = [
        (one.told, one.fine is None, one.since, kind, one)
        for kind in WAITS
        if (one := known.get(Key(name.stream, kind)))
    ]
    if not found:
        return "", None
    *_, kind, problem = max(found)
    return kind, problem


def problem_fields(report: Report, name: StreamName) -> dict[str, Any]:
    """Return what is known of a stream's problem, as scripts and the log have it."""
    kind, problem = stream_problem(report, name)
    if problem is None:
        return {}
    return {
        "kind": kind,
        "since": utc_time(problem.since),
        "told": problem.told,
        "until": problem.until and utc_time(problem.until),
        **problem.words._asdict(),
    }


def lasting(report: Report, watched: ComparedStream) -> str:
    """Return how long a stream has had its problem, and what is next.

    Where it is in another state by now, the kind of the problem comes first.
    """
    kind, problem = stream_problem(report, watched.name)
    if problem is None:
        return ""
    words = []
    if kind != watched.verdict:
        words.append(kind.replace("_", " "))
    if minutes := max(0, report.timestamp - problem.since) // 60:
        words.append(f"{minutes:,} min")
    if problem.until is not None:
        left = math.ceil(max(0, problem.until - report.timestamp) / 60)
        follows = "pages" if problem.fine is None else "fine again, over"
        words.append(f"{follows} in {left:,} min")
    return ", ".join(words) or "new"
