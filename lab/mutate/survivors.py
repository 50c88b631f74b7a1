"""The mutants that may survive, each with its reason, held against those that do."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from exporter.inputs import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FILE = Path(__file__).with_name("survivors.yaml")

_Text = Annotated[str, Field(min_length=1)]


class Reason(BaseModel):
    """Why some mutants survive.

    Attributes:
        reason: Why no scenario can catch them, or why that does not matter.
        mutants: Which: ``POLICY: what was changed``, in which ``*`` stands for any text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: _Text
    mutants: Annotated[tuple[_Text, ...], Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    survivors: tuple[Reason, ...]


@dataclass
class Verdict:
    """What came of the mutants of one policy or of several.

    Attributes:
        count: How many there were.
        caught: How many of them a scenario catches.
        excused: Those that survive and may, by the reason.
        wrong: A sentence for each that survives and may not, or the other way round.
    """

    count: int = 0
    caught: int = 0
    excused: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    @property
    def survive(self) -> int:
        """How many no scenario catches."""
        return self.count - self.caught


def read(path: Path = FILE) -> tuple[Reason, ...]:
    """Return the reasons that a file holds.

    Raises:
        InputError: All that is wrong with it.
    """
    return documents.load(documents.read_file(str(path)), str(path), _File).survivors


def verdict(policy: str, caught: Mapping[str, str | None], reasons: Sequence[Reason]) -> Verdict:
    """Say what came of the mutants of a policy.

    Args:
        policy: The policy's name.
        caught: The scenario that catches each mutant, by the mutant's words; None: no scenario.
        reasons: Why some may survive.
    """
    found = Verdict(len(caught))
    for words, by in caught.items():
        name = f"{policy}: {words}"
        reason = next((each.reason for each in reasons if _names(each, name)), None)
        if by is not None:
            found.caught += 1
            if reason:
                found.wrong.append(f"{name}: is caught by {by}; take it out of {FILE.name}")
        elif reason:
            found.excused[reason].append(words)
        else:
            found.wrong.append(f"{name}: survives")
    return found


def idle(reasons: Iterable[Reason], names: Iterable[str]) -> list[str]:
    """Return a sentence for each pattern that names no mutant, and each mutant named twice.

    Args:
        reasons: Why some may survive.
        names: Every mutant, as ``POLICY: what was changed``.
    """
    told = []
    named: dict[str, str] = {}
    every = list(names)
    for pattern in (pattern for each in reasons for pattern in each.mutants):
        found = [name for name in every if _fits(pattern, name)]
        if not found:
            told.append(f"{pattern}: {FILE.name} names it, but there is no such mutant; remove it")
        for name in found:
            if name in named:
                told.append(f"{name}: {FILE.name} names it by {named[name]} and by {pattern}")
            named[name] = pattern
    return told


def _names(reason: Reason, name: str) -> bool:
    return any(_fits(pattern, name) for pattern in reason.mutants)


def _fits(pattern: str, name: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), name) is not None
