"""Judges whether config leaves whole sources unwatched, by names that stand for all.

That needs no account: a glob is judged by what it matches. A stream's id begins with
one of the letters from a to z; letters, digits and hyphens follow.
"""

from collections.abc import Iterable
from datetime import datetime
from fnmatch import filter as matching
from string import ascii_lowercase

from exporter.config.model import Config, Expectation, Source, matches
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
    """Return whether an expectation adds states for every stream of a source."""
    names = list(map(str, stand_ins(source)))
    return (
        bool(expectation.states and names)
        and matching(names, expectation.match) == names
    )


def is_unwatched(source: Source, configs: Iterable[Config], now: datetime) -> bool:
    """Return whether no config watches anything of a source now."""
    names = stand_ins(source)
    return bool(names) and not any(_watches(each, names, now) for each in configs)


def _watches(config: Config, names: Iterable[StreamName], now: datetime) -> bool:
    """Return whether a config watches one of these streams."""
    muted = config.muted(now)
    for name in names:
        source = config.source_of(name.project, name.location)
        if source is None or not config.reads(name.project, name.location):
            continue
        if source.watches(name.stream) and not matches(str(name), muted):
            return True
    return False
