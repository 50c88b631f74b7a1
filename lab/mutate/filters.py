"""What can be changed in one place of a filter on log entries and of its label extractors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lab.mutate.expressions import without_one_choice
from lab.prove.log_filter import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SEVERITY = re.compile(r"severity\s*(<=|>=|<|>|=)\s*(\w+)")
_TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_ANCHORED = re.compile(r'(?<=\w)\$"$')
_NOT = "NOT "


class FilterChange(NamedTuple):
    """What was changed, in words, and the whole filter that came of it."""

    words: str
    text: str


def filter_changes(text: str) -> Iterator[FilterChange]:
    """Yield a filter changed in one place each."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for index, line in enumerate(lines):
        rest = [*lines[:index], *lines[index + 1 :]]
        yield FilterChange(f"{line} left out", "\n".join(rest))
        for words, changed in _line(line):
            held = [*lines[:index], changed, *lines[index + 1 :]]
            yield FilterChange(f"{line} {words}", "\n".join(held))


def extractor_changes(extractors: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what was changed, in words, and the extractors of labels that came of it."""
    for key, how in extractors.items():
        yield (
            f"label {key} left out",
            {name: extractors[name] for name in extractors if name != key},
        )
        for choice, fewer in without_one_choice(how.removesuffix('")')):
            yield f"label {key} without {choice}", {**extractors, key: f'{fewer}")'}


def _line(line: str) -> Iterator[tuple[str, str]]:
    if line.startswith(_NOT):
        yield "without NOT", line.removeprefix(_NOT)
    else:
        yield "with NOT", f"{_NOT}{line}"
    if found := _SEVERITY.fullmatch(line):
        operator, severity = found.groups()
        rank = SEVERITIES.index(severity)
        for other in SEVERITIES[max(rank - 1, 0) : rank + 2]:
            if other != severity:
                yield f"→ {other}", f"severity{operator}{other}"
        if turned := _TURNED.get(operator):
            yield f"→ {turned}", f"severity{turned}{severity}"
    if "=~" in line:
        for choice, fewer in without_one_choice(line):
            yield f"without {choice}", fewer
        if _ANCHORED.search(line):
            yield "without $", _ANCHORED.sub('"', line)
