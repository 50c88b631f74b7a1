"""``datastream-lab test``: plays scenarios and checks that the right alerts fire."""

from argparse import ArgumentParser
from typing import TextIO

from rich.padding import Padding
from rich.text import Text

from exporter.logger import LOGGER
from exporter.process import INCOMPLETE, INTERRUPTED, OK
from exporter.text import plural, printable
from lab.cli.options import (
    LabContext,
    add_options,
    selected_policies,
    selected_scenarios,
)
from lab.promql_durations import format_duration
from lab.prove.comparison import AlertOutcome
from lab.prove.outcomes import lines
from lab.prove.scenarios import ScenarioResult, play_all
from lab.terminal import Progress, console, print_table

HELP = (
    "Plays scenarios: the real exporter runs through a scripted world on a simulated"
    " clock, and Prometheus evaluates the policies. A missing, early, late or extra"
    " alert fails a scenario. Exit code 0: all passed; 1: one failed."
)
EXAMPLE = "fails-permanently"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``test``."""
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="SCENARIO",
        help="a scenario's name (default: all scenarios)",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="list the scenarios and what happens in each",
    )
    add_options(parser, "policies", "scenarios")


def run(context: LabContext) -> int:
    """Play the scenarios and print results, or list them; return the exit code."""
    args = context.args
    policies = selected_policies(args)
    scenarios = selected_scenarios(args, args.wanted, policies)
    if args.list:
        headings = ("SCENARIO", "LASTS", "WHAT HAPPENS")
        rows = [
            (scenario.name, format_duration(scenario.lasts), scenario.title)
            for scenario in scenarios
        ]
        print_table(headings, rows, context.out)
        return OK
    results: list[ScenarioResult] = []
    with Progress(context.err) as progress:
        playing = play_all(scenarios, policies, context.stop)
        for result in progress.track(
            playing, len(scenarios), description="playing scenarios"
        ):
            results.append(result)
            # Makes room: the lines go to another stream.
            progress.stop()
            _print(result, context.out)
            progress.start()
    failed = [result.scenario.name for result in results if not result.passed]
    code = INCOMPLETE if failed else OK
    if len(results) < len(scenarios):
        code = INTERRUPTED
        LOGGER.warning(
            "Interrupted: %d of %d scenarios were played.", len(results), len(scenarios)
        )
    count = plural(len(results), "scenario")
    if failed:
        LOGGER.error("%s: %d failed (%s).", count, len(failed), ", ".join(failed))
    elif results:
        LOGGER.info("%s: passed.", count)
    return code


def _print(result: ScenarioResult, stream: TextIO) -> None:
    """Print a scenario's verdict, and a line for each alert."""
    out = console(stream)
    verdict = ("PASS  ", "green") if result.passed else ("FAIL  ", "bold red")
    name = (result.scenario.name, "bold")
    title = f": {printable(result.scenario.title)}"
    out.print(Text.assemble(verdict, name, title))
    for outcome, sentence in lines(result.results):
        mark = "" if outcome is AlertOutcome.RIGHT else f"{outcome.upper()}: "
        line = Text.assemble((mark, "bold red"), sentence)
        out.print(Padding(line, (0, 0, 0, len("PASS  ")), expand=False))
    stream.flush()
