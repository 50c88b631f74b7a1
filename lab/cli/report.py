"""``datastream-lab report``: one page for a person to look at."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.terminal import show_progress
from exporter.inputs.input_errors import InputError
from exporter.text import plural, printable
from lab.cli.inputs import policies_of
from lab.cli.options import add_policies, add_scenarios
from lab.cli.test import chosen_scenarios
from lab.cli.time_to_page import log_failures
from lab.prove.scenarios import check_can_evaluate
from lab.prove.time_to_page import TASKS, Measurements, measure_all, missing_policies
from lab.report.page import Report, render
from lab.report.timeline import Task, play_and_draw
from lab.side_by_side import side_by_side

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Sequence

    from lab.policies.files import Policy
    from lab.prove.time_to_page import TimeToPage
    from lab.simulate.scenario import Scenario

HELP = (
    "Plays the scenarios, measures how soon pages come, and writes one HTML page that shows all of "
    "it: for each scenario a timeline of what is the case, what the exporter writes, when each "
    "condition is true, and what pages. The page needs no network and no other file. Exit code 0: "
    "all is as expected; 1: something is not."
)

_DISTRIBUTION = "datastream-exporter"


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    parser.add_argument("--html", required=True, metavar="FILE", help="where the page goes")
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="SCENARIO",
        help="a scenario's name, or the path of its file (default: all)",
    )
    add_scenarios(parser)
    parser.add_argument(
        "--no-times", action="store_true", help="leave out how soon pages come, which takes a while"
    )


def run(args: Namespace) -> int:
    """Write the page; return the exit code.

    Raises:
        InputError: In the files, a scenario is not known, or the page can not be written there.
        NotInstalledError: Prometheus is not installed.
        EngineError: It does not do what it is asked to.
    """
    file = _writable(args.html)
    policies = tuple(each for each in policies_of(args) if each.enabled)
    scenarios = chosen_scenarios(args, policies)
    _check_names(scenarios)
    check_can_evaluate(policies)
    with show_progress(args.err) as progress:
        tasks = [Task(scenario, policies) for scenario in scenarios]
        playing = side_by_side(play_and_draw, tasks, args.stop)
        played = list(progress.track("playing scenarios", playing, len(tasks)))
    times, kept = ((), True) if args.no_times or args.stop.is_set() else _times(args, policies)
    if args.stop.is_set():
        LOGGER.warning("Interrupted: %s is not written.", printable(args.html))
        return INTERRUPTED
    page = render(
        Report(
            policies,
            played,
            times,
            not args.wanted,
            metadata.version(_DISTRIBUTION),
            datetime.now(UTC),
        )
    )
    _write(file, page)
    wrong = [proof.scenario.name for proof, _ in played if not proof.passed]
    size = f"{len(page.encode()) // 1000} kB"
    LOGGER.info("%s: %s, %s.", printable(args.html), plural(len(played), "scenario"), size)
    if wrong:
        LOGGER.error("%s wrong: %s.", plural(len(wrong), "scenario"), ", ".join(wrong))
    return OK if kept and not wrong else INCOMPLETE


def _check_names(scenarios: Iterable[Scenario]) -> None:
    """Refuse scenarios that a link could not tell apart.

    Raises:
        InputError: Two have the same name.
    """
    counted = Counter(scenario.name for scenario in scenarios)
    twice = [
        f"{printable(name)}: {count} scenarios have this name; rename all but one"
        for name, count in counted.items()
        if count > 1
    ]
    if twice:
        raise InputError(twice)


def _times(args: Namespace, policies: Iterable[Policy]) -> tuple[Sequence[TimeToPage], bool]:
    """Measure how soon pages come, and whether that is kept.

    Where a policy is not there that it is measured of, nothing is: policies of one's own may be
    shown alone.
    """
    if missing := missing_policies(policies):
        LOGGER.info("How soon pages come is left out: there is no %s.", ", no ".join(missing))
        return (), True
    measured = Measurements()
    with show_progress(args.err) as progress:
        for part in progress.track("measuring", measure_all(policies, args.stop), TASKS):
            measured.add(part)
    log_failures(measured)
    return measured.times, measured.kept


def _writable(name: str) -> Path:
    """Return the file, before minutes are spent on what can not be written there.

    Raises:
        InputError: It can not be.
    """
    file = Path(name)
    folder = file.parent
    if file.is_dir():
        raise InputError([f"{printable(name)}: is a directory; name a file, such as report.html"])
    if not folder.is_dir():
        raise InputError([f"{printable(str(folder))}: there is no such directory; make it first"])
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise InputError([f"{printable(name)}: can not be written; name another file"])
    return file


def _write(file: Path, page: str) -> None:
    """Write the page.

    Raises:
        InputError: It can not be.
    """
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise InputError(
            [f"{printable(str(file))}: can not be written ({error.strerror}); name another file"]
        ) from None
