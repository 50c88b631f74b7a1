"""The verdicts as a table: a row for each kind of fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.chaos.fuzz import FuzzResult
    from lab.chaos.judge import Verdict

HEADINGS = ("fault", "cases", "lost if it passes", "lost if it stays", "slowest", "broken")
RIGHT = HEADINGS[1:]


def fault_rows(verdicts: Iterable[Verdict]) -> list[list[str]]:
    """Return a row for each kind of fault.

    Its cells: the kind, how many runs met it, the points lost in all runs in which the fault ends
    and a retry helps, the points lost in the others, the longest run, and the runs that broke a
    rule.
    """
    kinds: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        kinds.setdefault(str(verdict.fault.kind), []).append(verdict)
    return [[kind, *_cells(group)] for kind, group in kinds.items()]


def other_row(name: str, cases: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a row of cases that are not of the matrix; a case is the rules that it broke."""
    return [name, f"{len(cases):,}", "", "", "", str(sum(map(bool, cases)))]


def fuzz_rows(results: Iterable[FuzzResult]) -> list[list[str]]:
    """Return a row for each reader of mangled texts."""
    readers: dict[str, list[FuzzResult]] = {}
    for result in results:
        readers.setdefault(result.task.target, []).append(result)
    return [
        [
            f"mangled {name}",
            f"{sum(each.task.count for each in group):,}",
            "",
            "",
            f"{max(each.slowest for each in group):.1f} s",
            str(sum(len(each.broken) for each in group)),
        ]
        for name, group in readers.items()
    ]


def guided_row(name: str, cases: int, slowest: int, broken: Sequence[str]) -> list[str]:
    """Return the row of a reader whose inputs coverage chose; its slowest in whole seconds."""
    seconds = f"{slowest} s" if slowest else "under 1 s"
    return [f"guided {name}", f"{cases:,}", "", "", seconds, str(len(broken))]


def _cells(verdicts: Sequence[Verdict]) -> list[str]:
    passing = [verdict.lost for verdict in verdicts if verdict.fault.passes]
    staying = [verdict.lost for verdict in verdicts if not verdict.fault.passes]
    return [
        f"{len(verdicts):,}",
        f"{sum(passing):,} points in {len(passing):,} runs" if passing else "",
        f"{sum(staying):,} points in {len(staying):,} runs" if staying else "",
        f"{max(verdict.seconds for verdict in verdicts):.1f} s",
        str(sum(bool(verdict.broken) for verdict in verdicts)),
    ]
