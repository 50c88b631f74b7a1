"""``datastream-lab test``: plays scenarios and compares the alerts with the expected ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.terminal import print_table
from exporter.terminal import print_json, show_progress
from exporter.durations import format_duration
from exporter.logs import LOGGER
from exporter.text import plural, printable
from lab.cli.scenario_results import print_result, result_json
from lab.cli.selection import (
    add_html,
    add_json,
    add_policies,
    add_scenario_names,
    selected_policies,
    selected_scenarios,
)
from lab.prove.scenarios import play_all
from lab.review.plan import read_plan
from lab.review.planned import planned_policies
from lab.timeline.charts import Chart, page, scenario_chart

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from lab.cli.context import Context
    from lab.prove.scenarios import ScenarioResult
    from lab.simulate.scenario import Scenario

HELP = (
    "Plays scenarios: the real exporter runs through a scripted world on a simulated clock, and "
    "Prometheus evaluates the policies. A missing, early, late or extra alert fails a scenario. "
    "Exit code 0: all passed; 1: one failed."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``test``."""
    add_policies(parser)
    add_scenario_names(parser)
    parser.add_argument(
        "--list", action="store_true", help="list the scenarios and what happens in each"
    )
    parser.add_argument(
        "--plan",
        metavar="PLAN.json",
        help="play the policies as a Terraform plan leaves them, each route's own included: the "
        "output of `terraform show -json PLANFILE`; - reads it from standard input",
    )
    add_html(parser)
    add_json(parser)


def run(context: Context) -> int:
    """Play the scenarios and print their results, or list them; return the exit code.

    Raises:
        InputError: A file is invalid, or a scenario doesn't exist.
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    args = context.args
    policies = selected_policies(args)
    planned = planned_policies(read_plan(args.plan).changes) if args.plan else ()
    scenarios = selected_scenarios(args, args.wanted, (*policies, *planned))
    if args.list:
        _list(context, scenarios)
        return OK
    results: list[ScenarioResult] = []
    charts: list[Chart] = []
    with show_progress(context.err) as progress:
        playing = play_all(scenarios, planned or policies, context.stop)
        for result in progress.track("playing scenarios", playing, len(scenarios)):
            results.append(result)
            if args.html:
                charts.append(scenario_chart(result, planned or policies))
            if not args.json:
                with progress.pause():
                    print_result(result, context.out)
                    context.out.flush()
    failed = [result.scenario.name for result in results if not result.passed]
    played = len(results) == len(scenarios)
    if args.json:
        scenarios_json = [result_json(result) for result in results]
        passed = played and not failed
        print_json({"passed": passed, "played": played, "scenarios": scenarios_json}, context.out)
    if not played:
        LOGGER.warning("Interrupted: %d of %d scenarios were played.", len(results), len(scenarios))
    if results:
        LOGGER.log(logging.ERROR if failed else logging.INFO, "%s", _summary(results, failed))
    if not played:
        return INTERRUPTED
    if args.html:
        args.html.write_text(page("Scenarios", _summary(results, failed), charts), "utf-8")
        LOGGER.info("%s: a timeline of each scenario.", printable(str(args.html)))
    return INCOMPLETE if failed else OK


def _list(context: Context, scenarios: Sequence[Scenario]) -> None:
    if context.args.json:
        listed = [
            {"name": each.name, "title": each.title, "lasts": each.lasts} for each in scenarios
        ]
        print_json({"scenarios": listed}, context.out)
        return
    rows = ((each.name, format_duration(each.lasts), each.title) for each in scenarios)
    print_table(("scenario", "lasts", "what happens"), rows, context.out, right=("lasts",))


def _summary(results: Sequence[ScenarioResult], failed: Sequence[str]) -> str:
    expected = sum(alert.count for result in results for alert in result.scenario.expect)
    text = f"{plural(len(results), 'scenario')}, {plural(expected, 'expected alert')}"
    return f"{text}: {len(failed)} failed ({', '.join(failed)})." if failed else f"{text}: passed."
