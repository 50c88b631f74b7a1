"""Says in words and numbers how a run went, for the log and for people."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from exporter.google.errors import Failure
from exporter.names import Name, ProjectName, StreamName
from exporter.run.report import Report
from exporter.states import StreamState
from exporter.steps.compare import ComparedStream, Omission, Verdict
from exporter.steps.problems import Kind, LocationProblems
from exporter.text import one_line, plural, printable

LONGEST_ERROR = 1024  # bytes of an error's text that people are shown
_MOST_NAMED = 3
_COUNTED = (Verdict.FAILED, Verdict.UNEXPECTED, Verdict.MISSING)


class FailureGroup(NamedTuple):
    """Things of one project that failed for one kind of reason: one thing to fix."""

    event: str  # what the log calls it
    names: list[Name]  # all of one type
    failure: Failure  # why the first one failed

    @property
    def text(self) -> str:
        """Which ones failed, how, why, and how to fix it."""
        if isinstance(self.names[0], ProjectName):
            what = "could not be searched for locations"
        elif self.event == "not_collected":
            what = "could not be collected from, so some series are left out"
        else:
            what = "could not be read, so the streams there are unknown"
        return f"{name_all(self.names)} {what}: {self.failure}"


def failure_groups(report: Report) -> Iterable[FailureGroup]:
    """Return what was not discovered, read or collected, by project and reason."""
    groups: dict[object, FailureGroup] = {}
    for event, failures in (
        ("location_unreadable", report.unread),
        ("not_collected", report.uncollected),
    ):
        for name, failure in sorted(failures.items()):
            key = (event, type(name), name.project, failure.kind)
            group = groups.setdefault(key, FailureGroup(event, [], failure))
            group.names.append(name)
    return groups.values()


def name_all(names: Sequence[Name]) -> str:
    """Return the full name of one thing; of several, the first few and a count."""
    first = names[0]
    if len(names) == 1:
        return str(first)
    things = "streams" if isinstance(first, StreamName) else "locations"
    of = f"projects/{first.project}"
    within_project = ["/".join(name[1:]) for name in names]
    return f"{len(names):,} {things} of {of} ({name_first(within_project)})"


def name_first(words: Sequence[object]) -> str:
    """Return the first few of many words, and how many more there are."""
    text = ", ".join(map(str, words[:_MOST_NAMED]))
    more = len(words) - _MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def fields_of(names: Sequence[Name]) -> dict[str, Any]:
    """Return the fields of a log entry about names of one project."""
    first = names[0]
    if len(names) == 1:
        keys = ("project", "location", "stream_id")
        return dict(zip(keys, first, strict=False))
    locations = dict.fromkeys(printable("".join(name[1:2])) for name in names)
    return {"project": first.project, "locations": list(locations), "count": len(names)}


def numbers(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the last line of its log carries them."""
    written = report.written
    return {
        "node_id": str(report.task.index),
        "streams": report.streams,
        "unwatched": report.omitted.total(),
        "locations": len(report.locations) + len(report.unread),
        "unreadable": len(report.unread),
        "uncollected": len(report.uncollected),
        "written": written.accepted,
        "superseded": written.superseded,
        "lost": written.lost,
        "held_back": len(report.held_back),
        "calls": report.calls,
        "seconds": round(report.seconds, 3),
    }


def fleet(report: Report) -> str:
    """Return in words what was seen: how many streams, and how they are."""
    locations = report.locations
    text = "no locations read"
    if locations:
        within = plural(len(locations), "location")
        text = f"{plural(report.streams, 'stream')} watched in {within}"
    verdicts: Counter[str] = Counter()
    for location in locations:
        verdicts.update(one.verdict for one in location.streams)
    if counted := nonzero({verdict: verdicts[verdict] for verdict in _COUNTED}):
        text += f" ({counted})"
    if left_out := omitted(report.omitted):
        text += f", {left_out}"
    if report.unread:
        text += f", {plural(len(report.unread), 'location')} unreadable"
    return text


def omitted(counts: Mapping[Omission, int]) -> str:
    """Return in words what config leaves unwatched: ``3 muted, 12 excluded``."""
    return nonzero({why: counts[why] for why in Omission})


def nonzero(counts: Mapping[str, int]) -> str:
    """Return each count that is not 0 with what it counts: ``2 lost, 1 superseded``."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def error_of(one: ComparedStream) -> str:
    """Return the text of a stream's first error, else its reason; often empty."""
    return one_line(one.stream.error or one.stream.reason, LONGEST_ERROR)


def problem_of(one: ComparedStream) -> str:
    """Return what is wrong with a stream, in words that follow its name, or ``""``."""
    match one.verdict:
        case Verdict.FINE:
            return ""
        case Verdict.MISSING:
            fix = "create it, or remove it from `required`"
            return f"is required but does not exist: {fix}"
        case Verdict.FAILED:
            text = "failed; Datastream keeps retrying"
            if one.stream.state == StreamState.FAILED_PERMANENTLY:
                text = "failed permanently; it will not recover on its own"
        case Verdict.UNEXPECTED:
            text = f"is {one.state_name}, which config does not expect"
            text += f" ({one.rule})" if one.rule else ""
        case Verdict.ERRORS:
            text = f"is {one.state_name} with {plural(one.stream.errors, 'error')}"
    # Where there is a reason alone, it is the error as well.
    reason = one_line(one.stream.reason, LONGEST_ERROR)
    details = dict.fromkeys((reason, error_of(one)))
    return ": ".join(filter(None, (text, *details)))


def lasting(report: Report, name: StreamName) -> str:
    """Return how long a stream has had its problem, and whether in a group."""
    known = report.problems.get(name.location_name, LocationProblems())
    for (stream, kind), problem in known.current.items():
        if stream != name.stream or kind is Kind.EXPECTED:
            continue
        minutes = max(0, report.timestamp - problem.since) // 60
        if problem.grouped:
            return f"{minutes:,} min in a group"
        return f"{minutes:,} min" if minutes else ""
    return ""
