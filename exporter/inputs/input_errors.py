"""Mistakes in what a person wrote, told as sentences, all of them at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_TOLD = 50
_LONGEST_SHOWN = 60


class InputError(Exception):
    """What is wrong with a document; prints as one sentence a line, at most 50 of them."""

    def __init__(self, sentences: Iterable[str]) -> None:
        """Keep every sentence; each says where, what was written and what is allowed."""
        self.sentences = tuple(printable(sentence) for sentence in sentences)
        super().__init__(*self.sentences)

    def __str__(self) -> str:
        """Return the sentences, one a line."""
        told = list(self.sentences[:MOST_TOLD])
        left = len(self.sentences) - len(told)
        if left:
            told.append(f"… and {left} more")
        return "\n".join(told)


def printable(text: str) -> str:
    """Return the text on one line, what a terminal would obey or could not show escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shown(value: object) -> str:
    """Return a value as a sentence shows it: text in quotes, shortened where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > _LONGEST_SHOWN:
        text = text[:_LONGEST_SHOWN] + "…"
    return f'"{printable(text)}"' if isinstance(value, str) else printable(text)
