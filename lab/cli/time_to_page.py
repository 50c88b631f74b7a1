"""``datastream-lab time-to-page``: how soon a page comes, held against the bounds."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.run_log import plural
from exporter.inputs.input_errors import InputError
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies
from lab.cli.playing import check_engine, side_by_side
from lab.prove.paging import CHANGES, MODES, changing, dying, time_to_page
from lab.prove.proof import filled
from lab.terminal import print_json, print_table, progress

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lab.policies.files import Policy
    from lab.prove.paging import Change, TimeToPage

HELP = (
    "Measures how long a page takes, from a change in Datastream to the incident: the change comes "
    "at any moment between two runs, each run starts as late as it may, its points become visible "
    "as late as they may, and the evaluations come at any second of their interval. Exit code 0: "
    "each bound is kept; 1: one is not."
)

POLLING_SECONDS = 300
"""What a script takes at most that polls one stream every five minutes."""

_START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
_STYLES = {"yes": "green", "NO": "bold red"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Measure and print each time; return the exit code.

    Raises:
        InputError: In the files, or a policy that the time is measured of is not there.
        NotInstalledError: Prometheus is not installed.
    """
    parts = _parts(policies_of(args))
    check_engine()
    times: list[TimeToPage] = []
    silent: list[str] = []
    with progress(args.err, "measuring", len(parts)) as steps:
        for measured in side_by_side(_measure, parts, args.stop):
            if isinstance(measured, str):
                silent.append(measured)
            else:
                times += measured
            steps.done()
    if args.stop.is_set():
        LOGGER.warning("Interrupted: not everything was measured.")
        return INTERRUPTED
    return told(times, silent, args.out, as_json=args.json)


def told(times: Sequence[TimeToPage], silent: Sequence[str], out: TextIO, *, as_json: bool) -> int:
    """Print what was measured; return the exit code.

    Args:
        times: What was measured.
        silent: A sentence, without its full stop, for each part that could not be.
        out: Where to.
        as_json: Whether as data.
    """
    ordered = sorted(times, key=lambda each: (CHANGES.index(each.change), MODES.index(each.mode)))
    exceeded = sum(not each.kept for each in times)
    if as_json:
        print_json(document(ordered, kept=not (exceeded or silent)), out)
    else:
        _print(ordered, out)
    for sentence in silent:
        LOGGER.error("%s.", sentence)
    if exceeded:
        LOGGER.error("Not kept: %d of %s.", exceeded, plural(len(times), "bound"))
    return INCOMPLETE if exceeded or silent else OK


class _Part(NamedTuple):
    """What is measured at once.

    Attributes:
        mode: How the exporter runs.
        dies: Whether it dies; else streams change.
        policies: The policies.
    """

    mode: str
    dies: bool
    policies: tuple[Policy, ...]


def _parts(policies: Sequence[Policy]) -> list[_Part]:
    """Return what is to be measured.

    Raises:
        InputError: A policy is not there.
    """
    wanted = {change.policy for change in CHANGES}
    lacking = sorted(wanted - {policy.name for policy in policies})
    if lacking:
        raise InputError(
            [f"{name} is not among the policies; its time to page is measured" for name in lacking]
        )
    measured = tuple(policy for policy in policies if policy.name in wanted)
    return [_Part(mode, dies, measured) for mode, dies in itertools.product(MODES, (False, True))]


def _measure(part: _Part) -> tuple[TimeToPage, ...] | str:
    """Return the times, or a sentence where there is none."""
    trial = (dying if part.dies else changing)(part.mode, _START)
    with filled([trial.recording]) as engine:
        try:
            return time_to_page([trial], part.policies, engine)
        except ValueError as error:
            return str(error)


def document(times: Sequence[TimeToPage], *, kept: bool) -> dict[str, Any]:
    """Return the times as data."""
    return {
        "kept": kept,
        "times": [
            {
                "change": each.change.title,
                "policy": each.change.policy,
                "mode": each.mode,
                "worst_seconds": math.ceil(each.worst),
                "median_seconds": round(each.median),
                "bound_seconds": round(each.bound),
                "kept": each.kept,
                "measured": each.measured,
                "polling_seconds": polling(each.change),
            }
            for each in times
        ],
    }


def polling(change: Change) -> int | None:
    """Return what a polling script takes at most; None: it never pages."""
    return None if change.event is None else POLLING_SECONDS


def _print(times: Sequence[TimeToPage], out: TextIO) -> None:
    print_table(
        ("change", "exporter", "worst", "median", "bound", "kept", "a script, every 5 min"),
        (
            (
                each.change.title,
                each.mode,
                f"{math.ceil(each.worst)} s",
                f"{each.median:.0f} s",
                f"{each.bound:.0f} s",
                "yes" if each.kept else "NO",
                "never" if polling(each.change) is None else f"{polling(each.change)} s",
            )
            for each in times
        ),
        out,
        styles=_STYLES,
        right=("worst", "median", "bound"),
    )
