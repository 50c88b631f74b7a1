"""Prints what was verified, as lines or as JSON."""

from collections import Counter
from collections.abc import Iterable
from typing import TextIO

from exporter.command.findings import Finding
from lab.terminal import print_json


def show(findings: Iterable[Finding], out: TextIO, *, as_json: bool) -> Counter[int]:
    """Print findings as they come, or all as JSON; return how many have each level."""
    shown = []
    counts: Counter[int] = Counter()
    for finding in findings:
        counts[finding.level] += 1
        grade, part, text = finding.grade, finding.part, finding.text
        shown.append({"grade": grade, "part": part, "text": text})
        if not as_json:
            print(finding, file=out, flush=True)
    if as_json:
        print_json(shown, out)
    return counts
