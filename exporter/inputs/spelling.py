"""Misspelt words: the known one that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 100


def distance(one: str, other: str) -> int:
    """Return how many letters to insert, delete or replace make one word the other."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, wanted in enumerate(other, start=1):
            diagonal, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != wanted)),
            )
    return row[-1]


def nearest(word: str, known: Iterable[str], within: int | None = None) -> str | None:
    """Return the known word closest to this one, or None where none is close.

    Args:
        word: What was written. Upper and lower case count as the same.
        known: What could have been meant; of two at the same distance the first is returned.
        within: The largest distance that still counts; about a third of the word where not given.
    """
    if len(word) > _LONGEST:
        return None
    limit = (len(word) + 1) // 3 if within is None else within
    best = None
    for candidate in known:
        if abs(len(candidate) - len(word)) > limit:
            continue
        letters = distance(word.lower(), candidate.lower())
        if letters <= limit and (best is None or letters < best[0]):
            best = (letters, candidate)
    return best[1] if best else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return what ends a sentence about an unknown word: a guess, or all that is allowed."""
    words = tuple(known)
    guess = nearest(word, words)
    return f"did you mean {guess}?" if guess else f"allowed here: {', '.join(words) or 'nothing'}"
