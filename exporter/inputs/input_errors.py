"""Mistakes in what a person wrote, reported as sentences, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_REPORTED = 50


class InputError(Exception):
    """What is wrong with a document; prints as one sentence a line, at most 50 of them."""

    def __init__(self, sentences: Iterable[str]) -> None:
        """Keep every sentence; each says where, what was written and what is allowed."""
        self.sentences = tuple(printable(sentence) for sentence in sentences)
        super().__init__(*self.sentences)

    def __str__(self) -> str:
        """Return the sentences, one a line."""
        more = len(self.sentences) - MOST_REPORTED
        last = [f"… and {more} more"] if more > 0 else []
        return "\n".join([*self.sentences[:MOST_REPORTED], *last])
