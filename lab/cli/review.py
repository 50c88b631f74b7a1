"""``datastream-lab review``: what a Terraform plan changes about the pages."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies, add_scenarios
from lab.cli.playing import side_by_side
from lab.cli.test import scripts_of
from lab.review import review_data, review_page
from lab.review.effects import Task, answer, questions
from lab.review.plans import read_plan
from lab.review.reviewing import review
from lab.terminal import print_json, progress

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from lab.review.effects import Found
    from lab.simulate.scenario_files import Script

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
    scripts = _scripts(args) if asked else ()
    found: list[Found] = []
    played = 0
    with progress(args.err, "playing scenarios", len(scripts)) as steps:
        tasks = [Task(script, asked) for script in scripts]
        for answers in side_by_side(answer, tasks, args.stop):
            found += answers
            played += 1
            steps.done()
    if played < len(scripts):
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", played, len(scripts))
        return INTERRUPTED
    titles = {script.name: script.scenario.title for script in scripts}
    made = review(plan, asked, unclear, titles, found)
    if args.json:
        print_json(review_data.document(made), out)
    else:
        out.write(review_page.page(made))
    return INCOMPLETE if args.strict and made.worse else OK


def _scripts(args: Namespace) -> tuple[Script, ...]:
    named = Namespace(**{**vars(args), "wanted": args.scenario or []})
    return scripts_of(named, policies_of(args))
