"""What was verified: one line each, with what to do, as ``check`` prints them."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TextIO

from exporter.command.commands import GRADES
from exporter.text import printable
from lab.terminal import print_json


class Finding(NamedTuple):
    """One thing that was verified."""

    level: int  # how bad it is, as a level of logging; ERROR makes the exit code 1
    part: str  # what it is about, such as queries
    text: str


def show(findings: Iterable[Finding], out: TextIO, *, as_json: bool) -> Counter[int]:
    """Print findings as they come, or all as JSON; return how many have each level."""
    shown = []
    counts: Counter[int] = Counter()
    for level, part, text in findings:
        counts[level] += 1
        grade = GRADES[level]
        shown.append({"grade": grade, "part": part, "text": text})
        if not as_json:
            print(printable(f"{grade:<8} {part}: {text}"), file=out, flush=True)
    if as_json:
        print_json(shown, out)
    return counts
