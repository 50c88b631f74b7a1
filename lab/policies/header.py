"""The comment at the top of a policy file: three paragraphs."""

from __future__ import annotations

from typing import NamedTuple

BEGINNINGS = ("Catches", "Why these numbers:", "How it can be wrong:")


class HeaderComment(NamedTuple):
    """The paragraphs without their beginnings; empty where one is missing.

    Attributes:
        catches: What the policy alerts on.
        numbers: Why its windows and thresholds have these values.
        wrong: When it alerts needlessly, or not although it should.
    """

    catches: str = ""
    numbers: str = ""
    wrong: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The beginnings of the missing paragraphs."""
        return tuple(
            beginning for beginning, text in zip(BEGINNINGS, self, strict=True) if not text
        )


def parse_header(text: str) -> HeaderComment:
    """Return the comment at the top of a policy file's text."""
    paragraphs = [""]
    for line in text.removeprefix("\ufeff").splitlines():
        if not line.startswith("#"):
            break
        words = line.lstrip("#").strip()
        if words:
            paragraphs[-1] = f"{paragraphs[-1]} {words}".lstrip()
        else:
            paragraphs.append("")
    return HeaderComment(*(_paragraph(beginning, paragraphs) for beginning in BEGINNINGS))


def _paragraph(beginning: str, paragraphs: list[str]) -> str:
    found = next((text for text in paragraphs if text.startswith(beginning)), "")
    return found.removeprefix(beginning).lstrip(":, ")
