"""``make chaos``: does a run stay truthful, complete and quick, whatever goes wrong?

Every fault of the matrix meets a run of the exporter's own command line. Then signals end runs at
random moments, runs overlap, and everything that reads input gets mangled texts. Exits with 1 where
a rule was broken.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.terminal import print_table
from exporter.terminal import print_json, show_progress
from exporter.text import plural
from lab.chaos.faults import matrix
from lab.chaos.fuzz import fuzz, tasks
from lab.chaos.interrupts import interrupt, overlap, random_interrupts
from lab.chaos.judge import run_and_judge
from lab.chaos.table import HEADINGS, RIGHT, fault_rows, fuzz_rows, other_row
from lab.side_by_side import WorkerEndedError, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A = TypeVar("A")
B = TypeVar("B")

_WORKERS = 8
"""More than there are cores, as most of a run with a fault is waiting."""

_INTERRUPTS = 200
_FUZZ = 100_000
_OVERLAPS = (2, 5, 20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the random choices (default: 1)"
    )
    parser.add_argument(
        "--faults", type=int, metavar="N", help="only N of the matrix, drawn by the seed"
    )
    parser.add_argument(
        "--interrupts",
        type=int,
        default=_INTERRUPTS,
        metavar="N",
        help=f"how many runs a signal ends (default: {_INTERRUPTS})",
    )
    parser.add_argument(
        "--fuzz",
        type=int,
        default=_FUZZ,
        metavar="N",
        help=f"how many mangled texts each reader gets (default: {_FUZZ:,})",
    )
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    args = parser.parse_args(arguments)
    try:
        return _run(args)
    except WorkerEndedError as error:
        print(error, file=sys.stderr)
        return INCOMPLETE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    started = time.monotonic()
    drawn = random.Random(args.seed)  # noqa: S311 - the same cases each time
    faults = list(matrix())
    if args.faults is not None:
        faults = drawn.sample(faults, min(args.faults, len(faults)))
    interrupts = random_interrupts(drawn, args.interrupts)
    stop = Event()
    with show_progress(sys.stderr) as progress:

        def track(name: str, work: Callable[[A], B], items: Sequence[A], workers: int) -> list[B]:
            done = side_by_side(work, items, stop, workers)
            return [*progress.track(name, done, len(items))]

        verdicts = track("faults", run_and_judge, faults, _WORKERS)
        others: dict[str, list[tuple[str, ...]]] = {
            "signal at a random moment": track("signals", interrupt, interrupts, _WORKERS // 2)
        }
        for count, broken in zip(_OVERLAPS, track("overlaps", overlap, _OVERLAPS, 1), strict=True):
            others[f"{count} runs at once"] = [broken]
        fuzzed = track("mangled texts", fuzz, tasks(args.seed, args.fuzz), _WORKERS // 4)
    rows = fault_rows(verdicts) + [other_row(name, cases) for name, cases in others.items()]
    rows += fuzz_rows(fuzzed)
    if args.json:
        print_json([dict(zip(HEADINGS, row, strict=True)) for row in rows], sys.stdout)
    else:
        print_table(HEADINGS, rows, sys.stdout, right=RIGHT)
    broken_rules = [f"{verdict.fault}: {each}" for verdict in verdicts for each in verdict.broken]
    broken_rules += [
        f"{name}: {each}" for name, cases in others.items() for case in cases for each in case
    ]
    broken_rules += [f"{each.task.target}: {text}" for each in fuzzed for text in each.broken]
    for sentence in broken_rules:
        print(f"BROKEN: {sentence}", file=sys.stderr)
    count = len(verdicts) + sum(map(len, others.values()))
    count += sum(each.task.count for each in fuzzed)
    print(
        f"{plural(count, 'case')}, {plural(len(broken_rules), 'broken rule')}, "
        f"{time.monotonic() - started:.0f} s.",
        file=sys.stderr,
    )
    return INCOMPLETE if broken_rules else OK


if __name__ == "__main__":
    sys.exit(main())
