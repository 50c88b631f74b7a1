"""Suggestions for misspelled words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 100
"""Letters of the longest word that gets a suggestion: comparing longer ones takes too long."""
_SIMILAR = 0.75
_LEAST = 3
"""Letters of the shortest word that counts as the beginning of another."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most similar to a word, ignoring case, or None if none is similar.

    The beginning of a known word is similar to it, as if the rest had been forgotten.
    """
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    if len(word) > _LONGEST:
        return None
    wanted = word.lower()
    matches = get_close_matches(wanted, by_lower_case, n=1, cutoff=_SIMILAR)
    if not matches and len(word) >= _LEAST:
        matches = [candidate for candidate in by_lower_case if candidate.startswith(wanted)]
    return by_lower_case[matches[0]] if matches else None


def nearest_within(word: str, known: Iterable[str], letters: int) -> str | None:
    """Return the known word that needs the fewest letters changed, or None if it needs more.

    Args:
        word: What was written.
        known: What may have been meant.
        letters: How many letters may be inserted, deleted or replaced at most.
    """
    changes = {
        candidate: _changes(word.lower(), candidate.lower())
        for candidate in known
        if abs(len(candidate) - len(word)) <= letters
    }
    best = min(changes, key=changes.__getitem__, default=None)
    return best if best is not None and changes[best] <= letters else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: a suggestion, or all allowed words."""
    words = tuple(known)
    guess = nearest(word, words)
    return f"did you mean {guess}?" if guess else f"allowed here: {', '.join(words) or 'nothing'}"


def _changes(one: str, other: str) -> int:
    """Return how many letters differ (the Levenshtein distance)."""
    above = list(range(len(other) + 1))
    for row, a in enumerate(one, start=1):
        line = [row]
        for column, b in enumerate(other, start=1):
            line.append(min(above[column] + 1, line[-1] + 1, above[column - 1] + (a != b)))
        above = line
    return above[-1]
