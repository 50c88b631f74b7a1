"""The mutants that may survive, each with a reason, compared with those that do."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from exporter import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FILE = Path(__file__).with_name("survivors.yaml")

_Text = Annotated[str, Field(min_length=1)]


class Reason(BaseModel):
    """Why some mutants survive.

    Attributes:
        reason: Why no scenario can catch them, or why that doesn't matter.
        mutants: Patterns ``POLICY: description``, in which ``*`` stands for any text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Text
    mutants: Annotated[tuple[_Text, ...], Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    survivors: tuple[Reason, ...]


@dataclass
class Summary:
    """The mutants of one policy or of several.

    Attributes:
        count: How many mutants there are.
        caught: How many of them a scenario catches.
        excused: Survivors with a reason, by the reason.
        wrong: A sentence for each survivor without a reason and each reason without a survivor.
    """

    count: int = 0
    caught: int = 0
    excused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    @property
    def survive(self) -> int:
        """How many mutants no scenario catches."""
        return self.count - self.caught


def read(path: Path = FILE) -> tuple[Reason, ...]:
    """Return the reasons of a file.

    Raises:
        InputError: Everything that is wrong with it.
    """
    return documents.load(documents.read_file(str(path)), str(path), _File).survivors


def summarize(policy: str, caught: Mapping[str, str | None], reasons: Sequence[Reason]) -> Summary:
    """Return the summary of a policy's mutants.

    Args:
        policy: The policy's name.
        caught: The scenario that catches each mutant, by description; None where none does.
        reasons: Why some may survive.
    """
    summary = Summary(len(caught))
    for description, scenario in caught.items():
        name = f"{policy}: {description}"
        reason = next(
            (each.reason for each in reasons if any(_fits(text, name) for text in each.mutants)),
            None,
        )
        if scenario is not None:
            summary.caught += 1
            if reason:
                summary.wrong.append(f"{name}: is caught by {scenario}; remove it from {FILE.name}")
        elif reason:
            summary.excused[reason].append(description)
        else:
            summary.wrong.append(f"{name}: survives")
    return summary


def stale_patterns(reasons: Iterable[Reason], names: Sequence[str]) -> list[str]:
    """Return a sentence for each pattern that fits no mutant, and each mutant that fits two.

    Args:
        reasons: Why some may survive.
        names: Every mutant, as ``POLICY: description``.
    """
    sentences = []
    pattern_of: dict[str, str] = {}
    for pattern in (pattern for reason in reasons for pattern in reason.mutants):
        found = [name for name in names if _fits(pattern, name)]
        if not found:
            sentences.append(f"{pattern}: fits no mutant; remove it from {FILE.name}")
        for name in found:
            if name in pattern_of:
                sentences.append(
                    f"{name}: fits two patterns, {pattern_of[name]} and {pattern}; "
                    f"keep one in {FILE.name}"
                )
            pattern_of[name] = pattern
    return sentences


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
