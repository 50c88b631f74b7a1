"""``datastream-lab review``: what a Terraform plan changes about the alerts."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from exporter.process import INCOMPLETE, INTERRUPTED, OK
from lab.cli.options import (
    LabContext,
    add_options,
    selected_policies,
    selected_scenarios,
)
from lab.review.finding import ERROR
from lab.review.page import review_page
from lab.review.plan import read_plan
from lab.review.playing import Played, changed_policies, play
from lab.review.review import make_review
from lab.side_by_side import side_by_side
from lab.simulate.scenario import Scenario
from lab.terminal import Progress, print_json

HELP = (
    "Shows what a Terraform plan changes about what is watched (the exporter's config)"
    " and about the alert policies: diffs, which incidents of which scenarios change,"
    " and whom they notify. Prints Markdown for a pull request. Covers every"
    " google_monitoring_alert_policy in the plan."
)
EXAMPLE = "plan.json --strict"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``review``."""
    parser.add_argument(
        "plan",
        metavar="PLAN.json",
        help=(
            "the output of `terraform show -json PLANFILE`; - reads it from standard"
            " input"
        ),
    )
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help="play only this scenario (default: all); repeat it for several",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=(
            "exit with code 1 if an alert is lost or comes later, if config leaves a"
            " source unwatched, expects a state of all its streams or delays their"
            " pages (failed, lag), if streams alert nobody, if no policy reads a"
            " required one, or if a policy goes, is less severe, or notifies nobody"
            " (WARNING may, and ERROR where CRITICAL notifies somebody)"
        ),
    )
    add_options(parser, "policies", "scenarios", "json")


def run(context: LabContext) -> int:
    """Print the review of a plan; return the exit code."""
    args = context.args
    plan = read_plan(args.plan)
    policies = selected_policies(args)
    before, after = changed_policies(plan.changes)
    scenarios: Sequence[Scenario] = ()
    # Without policies to compare, neither scenarios nor Prometheus have to be there.
    if (before or after) and not plan.is_first:
        scenarios = selected_scenarios(args, args.scenario or [], policies)
    played: list[Played] = []
    if count := len(scenarios):
        with Progress(context.err) as progress:
            work = partial(play, before, after)
            playing = side_by_side(work, scenarios, context.stop)
            played += progress.track(playing, count, description="playing scenarios")
    stopped = context.stop.is_set()
    if stopped:
        plan.notes.append(
            f"Interrupted: {len(played)} of {len(scenarios)} scenarios were played."
        )
    found = make_review(plan, played, policies)
    if args.json:
        print_json(asdict(found), context.out)
    else:
        context.out.write(review_page(found))
    if stopped:
        return INTERRUPTED
    is_worse = any(each.level == ERROR for each in found.findings)
    return INCOMPLETE if args.strict and is_worse else OK
