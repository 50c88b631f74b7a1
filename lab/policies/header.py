"""The comment at the top of a policy file, in three paragraphs."""

from __future__ import annotations

from typing import NamedTuple

BEGINNINGS = ("Catches", "Why these numbers:", "How it can be wrong:")


class Header(NamedTuple):
    """What the comment says, each paragraph without its beginning; empty where it is not there.

    Attributes:
        catches: What the policy pages for.
        numbers: Why its numbers are what they are.
        wrong: When it pages without need, or does not page though it should.
    """

    catches: str
    numbers: str
    wrong: str

    @property
    def missing(self) -> tuple[str, ...]:
        """How the paragraphs begin that are not there."""
        return tuple(
            beginning for beginning, said in zip(BEGINNINGS, self, strict=True) if not said
        )


def header(text: str) -> Header:
    """Return what the comment at the top of a file says."""
    paragraphs = [""]
    for line in text.removeprefix("\ufeff").splitlines():
        if not line.startswith("#"):
            break
        words = line.lstrip("#").strip()
        if words:
            paragraphs[-1] = f"{paragraphs[-1]} {words}".lstrip()
        else:
            paragraphs.append("")
    return Header(*(_begun_with(beginning, paragraphs) for beginning in BEGINNINGS))


def _begun_with(beginning: str, paragraphs: list[str]) -> str:
    found = next((each for each in paragraphs if each.startswith(beginning)), "")
    return found.removeprefix(beginning).lstrip(":, ")
