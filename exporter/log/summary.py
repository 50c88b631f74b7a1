"""Says in words and numbers how a run went, for the log and for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from exporter.google.errors import Failure
from exporter.names import LocationName, StreamName
from exporter.run.report import Report
from exporter.steps.measure import GLOBAL
from exporter.text import plural, printable

_MOST_NAMED = 3

_Name: TypeAlias = LocationName | StreamName


@dataclass(frozen=True)
class FailureGroup:
    """Things of one project that failed for one kind of reason: one thing to fix."""

    event: str  # what the log calls it
    names: list[_Name]  # ``global`` stands for discovery
    failure: Failure  # why the first one failed

    @property
    def text(self) -> str:
        """How they failed, why, and how to fix it, in words that follow their name."""
        if self.names[0].location == GLOBAL:
            what = "could not be searched for locations"
        elif self.event == "not_collected":
            what = "could not be collected from, so some series are left out"
        else:
            what = "could not be read, so the streams there are unknown"
        return f"{what}: {self.failure}"


def failure_groups(report: Report) -> Iterator[FailureGroup]:
    """Yield what was not discovered, read or collected, by project and reason."""
    yield from _groups("location_unreadable", report.unread)
    yield from _groups("not_collected", report.uncollected)


def _groups(event: str, failures: Mapping[Any, Failure]) -> Iterable[FailureGroup]:
    groups: dict[object, FailureGroup] = {}
    for name in sorted(failures):
        failure = failures[name]
        discovery = name.location == GLOBAL
        # Streams and locations are different things.
        key = (len(name), name.project, discovery, failure.kind)
        group = groups.setdefault(key, FailureGroup(event, [], failure))
        group.names.append(name)
    return groups.values()


def name_all(names: Sequence[_Name]) -> str:
    """Return the full name of one thing; of several, the first few and a count."""
    first = names[0]
    project = f"projects/{first.project}"
    if len(names) == 1:
        return project if first.location == GLOBAL else str(first)
    things = "streams" if isinstance(first, StreamName) else "locations"
    within_project = ["/".join(name[1:]) for name in names]
    return f"{len(names):,} {things} of {project} ({name_first(within_project)})"


def name_first(words: Sequence[object]) -> str:
    """Return the first few of many words, and how many more there are."""
    text = ", ".join(map(str, words[:_MOST_NAMED]))
    more = len(words) - _MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def fields_of(names: Sequence[_Name]) -> dict[str, Any]:
    """Return the fields of a log entry about names of one project."""
    first = names[0]
    if len(names) == 1:
        keys = ("project", "location", "stream_id")
        return dict(zip(keys, first, strict=False))
    locations = [printable(name.location) for name in names]
    return {
        "project": first.project,
        "locations": list(dict.fromkeys(locations)),
        "count": len(names),
    }


def numbers(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the last line of its log carries them."""
    written = report.written
    return {
        "node_id": str(report.task.index),
        "streams": report.streams,
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
        text = f"{plural(report.streams, 'stream')} in {within}"
    counts: Counter[str] = Counter()
    for location in locations:
        counts.update(one.trouble for one in location.streams if one.trouble)
    if counts:
        text += f" ({nonzero(counts)})"
    if report.unread:
        text += f", {plural(len(report.unread), 'location')} unreadable"
    return text


def nonzero(counts: Mapping[str, int]) -> str:
    """Return each count that is not 0 with what it counts: ``2 lost, 1 superseded``."""
    return ", ".join(
        f"{count:,} {what}" for what, count in sorted(counts.items()) if count
    )


def lasting(report: Report, name: StreamName) -> str:
    """Return how long a stream has had its problem, and whether in a group."""
    known = report.problems.get(name.location_name)
    problem = known.current.get(name.stream) if known else None
    if problem is None:
        return ""
    minutes = max(0, report.timestamp - problem.since) // 60
    if problem.grouped:
        return f"{minutes:,} min in a group"
    return f"{minutes:,} min" if minutes else ""
