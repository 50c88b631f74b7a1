"""``datastream-lab time-to-page``: measures the time to page against the bounds."""

import math
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from exporter.logger import LOGGER
from exporter.process import INCOMPLETE, INTERRUPTED, OK
from exporter.text import plural
from lab.cli.options import LabContext, add_options, selected_policies
from lab.prove.time_to_page import (
    Times,
    TimeToPage,
    all_trials,
    measure_all,
    times_to_page,
)
from lab.terminal import Progress, print_json, print_table

HELP = (
    "Measures the time to page: from a change in Datastream to the incident. The worst"
    " case counts: the change comes at a random moment or just after a run, each run"
    " starts as late as it may, its points become visible as late as they may, and"
    " evaluations come at any second of their interval. Exit code 0: every bound is"
    " kept; 1: one is exceeded."
)
EXAMPLE = "--json"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``time-to-page``."""
    add_options(parser, "policies", "json")


def run(context: LabContext) -> int:
    """Measure and print each time to page; return the exit code."""
    policies = selected_policies(context.args)
    trials = all_trials()
    measuring = measure_all(policies, trials, context.stop)
    measured: list[Times] = []
    with Progress(context.err) as progress:
        for times in progress.track(measuring, len(trials), description="trials"):
            measured += times
    code = show(times_to_page(measured), context)
    if context.stop.is_set():
        LOGGER.warning("Interrupted: this is what was measured until then.")
        return INTERRUPTED
    return code


def show(times: Sequence[TimeToPage], context: LabContext) -> int:
    """Print times to page and log what is too late; return the exit code."""
    documents = [_json(time) for time in times]
    exceeded = sum(not time.kept for time in times)
    if context.args.json:
        print_json({"kept": not exceeded, "times": documents}, context.out)
    else:
        headings = ("change", "exporter", "worst", "median", "bound", "kept")
        rows = []
        for each in documents:
            seconds = []
            for name in ("worst", "median", "bound"):
                number = each[f"{name}_seconds"]
                seconds.append(f"{number} s" if number else "never")
            kept = "yes" if each["kept"] else "NO"
            rows.append([each["change"], each["mode"], *seconds, kept])
        print_table(headings, rows, context.out)
    if exceeded:
        LOGGER.error("%d of %s exceeded.", exceeded, plural(len(times), "bound"))
    return INCOMPLETE if exceeded else OK


def _json(time: TimeToPage) -> dict[str, Any]:
    return {
        "change": time.change.title,
        "policy": time.change.policy,
        "mode": time.mode,
        "worst_seconds": math.ceil(time.worst) if time.opens else None,
        "median_seconds": round(time.median) if time.opens else None,
        "bound_seconds": round(time.bound),
        "kept": time.kept,
        "measured": time.measured,
    }
