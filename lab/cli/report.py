"""``datastream-lab report``: every scenario as a timeline, on one HTML page."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import exporter
from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.terminal import show_progress
from exporter.documents import InputError
from exporter.logs import LOGGER
from exporter.text import plural, printable
from lab.cli.selection import (
    add_policies,
    add_scenario_names,
    selected_policies,
    selected_scenarios,
)
from lab.cli.time_to_page import log_failures, measure
from lab.prove.scenarios import check_can_evaluate
from lab.prove.time_to_page import Measurements, missing_policies
from lab.report.page import Report, render
from lab.report.timeline import Task, play_and_draw
from lab.side_by_side import side_by_side

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Sequence

    from lab.cli.context import Context
    from lab.policies.files import Policy
    from lab.simulate.scenario import Scenario

HELP = (
    "Plays the scenarios, measures the time to page, and writes one HTML page: for each scenario a "
    "timeline of the actual states, the points that the exporter wrote, the conditions and the "
    "incidents. The page needs no network and no other file. Exit code 0: all passed; 1: a "
    "scenario failed or a bound was exceeded."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``report``."""
    add_policies(parser)
    parser.add_argument("--html", required=True, metavar="FILE", help="the page to write")
    add_scenario_names(parser)
    parser.add_argument(
        "--no-times", action="store_true", help="don't measure the time to page, which takes longer"
    )


def run(context: Context) -> int:
    """Write the page; return the exit code.

    Raises:
        InputError: A file is invalid, a scenario doesn't exist, or the page can't be written.
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    args, stop = context.args, context.stop
    file = _writable(args.html)
    policies = selected_policies(args)
    scenarios = selected_scenarios(args, args.wanted, policies)
    _check_unique_names(scenarios)
    check_can_evaluate(policies)
    with show_progress(context.err) as progress:
        tasks = [Task(scenario, policies) for scenario in scenarios]
        playing = side_by_side(play_and_draw, tasks, stop)
        played = list(progress.track("playing scenarios", playing, len(tasks)))
    skip_times = args.no_times or stop.is_set()
    measured = Measurements() if skip_times else _measure(context, policies)
    if stop.is_set():
        LOGGER.warning("Interrupted: %s is not written.", printable(args.html))
        return INTERRUPTED
    page = render(
        Report(
            policies,
            played,
            measured.times,
            complete=not args.wanted,
            version=exporter.__version__,
            made=datetime.now(UTC),
        )
    )
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise InputError([_not_writable(args.html, f" ({error.strerror})")]) from None
    failed = [result.scenario.name for result, _ in played if not result.passed]
    size = f"{len(page.encode()) // 1000} kB"
    LOGGER.info("%s: %s, %s.", printable(args.html), plural(len(played), "scenario"), size)
    if failed:
        LOGGER.error("%s failed: %s.", plural(len(failed), "scenario"), ", ".join(failed))
    return OK if measured.kept and not failed else INCOMPLETE


def _check_unique_names(scenarios: Iterable[Scenario]) -> None:
    """Refuse two scenarios with one name: links on the page use the name."""
    counts = Counter(scenario.name for scenario in scenarios)
    repeated = [
        f"{printable(name)}: {count} scenarios have this name; rename all but one"
        for name, count in counts.items()
        if count > 1
    ]
    if repeated:
        raise InputError(repeated)


def _measure(context: Context, policies: Sequence[Policy]) -> Measurements:
    """Measure the time to page, unless a policy for it is missing: users may report only theirs."""
    if missing := missing_policies(policies):
        LOGGER.info("The time to page is left out: there is no %s.", ", no ".join(missing))
        return Measurements()
    measured = measure(context, policies)
    if not context.stop.is_set():
        log_failures(measured)
    return measured


def _writable(name: str) -> Path:
    """Return the page's path; fail before minutes of work where it can't be written."""
    file = Path(name)
    folder = file.parent
    if file.is_dir():
        raise InputError([f"{printable(name)}: is a directory; name a file, such as report.html"])
    if not folder.is_dir():
        raise InputError([f"{printable(str(folder))}: there is no such directory; create it first"])
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise InputError([_not_writable(name)])
    return file


def _not_writable(name: str, reason: str = "") -> str:
    return f"{printable(name)}: can't be written{reason}; name another file"
