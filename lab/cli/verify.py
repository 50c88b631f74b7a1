"""``datastream-lab verify``: proves an installation on its own project."""

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING

from exporter.config import Endpoints
from exporter.config.fields import project_id
from exporter.documents.mistakes import InputError
from exporter.google.clients import (
    DATASTREAM_EMULATOR,
    MONITORING_EMULATOR,
    open_clients,
)
from exporter.google.errors import CallError, FailureKind
from exporter.logger import LOGGER
from exporter.names import GLOBAL, LocationName, StreamName
from exporter.process import INCOMPLETE, OK
from exporter.setup.findings import NOTICE, Finding, log_counts
from exporter.text import quote
from lab.cli.options import LabContext, add_options, selected_policies
from lab.verify.deployed import policies, snoozes
from lab.verify.drill import STREAM, drill
from lab.verify.incident import DrillError
from lab.verify.native import native
from lab.verify.pause import pause
from lab.verify.points import points
from lab.verify.queries import queries
from lab.verify.rest import Rest
from lab.verify.target import Target

HELP = (
    "Proves an installation on its own project: how the exporter runs, which policies"
    " are deployed and whom they would tell, what Google's engine answers to each"
    " query and whether Prometheus agrees, and how Google's own series join. Only"
    " --drill writes. Exit code 0: nothing failed; 1: something failed. Needs"
    " roles/monitoring.viewer on the metrics project, and roles/monitoring.metricWriter"
    " for the drill; --pause needs datastream.streams.list, datastream.streams.update"
    " and datastream.operations.get in the stream's project instead, which"
    " roles/datastream.admin has."
)
EXAMPLE = "--project my-project --drill"

# Failures whose own hint says what to do
_HELPED = {
    FailureKind.PERMISSION_DENIED,
    FailureKind.API_DISABLED,
    FailureKind.CREDENTIALS,
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``verify``."""
    parser.add_argument(
        "--project",
        type=_metrics_project,
        required=True,
        help="the metrics project that the exporter writes to",
    )
    parser.add_argument(
        "--drill",
        action="store_true",
        help="ask, let a made-up stream fail until its incident opens, and heal it",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--pause",
        type=_stream_name,
        metavar="projects/P/locations/L/streams/S",
        help=(
            "with --drill: pause this stream, one for tests, until its incident opens;"
            " then resume it"
        ),
    )
    which.add_argument(
        "--source",
        type=_metrics_project,
        help=(
            "with --drill: the project of the made-up stream (default: the metrics"
            " project)"
        ),
    )
    parser.add_argument(
        "--owner",
        default="",
        metavar="TEXT",
        help=(
            "with --drill: whose page it says it is, such as a mention (with --pause,"
            " config.yaml says that)"
        ),
    )
    parser.add_argument("--yes", action="store_true", help="drill without asking first")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 for warnings, not 0"
    )
    add_options(parser, "policies")


def _metrics_project(text: str) -> str:
    """Return a project's id; raise ArgumentTypeError if it can't be one."""
    try:
        return project_id(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _stream_name(text: str) -> StreamName:
    """Return the name of a stream that Datastream may have; else, say how to write it.

    Its location `global` holds none: there, a stream of that name is the made-up one.
    """
    name = StreamName.parse(text)
    if name is None or name.location == GLOBAL:
        raise ArgumentTypeError(
            f"{quote(text)} is not a stream's full name; write"
            " projects/PROJECT/locations/REGION/streams/STREAM"
        )
    return name


def run(context: LabContext) -> int:
    """Print what was verified; return the exit code."""
    args = context.args
    if (args.pause or args.source or args.owner) and not args.drill:
        raise InputError("--pause, --source and --owner are about a drill: add --drill")
    if args.drill and not (args.yes or os.isatty(0)):
        raise InputError("--drill asks before it pages: without a terminal, add --yes")
    counts: Counter[int] = Counter()
    for finding in _findings(context):
        counts[finding.level] += 1
        print(finding, file=context.out, flush=True)
    if context.stop.is_set():
        LOGGER.warning("Interrupted: not everything was verified.")
    log_counts(counts)
    if counts[NOTICE]:
        LOGGER.info("Only you can answer one of them: did the page arrive?")
    bad = counts[ERROR]
    if args.strict:
        bad += counts[WARNING]
    return INCOMPLETE if bad else OK


def _findings(context: LabContext) -> Iterator[Finding]:
    """Yield every part's findings; one that is refused keeps no other."""
    args = context.args
    made_up = LocationName(args.source or args.project, GLOBAL).stream(STREAM)
    stream = args.pause or made_up
    files = selected_policies(args)
    hint = f"Check that {args.project} is the metrics project, or try again later."
    environ = {**context.environ}
    if host := environ.get(MONITORING_EMULATOR):
        # Only a pause calls Datastream: the rest needs no credentials for it.
        environ.setdefault(DATASTREAM_EMULATOR, host)
    with open_clients(Endpoints(), environ) as clients:
        rest = Rest(clients, context.environ, context.stop)
        target = Target(
            args.project,
            files,
            clients,
            rest,
            context.stop,
            stream,
            args.yes,
            args.owner,
        )
        yield Finding(INFO, "credentials", clients.account)
        parts = [points, policies, snoozes, queries, native]
        if args.pause:
            parts.append(pause)
        elif args.drill:
            parts.append(drill)
        for part in parts:
            if context.stop.is_set():
                return
            try:
                for level, text in part(target):
                    yield Finding(level, part.__name__, text)
            except DrillError as error:
                yield Finding(ERROR, part.__name__, str(error))
            except CallError as error:
                failure = error.failure
                if failure.kind not in _HELPED:
                    # Not about config.yaml, which is not read
                    failure = failure._replace(hint=hint)
                yield Finding(ERROR, part.__name__, str(failure))
