"""``datastream-lab backtest``: what would have paged in a real project of late."""

from __future__ import annotations

import argparse
import math
import time
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from pydantic import TypeAdapter, ValidationError

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK
from exporter.cli.logs import LOGGER
from exporter.cli.terminal import print_json, show_progress
from exporter.config import Endpoints
from exporter.config.fields import Project
from exporter.gcp.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.gcp.retry import Calls
from exporter.inputs.input_errors import InputError
from exporter.measure import definitions
from exporter.text import printable, quote
from lab.backtest.backtesting import DAY, Backtester, own_span
from lab.backtest.exported import read_exported
from lab.backtest.history import LATE, History
from lab.backtest.history_reading import Source, read_history
from lab.backtest.incidents_table import document, print_backtest, summary
from lab.backtest.needs import names, wanted
from lab.backtest.saving import saving
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies
from lab.prove.engine import check_installed

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lab.policies.files import Policy

HELP = (
    "Reads the history of the exporter's metrics and of Google's own from Cloud Monitoring, "
    "evaluates the policies as they are in the files, and says which incidents there would have "
    "been: when, for how long, for whom. Exit code 0: it was said, whatever it is; 1: the history "
    "cannot be read. Needs monitoring.timeSeries.list on the metrics project "
    "(roles/monitoring.viewer)."
)

KEPT_DAYS = 42
"""Days for which Cloud Monitoring keeps points as they were written; after that, one in ten
minutes is left. https://cloud.google.com/monitoring/quotas#data_retention_policy"""

MOST_DAYS = KEPT_DAYS - 2
"""What came before the days counts too: for 25 hours at most, all that Cloud Monitoring lets a
PromQL condition look back and hold together."""

_DAYS = 7


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    parser.add_argument(
        "--project", type=_project, help="the metrics project, which the exporter writes to"
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=_DAYS,
        help=f"how many days, {MOST_DAYS} at most: Cloud Monitoring keeps points as they were "
        f"written for six weeks (default: {_DAYS})",
    )
    parser.add_argument(
        "--until",
        type=_until,
        metavar="TIME",
        help="the end of these days, such as 2026-01-31T12:00:00Z (default: now; of a file its "
        "last point)",
    )
    parser.add_argument(
        "--from-file",
        metavar="FILE",
        help="read series from a file and call nobody: a line each, as the API's JSON has a "
        "TimeSeries; compressed where it ends in .gz",
    )
    parser.add_argument(
        "--save", metavar="FILE", help="write what is read to a new file, for --from-file"
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


def run(args: Namespace) -> int:
    """Say what would have paged; return the exit code.

    Raises:
        InputError: On the command line, in the policies, or in the file of series.
        CallError: Cloud Monitoring cannot be read, or there are no credentials.
        NotInstalledError: Prometheus is not installed.
        EngineError: It cannot be filled or started.
    """
    _check(args)
    # Nobody should wait for the whole reading to learn that Prometheus is not installed.
    check_installed()
    policies = policies_of(args)
    history = History(names(policies), args.project or "")
    until = args.until
    if args.from_file:
        read_exported(args.from_file, history)
    else:
        until = until or time.time()
        for sentence in _read(args, policies, until, history):
            LOGGER.warning("%s", sentence)
    if args.stop.is_set():
        LOGGER.warning("Interrupted while reading.")
        return INTERRUPTED
    span = own_span(history)
    if span is None:
        LOGGER.error("%s", _nothing(args))
        return INCOMPLETE
    end = float(math.floor(until or span[1] + LATE.most))
    with show_progress(args.err) as progress:
        found = Backtester(policies, history, args.stop, progress).run(end - args.days * DAY, end)
    if args.stop.is_set():
        LOGGER.warning("Interrupted while evaluating.")
        return INTERRUPTED
    out: TextIO = args.out
    if args.json:
        print_json(document(found, args.project or ""), out)
    else:
        print_backtest(found, out)
    LOGGER.info("%s", summary(found))
    return OK


def _check(args: Namespace) -> None:
    """Refuse what does not go together, and days of which there is nothing left.

    Raises:
        InputError: With all that is wrong.
    """
    told = []
    if not (args.project or args.from_file):
        told.append("--project is missing: name the metrics project, or a file by --from-file")
    if args.save and args.from_file:
        told.append("--save goes without --from-file: what is in a file is saved already")
    now = time.time()
    if args.until and args.until > now:
        told.append("--until lies in the future: name a time that is over")
    elif args.until and not args.from_file and args.until - args.days * DAY < now - MOST_DAYS * DAY:
        told.append(
            f"--until: {args.days} days before it are more than {MOST_DAYS} days ago: Cloud "
            f"Monitoring keeps points as they were written for six weeks"
        )
    if told:
        raise InputError(told)


def _read(
    args: Namespace, policies: Sequence[Policy], end: float, history: History
) -> tuple[str, ...]:
    """Read what the policies ask for; return a sentence for what may not be whole."""
    environ = dict(args.environ)
    host = environ.get(MONITORING_EMULATOR)
    if host:
        LOGGER.warning(
            "Not Google's own endpoint: %s (%s) is set, which means plaintext without credentials.",
            MONITORING_EMULATOR,
            host,
        )
        # Datastream is not called here, and needs no credentials of its own.
        environ.setdefault(DATASTREAM_EMULATOR, host)
    identity = Identity(args.impersonate_service_account, args.quota_project)
    clients, _ = connect(Endpoints(), environ, identity)
    keeping = saving(args.save, args.stop) if args.save else nullcontext(lambda _series: None)
    with clients, keeping as keep, show_progress(args.err) as progress:
        source = Source(
            clients.monitoring,
            args.project,
            Calls(),
            args.stop,
            progress,
            keep,
            end=clients.close,
        )
        return read_history(source, wanted(policies, end - args.days * DAY, end), history)


def _nothing(args: Namespace) -> str:
    series = f"no series of {definitions.definitions()['prefix']}/…"
    if args.from_file:
        return f"{printable(args.from_file)} holds {series}: is it what --save wrote?"
    return (
        f"projects/{args.project} holds {series} in these {args.days} days: is the exporter "
        f"running, and is this the metrics project?"
    )


def _project(written: str) -> str:
    try:
        return str(TypeAdapter(Project).validate_python(written))
    except ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]
        raise argparse.ArgumentTypeError(str(reason)) from None


def _days(written: str) -> int:
    number = int(written) if written.isascii() and written.isdecimal() else 0
    if not 1 <= number <= MOST_DAYS:
        raise argparse.ArgumentTypeError(
            f"{quote(written)} is not allowed; 1 to {MOST_DAYS} are: Cloud Monitoring keeps points "
            f"as they were written for six weeks, and what came before the days counts too"
        )
    return number


def _until(written: str) -> float:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{quote(written)} is no time with its zone, such as 2026-01-31T12:00:00Z"
        )
    return at.timestamp()
