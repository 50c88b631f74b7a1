"""Suggestions for misspelled words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 100
"""Letters of the longest word that gets a suggestion: comparing longer ones takes too long."""
_SIMILAR = 0.75


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most similar to a word, ignoring case, or None if none is similar."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    if len(word) > _LONGEST:
        return None
    matches = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=_SIMILAR)
    return by_lower_case[matches[0]] if matches else None


def nearest_within(word: str, known: Iterable[str], letters: int) -> str | None:
    """Return the known word that needs the fewest letters changed, or None if it needs more.

    Args:
        word: What was written.
        known: What may have been meant.
        letters: How many letters may be inserted, deleted or replaced at most.
    """
    words = [candidate for candidate in known if abs(len(candidate) - len(word)) <= letters]
    for changes in range(letters + 1):
        for candidate in words:
            if _differ_by(word.lower(), candidate.lower(), changes):
                return candidate
    return None


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: a suggestion, or all allowed words."""
    words = tuple(known)
    guess = nearest(word, words)
    return f"did you mean {guess}?" if guess else f"allowed here: {', '.join(words) or 'nothing'}"


def _differ_by(one: str, other: str, changes: int) -> bool:
    """Return whether so many changed letters, or fewer, turn one word into the other."""
    letters = enumerate(zip(one, other, strict=False))
    same = next((at for at, (a, b) in letters if a != b), min(len(one), len(other)))
    one, other = one[same:], other[same:]
    if not one or not other:
        return len(one) + len(other) <= changes
    return changes > 0 and any(
        _differ_by(*words, changes - 1)
        for words in ((one[1:], other), (one, other[1:]), (one[1:], other[1:]))
    )
