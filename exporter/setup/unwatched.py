"""Finds sources of which config watches nothing, without a call to Google.

The ids of their streams are not known here, so globs are tried on made-up ids.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from fnmatch import filter as matching
from string import ascii_lowercase

from exporter.config.model import Config, Expectation, Source, matches
from exporter.names import StreamName

# What follows the first letter of a made-up id: letters, digits and hyphens
_ENDS = ("-a-1", "12345678", "stream")
# A made-up location of a source whose locations are discovered
_DISCOVERED = "any-where1"


def made_up_names(source: Source) -> list[StreamName]:
    """Return made-up names of streams that a source includes.

    Their ids begin with every letter, or are examples of the globs of ``include``.
    """
    ids = [first + end for first in ascii_lowercase for end in _ENDS]
    for glob in source.include:
        first_of_set = re.sub(r"\[([^]!])[^]]*\]", r"\1", glob).replace("?", "a")
        ids += [first_of_set.replace("*", text) for text in ("", "a", "example-1")]
    return [
        StreamName(source.project, location, id_)
        for location in source.locations or (_DISCOVERED,)
        for id_ in ids
        if source.includes(id_)
    ]


def covers(expectation: Expectation, source: Source) -> bool:
    """Return whether an expectation adds states for every stream of a source."""
    names = list(map(str, made_up_names(source)))
    all_match = matching(names, expectation.match) == names
    return bool(expectation.states and names) and all_match


def is_unwatched(source: Source, configs: Iterable[Config], now: datetime) -> bool:
    """Return whether no config watches anything of a source now."""
    names = made_up_names(source)
    for config in configs:
        muted = config.muted(now)
        for name in filter(config.reads, names):
            own = config.source_of(name)
            if own and own.watches(name.stream) and not matches(str(name), muted):
                return False
    return bool(names)
