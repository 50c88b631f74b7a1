"""``datastream-lab time-to-page``: how soon a page comes, held against the bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.tables import print_table
from exporter.cli.terminal import print_json, show_progress
from exporter.inputs.input_errors import InputError
from exporter.text import plural
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies
from lab.prove.scenarios import check_can_evaluate
from lab.prove.time_to_page import TASKS, Measurements, measure_all, missing_policies

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lab.prove.time_to_page import TimeToPage

HELP = (
    "Measures how long a page takes, from a change in Datastream to the incident: the change comes "
    "at any moment between two runs, each run starts as late as it may, its points become visible "
    "as late as they may, and the evaluations come at any second of their interval. Exit code 0: "
    "each bound is kept; 1: one is not."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Measure and print each time to page; return the exit code.

    Raises:
        InputError: A file is invalid, or a policy that the measurement needs is missing.
        NotInstalledError: Prometheus is not installed.
    """
    policies = policies_of(args)
    if missing := missing_policies(policies):
        raise InputError(
            [f"{name} is not among the policies; its time to page is measured" for name in missing]
        )
    check_can_evaluate(())
    measured = Measurements()
    with show_progress(args.err) as progress:
        for part in progress.track("measuring", measure_all(policies, args.stop), TASKS):
            measured.add(part)
    if args.stop.is_set():
        LOGGER.warning("Interrupted: not everything was measured.")
        return INTERRUPTED
    return show(measured, args.out, as_json=args.json)


def show(measured: Measurements, out: TextIO, *, as_json: bool) -> int:
    """Print what was measured and log what is too late; return the exit code.

    Args:
        measured: The measurements.
        out: Where to print.
        as_json: Whether to print JSON.
    """
    if as_json:
        print_json(document(measured), out)
    else:
        _print(measured.times, out)
    log_failures(measured)
    return OK if measured.kept else INCOMPLETE


def log_failures(measured: Measurements) -> None:
    """Log each change that did not fire, and how many bounds are exceeded."""
    for sentence in measured.failures:
        LOGGER.error("%s.", sentence)
    exceeded = sum(not time.kept for time in measured.times)
    if exceeded:
        LOGGER.error("Not kept: %d of %s.", exceeded, plural(len(measured.times), "bound"))


def document(measured: Measurements) -> dict[str, Any]:
    """Return the measurements as JSON data."""
    return {
        "kept": measured.kept,
        "times": [
            {
                "change": time.change.title,
                "policy": time.change.policy,
                "mode": time.mode,
                "worst_seconds": math.ceil(time.worst),
                "median_seconds": round(time.median),
                "bound_seconds": round(time.bound),
                "kept": time.kept,
                "measured": time.measured,
                "polling_seconds": time.change.polling_seconds,
            }
            for time in measured.times
        ],
    }


def _print(times: Sequence[TimeToPage], out: TextIO) -> None:
    print_table(
        ("change", "exporter", "worst", "median", "bound", "kept", "a script, every 5 min"),
        (
            (
                time.change.title,
                time.mode,
                f"{math.ceil(time.worst)} s",
                f"{time.median:.0f} s",
                f"{time.bound:.0f} s",
                ("yes", "green") if time.kept else ("NO", "bold red"),
                "never"
                if time.change.polling_seconds is None
                else f"{time.change.polling_seconds} s",
            )
            for time in times
        ),
        out,
        right=("worst", "median", "bound"),
    )
