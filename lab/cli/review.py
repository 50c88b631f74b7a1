"""``datastream-lab review``: what a Terraform plan changes about the alerts."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.terminal import print_json, show_progress
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies, add_scenarios
from lab.cli.test import chosen_scenarios
from lab.review.page import review_page
from lab.review.plan import read_plan
from lab.review.playing import ReviewTask, play, trigger_changes
from lab.review.review import review_json, review_plan
from lab.side_by_side import side_by_side

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from lab.review.playing import PlayedChange
    from lab.simulate.scenario import Scenario

HELP = (
    "Shows what a Terraform plan changes about the alert policies, field by field, and plays the "
    "scenarios with the policies before and after: alerts gained and lost, later and sooner. "
    "Prints Markdown for a pull request. Covers every google_monitoring_alert_policy in the plan."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
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


def run(args: Namespace) -> int:
    """Print the review of a plan; return the exit code.

    Raises:
        InputError: In the plan or in the files, or a scenario is not known.
        NotInstalledError: Prometheus is not installed.
        EngineError: It does not do what it is asked to.
    """
    out: TextIO = args.out
    plan = read_plan(args.plan)
    changes, unplayed = trigger_changes(plan.changes)
    # Without changes to play, neither scenarios nor Prometheus have to be there.
    scenarios = _scenarios(args) if changes else ()
    results: list[PlayedChange] = []
    played = 0
    with show_progress(args.err) as progress:
        tasks = [ReviewTask(scenario, changes) for scenario in scenarios]
        playing = side_by_side(play, tasks, args.stop)
        for found in progress.track("playing scenarios", playing, len(tasks)):
            results += found
            played += 1
    if played < len(scenarios):
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", played, len(scenarios))
        return INTERRUPTED
    titles = {scenario.name: scenario.title for scenario in scenarios}
    review = review_plan(plan, changes, unplayed, titles, results)
    if args.json:
        print_json(review_json(review), out)
    else:
        out.write(review_page(review))
    return INCOMPLETE if args.strict and review.worse else OK


def _scenarios(args: Namespace) -> tuple[Scenario, ...]:
    named = Namespace(**{**vars(args), "wanted": args.scenario or []})
    return chosen_scenarios(named, policies_of(args))
