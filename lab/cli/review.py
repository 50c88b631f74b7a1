"""``datastream-lab review``: what a Terraform plan changes about the pages."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies, add_scenarios
from lab.cli.test import chosen_scenarios
from lab.review import review_data, review_page
from lab.review.effects import Task, answer, questions
from lab.review.plans import read_plan
from lab.review.reviewing import review
from lab.side_by_side import side_by_side
from lab.terminal import print_json, progress

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from lab.review.effects import Found
    from lab.simulate.scenario import Scenario

HELP = (
    "Says what a plan of Terraform's changes about the alert policies, field by field, and plays "
    "the scenarios with the policies as they are and as they will be: pages gained and lost, later "
    "and sooner. Prints Markdown for a pull request. Every google_monitoring_alert_policy of the "
    "plan counts, whoever wrote it."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    parser.add_argument(
        "plan",
        metavar="PLAN.json",
        help="what `terraform show -json PLANFILE` prints; - reads it from standard input",
    )
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="play this scenario alone (default: all); may be given several times",
    )
    add_scenarios(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with code 1 where a page is lost or comes later",
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
    asked, unclear = questions(plan.changes)
    # Where nothing is asked, nothing need be there: neither scenarios nor Prometheus.
    scenarios = _scenarios(args) if asked else ()
    found: list[Found] = []
    played = 0
    with progress(args.err, "playing scenarios", len(scenarios)) as steps:
        tasks = [Task(scenario, asked) for scenario in scenarios]
        for answers in side_by_side(answer, tasks, args.stop):
            found += answers
            played += 1
            steps.done()
    if played < len(scenarios):
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", played, len(scenarios))
        return INTERRUPTED
    titles = {scenario.name: scenario.title for scenario in scenarios}
    made = review(plan, asked, unclear, titles, found)
    if args.json:
        print_json(review_data.document(made), out)
    else:
        out.write(review_page.page(made))
    return INCOMPLETE if args.strict and made.worse else OK


def _scenarios(args: Namespace) -> tuple[Scenario, ...]:
    named = Namespace(**{**vars(args), "wanted": args.scenario or []})
    return chosen_scenarios(named, policies_of(args))
