"""The command line of ``datastream-exporter``."""

from __future__ import annotations

import argparse
import gc
import re
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO

import exporter
from exporter.cli import process
from exporter.cli.arguments import ArgumentParser
from exporter.cli.signals import Signals
from exporter.inputs import durations
from exporter.text import capitalized, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROGRAM = "datastream-exporter"

_ACCOUNT = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/]+|[0-9]+")
_PROJECT = re.compile(r"[a-z0-9.:-]+")


def main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run one command line; return the exit code.

    Args:
        argv: The arguments after the program's name.
        environ: The environment.
        out: Gets data; on Cloud Run the log.
        err: Gets messages.
    """
    return process.unless_full(PROGRAM, lambda: _main(argv, environ, out, err), out, err)


def _main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    try:
        with redirect_stdout(out), redirect_stderr(err):
            whole = parser()
            args = whole.parse_args(argv)
            if args.command is None:
                whole.error("COMMAND is missing: run, watch or check")
            if args.command == "run" and args.json and not args.dry_run:
                whole.error("--json goes with --dry-run only: a run that writes prints no JSON")
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    with Signals() as signals:

        def work() -> int:
            # Google's clients take a moment to import: help and usage need none of them, and a
            # signal in that moment ends the process as any other does.
            # Nothing of what an import makes is garbage; to look for it is a noticeable part of
            # a short run.
            gc.disable()
            from exporter.cli.commands import dispatch

            gc.freeze()
            gc.enable()
            return dispatch(args, environ, out, err, signals)

        code = signals.run_in_thread(work)
    return code if signals.exit_code is None else signals.exit_code


def parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    whole = ArgumentParser(
        prog=PROGRAM,
        description="Writes every Datastream stream's state to Cloud Monitoring.",
        epilog="Start with check: it says what your config.yaml and your access lack. "
        f"{PROGRAM} COMMAND --help describes a command.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {exporter.__version__}")
    some = whole.add_subparsers(metavar="COMMAND", dest="command")

    run = _command(some, "run", "read every stream's state and write it, once")
    run.add_argument(
        "--dry-run", action="store_true", help="print what would be written, and write nothing"
    )
    run.add_argument("--json", action="store_true", help="print it as JSON (with --dry-run)")
    run.add_argument(
        "--collect",
        choices=["objects"],
        help="collect the streams' objects and nothing else, for a slower schedule of its own",
    )

    watch = _command(some, "watch", "run at a steady interval, in one process")
    _add_interval(
        watch,
        "--interval",
        timedelta(seconds=10),
        "time from one run to the next, from 10s to 24h (default: 10s); a slower run is cut short",
    )
    _add_interval(
        watch,
        "--objects-interval",
        timedelta(minutes=15),
        "time from one collection of objects to the next, if collect.objects is on (default: 15m)",
    )

    _command(some, "check", "check that everything a run needs is in place")
    return whole


def _command(some: Any, name: str, text: str) -> ArgumentParser:
    parser: ArgumentParser = some.add_parser(
        name, help=text, description=f"{capitalized(text)}.", allow_abbrev=False
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the config file (default: the text in DATASTREAM_EXPORTER_CONFIG, else config.yaml)",
    )
    parser.add_argument(
        "--impersonate-service-account",
        type=_matching(_ACCOUNT, "a service account", "its email address"),
        metavar="ACCOUNT",
        help="act as this service account",
    )
    parser.add_argument(
        "--quota-project",
        type=_matching(_PROJECT, "a project", "its id, such as my-project"),
        metavar="PROJECT",
        help="the project whose quota and billing the calls count against",
    )
    return parser


def _add_interval(parser: ArgumentParser, flag: str, default: timedelta, text: str) -> None:
    parser.add_argument(flag, type=_interval, default=default, metavar="DURATION", help=text)


def _interval(text: str) -> timedelta:
    try:
        # Cloud Monitoring takes a point of a series every five seconds; ten are always safe.
        return durations.limit(durations.parse(text), "10s", "24h")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _matching(form: re.Pattern[str], what: str, write: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{quote(text)} is not {what}; write {write}")
        return text

    return check
