"""Markdown as GitHub reads it, with values in it that may be anything.

https://github.github.com/gfm/
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from exporter.inputs.input_errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 100
"""Characters of a value on one line; more are cut off."""
_MOST_LINES = 80


def code(value: object) -> str:
    """Return a value as a code span on one line: nothing in it is markup, a mention or a link."""
    text = printable(" ".join(str(value).split()))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    if not text:
        return "(empty)"
    ticks = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def escaped(text: str) -> str:
    """Return plain text on one line: nothing in it is markup or a mention."""
    line = re.sub(r"([\\`*_\[\]<>~&])", r"\\\1", printable(" ".join(text.split())))
    # GitHub looks for mentions in what the markup left: a comment parts them.
    return line.replace("@", "@<!-- -->")


def fenced(language: str, lines: Sequence[str]) -> str:
    """Return lines between fences; very many are cut off."""
    shown = [printable(line.replace("\t", "    ")) for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        shown.append(f"… and {len(lines) - _MOST_LINES} more lines")
    ticks = "`" * max(3, max(map(_longest_run, shown), default=0) + 1)
    return "\n".join([f"{ticks}{language}", *shown, ticks])


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that hold Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', f'{chr(92)}|') for cell in line)} |" for line in lines
    )


def details(summary: str, content: str) -> str:
    """Return what is folded in below a line of HTML."""
    # The empty lines make GitHub read the content as Markdown.
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def html_code(value: str) -> str:
    """Return a value as code in HTML, for the line above what is folded in."""
    return f"<code>{html.escape(printable(value))}</code>"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
