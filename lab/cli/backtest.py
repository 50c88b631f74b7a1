"""``datastream-lab backtest``: the alerts that would have fired in a real project."""

import argparse
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from exporter.google.errors import CallError
from exporter.logger import LOGGER
from exporter.process import INCOMPLETE, INTERRUPTED, OK
from exporter.text import quote
from lab.backtest.backtest import evaluate
from lab.backtest.output import backtest_json, backtest_summary, print_backtest
from lab.backtest.planned import PlanSides, compared, plan_sides
from lab.cli.options import (
    LabContext,
    add_options,
    explained,
    metrics_project,
    open_monitoring,
    selected_policies,
)
from lab.history.history import History, recorded
from lab.history.read import EXPORTER_DELAY, Reader, metrics_to_read, periods
from lab.plans.plan import read_plan
from lab.policies.model import DAY
from lab.prove.engine import check_installed
from lab.terminal import Progress, print_json
from lab.timeline.charts import chart, write_page
from lab.timeline.spans import Period

HELP = (
    "Reads the history of the exporter's metrics and of Google's own from Cloud"
    " Monitoring, evaluates the policies as they are in the files, and prints the"
    " incidents that would have opened: when, for how long, and about which stream."
    " With --plan, it evaluates the policies before and after a Terraform plan instead,"
    " and prints which incidents differ."
    " Exit code 0: it was evaluated, whatever came out; 1: the history can't be read."
    " Needs monitoring.timeSeries.list on the metrics project"
    " (roles/monitoring.viewer)."
)
EXAMPLE = "--project my-project --days 28"

# Cloud Monitoring keeps all points for 42 days, and later one every ten minutes; most
# PromQL conditions look back 25 hours at most.
# https://cloud.google.com/monitoring/quotas#data_retention_policy
MOST_DAYS = 40
_KEPT = "Cloud Monitoring keeps all points for six weeks"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``backtest``."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--project",
        type=metrics_project,
        help="the metrics project that the exporter writes to",
    )
    source.add_argument(
        "--recorded",
        action="store_true",
        help="evaluate the recorded morning of a simulated fleet, without an account",
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=7,
        help=f"how many days, {MOST_DAYS} at most: {_KEPT} (default: %(default)s)",
    )
    policies = parser.add_mutually_exclusive_group()
    policies.add_argument(
        "--plan",
        metavar="PLAN.json",
        help=(
            "compare the policies, and what config decides, before and after this"
            " output of `terraform show -json PLANFILE`; - reads it from standard input"
        ),
    )
    add_options(policies, "policies")
    add_options(parser, "html", "json")


def run(context: LabContext) -> int:
    """Print the incidents that would have opened; return the exit code."""
    args, stop = context.args, context.stop
    # Fails before the reading, which takes minutes, if Prometheus is not installed.
    check_installed()
    plan = read_plan(args.plan) if args.plan else None
    if plan:
        sides = plan_sides(plan)
    else:
        sides = PlanSides([], [*selected_policies(args)], [[]], [])
    with (
        TemporaryDirectory(prefix="backtest-") as folder,
        Progress(context.err) as progress,
    ):
        histories = [
            History(Path(folder, f"{number}"), configs)
            for number, configs in enumerate(sides.configs)
        ]
        history = histories[0]
        if args.recorded:
            for each in histories:
                each.add(recorded())
            end = (history.last + EXPORTER_DELAY) // 1
        else:
            end = time.time() // 1
            _read(context, sides, histories, end, progress)
        if stop.is_set():
            LOGGER.warning("Interrupted while reading.")
            return INTERRUPTED
        if not history.last:
            LOGGER.error(
                "projects/%s has no series of custom.googleapis.com/datastream/… in"
                " these %d days: is the exporter running, and is this the metrics"
                " project?",
                args.project,
                args.days,
            )
            return INCOMPLETE
        period = Period(end - args.days * DAY, end)
        result = evaluate(sides.after, histories[-1], period, progress, stop)
        summary = backtest_summary(result)
        if plan:
            before = evaluate(sides.before, history, period, progress, stop)
            summary = f"Before the plan: {backtest_summary(before)}. After: {summary}"
            result = compared(plan, before, result)
    summary += ". Times are ± the policy's evaluation interval."
    found = backtest_json(result, sides.notes)
    if args.json:
        print_json(found, context.out)
    else:
        print_backtest(found, context.out)
    context.out.flush()
    LOGGER.info("%s", summary)
    if args.html:
        drawn = chart(result.period, history.spans, result.incidents, result.policies)
        title = f"Back-test of {args.project or 'the recorded fleet'}"
        write_page(args.html, title, summary, drawn, found)
    if stop.is_set():
        LOGGER.warning("Interrupted: not every policy was evaluated.")
        return INTERRUPTED
    return OK


def _read(
    context: LabContext,
    sides: PlanSides,
    histories: list[History],
    end: float,
    progress: Progress,
) -> None:
    """Read the series that the policies query, and say which of them may be partial."""
    args = context.args
    metrics, before = metrics_to_read(sides.before + sides.after)
    parts = periods(end - args.days * DAY - before, end)
    with open_monitoring(context) as clients:
        reader = Reader(clients.monitoring, args.project, context.stop)
        for period in progress.track(parts, description="reading the history"):
            try:
                series = reader.read(metrics, period)
            except CallError as error:
                if not context.stop.is_set():
                    advice = "; fewer --days read less"
                    failure = explained(error.failure, args.project, advice)
                    raise CallError(failure) from error
            if context.stop.is_set():
                return
            for history in histories:
                history.add(series)
    for sentence in sorted(reader.doubts):
        LOGGER.warning("%s", sentence)


def _days(text: str) -> int:
    if text not in map(str, range(1, MOST_DAYS + 1)):
        raise argparse.ArgumentTypeError(
            f"{quote(text)} is not allowed; write a number from 1 to {MOST_DAYS}:"
            f" {_KEPT}, and the time before the days counts too"
        )
    return int(text)
