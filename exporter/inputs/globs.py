"""Globs on names: ``*``, ``?`` and ``[…]`` as in a shell, upper and lower case told apart."""

from __future__ import annotations

import fnmatch
import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)
_IN_AN_ID = string.ascii_letters + string.digits + "-_.:"


def matcher(globs: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that matches what any of the globs matches; ``*`` matches ``/`` too."""
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs))


def is_literal(glob: str) -> bool:
    """Return whether the glob matches its own text and nothing else."""
    return not any(letter in glob for letter in "*?[")


def can_match_a_stream(glob: str, project: str | None = None) -> bool:
    """Return whether a stream's full name could match: any project's, or one project's."""
    name: tuple[str | None, ...] = (
        *"projects/",
        *(project or (None,)),
        *"/locations/",
        None,
        *"/streams/",
        None,
    )
    # How far into the name a prefix of the glob can lead. None stands for an id, which is one
    # character or more: it can be left with each of them, or stayed in.
    reached = {0}
    for token in _TOKEN.findall(glob):
        if token == "*":  # noqa: S105 - part of a glob, no secret
            reached = set(range(min(reached), len(name) + 1))
            continue
        letters = _letters(token)
        following = set()
        for place in reached - {len(name)}:
            wanted = name[place]
            if wanted is None and not letters.isdisjoint(_IN_AN_ID):
                following |= {place, place + 1}
            elif wanted in letters:
                following.add(place + 1)
        if not following:
            return False
        reached = following
    return len(name) in reached


def _letters(token: str) -> set[str]:
    """Return the letters of a name that a glob's token for one letter matches."""
    if len(token) == 1 and token != "?":  # noqa: S105 - the same
        return {token}
    return {letter for letter in _IN_AN_ID + "/" if fnmatch.fnmatchcase(letter, token)}
