"""Judges whether config leaves whole sources unwatched, by names that stand for all.

That needs no account: a glob is judged by what it matches. A stream's id begins with
one of the letters from a to z; letters, digits and hyphens follow.
"""

from collections.abc import Iterable
from datetime import datetime
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from string import ascii_lowercase

from exporter.config.model import Config, Expectation, Source
from exporter.names import StreamName

_ENDS = ("-a-1", "12345678", "stream")
# Stands for the locations that are discovered
_DISCOVERED = "any-where1"


def stand_ins(source: Source) -> list[StreamName]:
    """Return names that stand for all streams that a source includes.

    None if it includes so few ids that none of them is typical.
    """
    return [
        StreamName(source.project, location, first + end)
        for location in source.locations or (_DISCOVERED,)
        for first in ascii_lowercase
        for end in _ENDS
        if source.includes(first + end)
    ]


def covers(expectation: Expectation, source: Source) -> bool:
    """Return whether an expectation is about every stream of a source."""
    names = list(map(str, stand_ins(source)))
    return bool(names) and matching(names, expectation.match) == names


def unwatched(
    sources: Iterable[Source], configs: Iterable[Config], now: datetime
) -> list[str]:
    """Return the projects of sources of which no config watches anything now."""
    found: list[str] = []
    for source in sources:
        names = stand_ins(source)
        if names and not any(
            _is_watched(name, config, now) for config in configs for name in names
        ):
            found.append(source.project)
    return found


def _is_watched(name: StreamName, config: Config, now: datetime) -> bool:
    source = config.source_of(name.project, name.location)
    if source is None or not config.reads(name.project, name.location):
        return False
    return source.watches(name.stream) and not any(
        now < mute.end and fnmatchcase(str(name), mute.match) for mute in config.mutes
    )
