"""What a run could not read, grouped so that each cause is one sentence.

A revoked permission fails every location of a project, or every stream's objects. That is one
thing to fix, so it is one line and not ten thousand.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.names import LocationName, StreamName
from exporter.read.observations import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.gcp.errors import Failure, FailureKind
    from exporter.read.observations import Observations

UNREADABLE = "location_unreadable"
"""The event of an entry about locations that were not read; ``global`` stands for discovery."""

UNCOLLECTED = "not_collected"
"""The event of an entry about what a collector could not read."""

_MOST_NAMED = 3
_MOST_LOCATIONS = 100


class FailureGroup(NamedTuple):
    """One or more things in a project that failed for the same kind of reason.

    Attributes:
        subject: What failed; followed by ``text`` it is a sentence.
        text: How it failed, why, and how to fix it.
        level: The level in the log.
        fields: The fields of the log entry.
        names: The locations or streams; none for the project's discovery.
    """

    subject: str
    text: str
    level: int
    fields: Mapping[str, Any]
    names: tuple[LocationName | StreamName, ...] = ()


def failure_groups(observations: Observations) -> Iterator[FailureGroup]:
    """Yield what could not be discovered, read or collected."""
    for project, failure in observations.failed_discoveries.items():
        yield FailureGroup(
            f"projects/{project}",
            f"could not be searched for locations: {failure}",
            logging.WARNING,
            {
                "event": UNREADABLE,
                "project": project,
                "location": GLOBAL,
                "reason": failure.kind,
            },
        )
    yield from unread_groups(observations)
    yield from uncollected_groups(observations)


def unread_groups(observations: Observations) -> Iterator[FailureGroup]:
    """Yield the locations that were not read cleanly."""
    failed = [(one.name, one.failure) for one in observations.unread]
    for names, failure in _by_cause(failed):
        text = "was not read, so its streams are unknown"
        texts = "were not read, so their streams are unknown"
        yield _of_names(UNREADABLE, names, failure, logging.WARNING, (text, texts))


def uncollected_groups(observations: Observations) -> Iterator[FailureGroup]:
    """Yield what the collectors could not read, of streams and locations that were."""
    for names, failure in _by_cause(sorted(observations.uncollected.items())):
        what = "objects" if isinstance(names[0], StreamName) else "private connections"
        text = f"was read without its {what}, whose series are left out"
        texts = f"were read without their {what}, whose series are left out"
        yield _of_names(UNCOLLECTED, names, failure, logging.ERROR, (text, texts))


def listed(names: Sequence[LocationName | StreamName]) -> str:
    """Name the first few things of one project, and say how many more there are."""
    text = ", ".join("/".join(name[1:]) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{text} and {more:,} more" if more > 0 else text


def of_project(names: Sequence[LocationName | StreamName]) -> str:
    """Return a name in full, or of several how many they are."""
    first = names[0]
    if len(names) == 1:
        return str(first)
    things = "streams" if isinstance(first, StreamName) else "locations"
    return f"{len(names):,} {things} of projects/{first.project}"


def fields_of(names: Sequence[LocationName | StreamName]) -> dict[str, Any]:
    """Return what a log line about the names carries, so that it is found by each location."""
    first = names[0]
    if len(names) > 1:
        locations = list(dict.fromkeys(name.location for name in names))
        return {
            "project": first.project,
            "locations": locations[:_MOST_LOCATIONS],
            "count": len(names),
        }
    fields = {"project": first.project, "location": first.location}
    return {**fields, "stream_id": first.stream} if isinstance(first, StreamName) else fields


def _by_cause(
    failed: Iterable[tuple[LocationName | StreamName, Failure]],
) -> Iterator[tuple[tuple[LocationName | StreamName, ...], Failure]]:
    """Yield the names of each project that failed for one kind of reason, and the first's."""
    groups: dict[
        tuple[str, type, FailureKind], list[tuple[LocationName | StreamName, Failure]]
    ] = {}
    for name, failure in failed:
        groups.setdefault((name.project, type(name), failure.kind), []).append((name, failure))
    for group in groups.values():
        yield tuple(name for name, _ in group), group[0][1]


def _of_names(
    event: str,
    names: tuple[LocationName | StreamName, ...],
    failure: Failure,
    level: int,
    texts: tuple[str, str],
) -> FailureGroup:
    """Return a group; ``texts`` are the words for one name and for several."""
    several = len(names) > 1
    message = (
        f"{texts[1]} ({listed(names)}). The first: {failure}"
        if several
        else f"{texts[0]}: {failure}"
    )
    fields = {"event": event, **fields_of(names), "reason": failure.kind}
    return FailureGroup(of_project(names), message, level, fields, names)
