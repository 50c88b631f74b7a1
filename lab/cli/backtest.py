"""``datastream-lab backtest``: the alerts that would have fired in a real project."""

from __future__ import annotations

import argparse
import math
import time
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from exporter.cli import INCOMPLETE, INTERRUPTED, OK
from exporter.terminal import print_json, show_progress
from exporter.config import Endpoints
from exporter.config.fields import Project
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.documents import InputError
from exporter.logs import LOGGER
from exporter.measure import definitions
from exporter.text import printable, quote
from lab.backtest.api_reader import ApiReader
from lab.backtest.backtest import DAY, Backtest, exporter_span
from lab.backtest.history import EXPORTER_DELAY, History
from lab.backtest.output import backtest_json, backtest_summary, print_backtest
from lab.backtest.required import look_back, periods_to_read
from lab.backtest.series_files import read_series_file, write_series_file
from lab.cli.selection import add_json, add_policies, selected_policies
from lab.prove.engine import check_installed

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lab.cli.context import Context
    from lab.policies.files import Policy

HELP = (
    "Reads the history of the exporter's metrics and of Google's own from Cloud Monitoring, "
    "evaluates the policies as they are in the files, and prints the incidents that would have "
    "opened: when, for how long, and about which stream. Exit code 0: it was evaluated, whatever "
    "came out; 1: the history can't be read. Needs monitoring.timeSeries.list on the metrics "
    "project (roles/monitoring.viewer)."
)

RAW_DAYS = 42
"""Days for which Cloud Monitoring keeps all points. Later it keeps one every ten minutes.
https://cloud.google.com/monitoring/quotas#data_retention_policy"""

MOST_DAYS = RAW_DAYS - 2
"""The evaluation needs points from before its days: 25 hours at most, as a PromQL condition can't
look back further, retest window included."""

_DAYS = 7


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``backtest``."""
    add_policies(parser)
    parser.add_argument(
        "--project", type=_project, help="the metrics project that the exporter writes to"
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=_DAYS,
        help=f"how many days, {MOST_DAYS} at most: Cloud Monitoring keeps all points for six weeks "
        f"(default: {_DAYS})",
    )
    parser.add_argument(
        "--until",
        type=_until,
        metavar="TIME",
        help="the end of these days, such as 2026-01-31T12:00:00Z (default: now, or the last point "
        "of a file)",
    )
    parser.add_argument(
        "--from-file",
        metavar="FILE",
        help="read series from a file and make no calls; one TimeSeries a line, as the API's "
        "JSON; gzipped if the name ends in .gz",
    )
    parser.add_argument(
        "--save", metavar="FILE", help="save the series to a new file, for --from-file"
    )
    parser.add_argument(
        "--impersonate-service-account", metavar="ACCOUNT", help="act as this service account"
    )
    parser.add_argument(
        "--quota-project",
        metavar="PROJECT",
        help="the project whose quota and billing the calls count against",
    )
    add_json(parser)


def run(context: Context) -> int:
    """Print the incidents that would have opened; return the exit code.

    Raises:
        InputError: The command line, a policy or the file of series is invalid.
        CallError: Cloud Monitoring can't be read, or there are no credentials.
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    args, stop = context.args, context.stop
    _check(args)
    # Fails before the reading, which takes minutes, if Prometheus is not installed.
    check_installed()
    policies = selected_policies(args)
    history = History(look_back(policies), args.project or "")
    until = args.until
    if args.from_file:
        read_series_file(args.from_file, history)
    else:
        until = until or time.time()
        for sentence in _read(context, policies, until, history):
            LOGGER.warning("%s", sentence)
    if stop.is_set():
        LOGGER.warning("Interrupted while reading.")
        return INTERRUPTED
    span = exporter_span(history)
    if span is None:
        LOGGER.error("%s", _no_series(args))
        return INCOMPLETE
    end = float(math.floor(until or span[1] + EXPORTER_DELAY.most))
    with show_progress(context.err) as progress:
        result = Backtest(policies, history, stop, progress).run(end - args.days * DAY, end)
    if stop.is_set():
        LOGGER.warning("Interrupted while evaluating.")
        return INTERRUPTED
    if args.json:
        print_json(backtest_json(result, args.project or ""), context.out)
    else:
        print_backtest(result, context.out)
    LOGGER.info("%s", backtest_summary(result))
    return OK


def _check(args: Namespace) -> None:
    """Refuse options that exclude each other, and days that are no longer kept."""
    sentences = []
    if not (args.project or args.from_file):
        sentences.append("--project is missing: name the metrics project, or use --from-file")
    if args.save and args.from_file:
        sentences.append("--save doesn't go with --from-file: those series are saved already")
    now = time.time()
    if args.until and args.until > now:
        sentences.append("--until lies in the future: name a time in the past")
    elif args.until and not args.from_file and args.until - args.days * DAY < now - MOST_DAYS * DAY:
        sentences.append(
            f"--until: {args.days} days before it are more than {MOST_DAYS} days ago; Cloud "
            f"Monitoring keeps all points for six weeks"
        )
    if sentences:
        raise InputError(sentences)


def _read(
    context: Context, policies: Sequence[Policy], end: float, history: History
) -> tuple[str, ...]:
    """Read the series that the policies query; return a sentence for each that may be partial."""
    args, environ = context.args, dict(context.environ)
    host = environ.get(MONITORING_EMULATOR)
    if host:
        LOGGER.warning(
            "An emulator takes Google's place, without credentials or encryption: %s is %s.",
            MONITORING_EMULATOR,
            host,
        )
        # Datastream is not called, so it needs no credentials either.
        environ.setdefault(DATASTREAM_EMULATOR, host)
    identity = Identity(args.impersonate_service_account, args.quota_project)
    clients, _ = connect(Endpoints(), environ, identity)
    saving = write_series_file(args.save, context.stop) if args.save else nullcontext()
    with clients, saving as save, show_progress(context.err) as progress:
        reader = ApiReader(
            clients.monitoring,
            args.project,
            context.stop,
            cancel=clients.close,
            progress=progress,
            on_series=save,
        )
        return reader.read(periods_to_read(policies, end - args.days * DAY, end), history)


def _no_series(args: Namespace) -> str:
    series = f"no series of {definitions.definitions()['prefix']}/…"
    if args.from_file:
        return f"{printable(args.from_file)} has {series}: was it written by --save?"
    return (
        f"projects/{args.project} has {series} in these {args.days} days: is the exporter running, "
        f"and is this the metrics project?"
    )


def _project(text: str) -> str:
    try:
        return str(TypeAdapter(Project).validate_python(text))
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]
        raise argparse.ArgumentTypeError(str(reason)) from None


def _days(text: str) -> int:
    days = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(
            f"{quote(text)} is not allowed; write a number from 1 to {MOST_DAYS}: Cloud Monitoring "
            f"keeps all points for six weeks, and the time before the days counts too"
        )
    return days


def _until(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{quote(text)} is not a time with a time zone, such as 2026-01-31T12:00:00Z"
        )
    return at.timestamp()
