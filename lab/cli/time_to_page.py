"""``datastream-lab time-to-page``: measures the time to page and compares it with the bounds."""

import math
from argparse import ArgumentParser

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.documents import InputError
from exporter.logs import LOGGER
from exporter.text import plural
from lab.cli.options import Context, add_json, add_policies, selected_policies
from lab.prove.scenarios import check_can_evaluate
from lab.prove.time_to_page import TASKS, Measurements, measure_all, missing_policies
from lab.terminal import print_json, print_table, show_progress

HELP = (
    "Measures the time to page: from a change in Datastream to the incident. The worst case "
    "counts: the change comes at any moment between two runs, each run starts as late as it may, "
    "its points become visible as late as they may, and evaluations come at any second of their "
    "interval. Exit code 0: every bound is kept; 1: one is exceeded."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``time-to-page``."""
    add_policies(parser)
    add_json(parser)


def run(context: Context) -> int:
    """Measure and print each time to page; return the exit code."""
    policies = selected_policies(context.args)
    if missing := missing_policies(policies):
        raise InputError(
            f"{name} is not among the policies, but its time to page is measured"
            for name in missing
        )
    check_can_evaluate(())
    measured = Measurements()
    with show_progress(context.err) as progress:
        for part in progress.track("measuring", measure_all(policies, context.stop), TASKS):
            measured.add(part)
    if context.stop.is_set():
        LOGGER.warning("Interrupted: not everything was measured.")
        return INTERRUPTED
    return show(measured, context)


def show(measured: Measurements, context: Context) -> int:
    """Print what was measured and log what is too late; return the exit code."""
    if context.args.json:
        times = [
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
        ]
        print_json({"kept": measured.kept, "times": times}, context.out)
    else:
        rows = [
            (
                time.change.title,
                time.mode,
                f"{math.ceil(time.worst)} s",
                f"{time.median:.0f} s",
                f"{time.bound:.0f} s",
                ("yes", "green") if time.kept else ("NO", "bold red"),
                f"{polling} s" if (polling := time.change.polling_seconds) else "never",
            )
            for time in measured.times
        ]
        numbers = ("worst", "median", "bound")
        headings = ("change", "exporter", *numbers, "kept", "a script, every 5 min")
        print_table(headings, rows, context.out, right=numbers)
    for sentence in measured.failures:
        LOGGER.error("%s.", sentence)
    if exceeded := sum(not time.kept for time in measured.times):
        LOGGER.error("%d of %s exceeded.", exceeded, plural(len(measured.times), "bound"))
    return OK if measured.kept else INCOMPLETE
