"""``datastream-lab review``: what a Terraform plan changes about the alerts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.logs import LOGGER
from exporter.terminal import print_json, show_progress
from lab.cli.options import (
    add_json,
    add_policies,
    add_scenarios,
    selected_policies,
    selected_scenarios,
)
from lab.review.page import review_page
from lab.review.plan import read_plan
from lab.review.playing import ReviewTask, play, trigger_changes
from lab.review.review import review_json, review_plan
from lab.review.times import measure_times, times_tasks
from lab.side_by_side import side_by_side

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from lab.cli.options import Context
    from lab.simulate.scenario import Scenario

HELP = (
    "Shows what a Terraform plan changes about the alert policies, field by field, and plays the "
    "scenarios with the policies before and after: alerts gained and lost, later and sooner, and "
    "the worst time to page where it changes. Prints Markdown for a pull request. Covers every "
    "google_monitoring_alert_policy in the plan."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``review``."""
    add_policies(parser)
    parser.add_argument(
        "plan",
        metavar="PLAN.json",
        help="the output of `terraform show -json PLANFILE`; - reads it from standard input",
    )
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="play only this scenario (default: all); repeat it for several",
    )
    add_scenarios(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with code 1 if an alert is lost or comes later",
    )
    add_json(parser)


def run(context: Context) -> int:
    """Print the review of a plan; return the exit code.

    Raises:
        InputError: The plan or another file is invalid, or a scenario doesn't exist.
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    args = context.args
    plan = read_plan(args.plan)
    changes, unplayed = trigger_changes(plan.changes)
    # Without changes to play, neither scenarios nor Prometheus have to be there.
    scenarios: tuple[Scenario, ...] = ()
    if changes:
        scenarios = selected_scenarios(args, args.scenario or [], selected_policies(args))
    with show_progress(context.err) as progress:
        tasks = [ReviewTask(scenario, changes) for scenario in scenarios]
        playing = side_by_side(play, tasks, context.stop)
        played = list(progress.track("playing scenarios", playing, len(tasks)))
        timing = [*times_tasks(changes, plan.mode)]
        measuring = side_by_side(measure_times, timing, context.stop)
        times = list(progress.track("measuring the time to page", measuring, len(timing)))
    if context.stop.is_set():
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", len(played), len(scenarios))
        return INTERRUPTED
    titles = {scenario.name: scenario.title for scenario in scenarios}
    results = itertools.chain.from_iterable(played)
    slower = itertools.chain.from_iterable(times)
    review = review_plan(plan, changes, unplayed, titles, results, slower)
    if args.json:
        print_json(review_json(review), context.out)
    else:
        context.out.write(review_page(review))
    return INCOMPLETE if args.strict and review.worse else OK
