"""Markdown as GitHub renders it: tables, fenced blocks, values that are no markup.

https://github.github.com/gfm/
"""

import re
from collections.abc import Iterable, Sequence

from exporter.text import printable

LONGEST = 100  # characters of a value in a code span; the rest is cut off


def code(value: object, longest: int = LONGEST) -> str:
    """Return a value as a code span on one line, cut at ``longest`` characters."""
    text = printable(" ".join(str(value).split()))
    if len(text) > longest:
        text = f"{text[:longest]}…"
    if not text:
        return "(empty)"
    ticks = _fence(text)
    if "`" in (text[0], text[-1]):
        text = f" {text} "
    return f"{ticks}{text}{ticks}"


def fenced(language: str, text: str, *, most_lines: int | None = None) -> str:
    """Return a text as a fenced block, cut after ``most_lines`` lines."""
    lines = text.split("\n")
    shown = [printable(line.replace("\t", "    ")) for line in lines[:most_lines]]
    if len(shown) < len(lines):
        shown.append(f"… and {len(lines) - len(shown)} more lines")
    ticks = _fence("\n".join(shown), least=3)
    return "\n".join([f"{ticks}{language}", *shown, ticks])


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. Cells may hold Markdown; each is put on one line."""
    lines = []
    for cells in (heading, ["---"] * len(heading), *rows):
        shown = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines)


def _fence(text: str, least: int = 1) -> str:
    """Return more backticks than a text has in a row."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
