"""Globs on names: ``*``, ``?`` and ``[…]`` as in a shell, case-sensitive."""

from __future__ import annotations

import fnmatch
import functools
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


def can_match_a_stream(glob: str, projects: Iterable[str | None] = (None,)) -> bool:
    """Return whether the glob could match the full name of a stream in one of the projects.

    Args:
        glob: A glob on full names.
        projects: Ids of projects; None is any project.
    """
    literal, tokens = re.split(r"[*?[]", glob, maxsplit=1)[0], _TOKEN.findall(glob)

    def begins_alike(project: str | None) -> bool:
        # Cheap: there may be a thousand projects, and a thousand globs that name one of them.
        start = f"projects/{project}/" if project else "projects/"
        return start.startswith(literal) or literal.startswith(start)

    return any(begins_alike(project) and _can_match(tokens, project) for project in projects)


def _can_match(tokens: Iterable[str], project: str | None) -> bool:
    an_id = (None,)
    name = (*"projects/", *(project or an_id), *"/locations/", *an_id, *"/streams/", *an_id)
    # How far into the name a prefix of the glob can lead. None is an id, which is one character
    # or more: a character of it can be followed by another or by what comes next.
    reached = {0}
    for part in tokens:
        if part == "*":
            reached = set(range(min(reached), len(name) + 1))
            continue
        letters = _letters(part)
        following = set()
        for place in reached - {len(name)}:
            if name[place] in letters:
                following.add(place + 1)
            elif name[place] is None and letters - {"/"}:
                following |= {place, place + 1}
        reached = following
        if not reached:
            return False
    return len(name) in reached


@functools.lru_cache(maxsize=1024)
def _letters(token: str) -> frozenset[str]:
    """Return the letters of a name that a glob's token for one letter matches."""
    return frozenset(letter for letter in _IN_AN_ID + "/" if fnmatch.fnmatchcase(letter, token))
