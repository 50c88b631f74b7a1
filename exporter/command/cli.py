"""Reads the command line of ``datastream-exporter``, and runs the command."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import Any, TextIO

from exporter import PROGRAM, __version__
from exporter.documents import durations
from exporter.process import Signals
from exporter.text import capitalized


def main(
    argv: Sequence[str],
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    signals: Signals | None = None,
) -> int:
    """Run one command line; return its exit code.

    ``out`` gets data, and on Cloud Run the log. A caller that handles signals itself
    gives its ``signals``.
    """
    try:
        with redirect_stdout(out), redirect_stderr(err):
            args = parser().parse_args(argv)
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    # Google's clients take a moment to import; help and usage need none of them.
    from exporter.command.commands import dispatch

    return dispatch(args, environ, out, err, signals or Signals())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Writes every Datastream stream's state to Cloud Monitoring.",
        epilog=(
            f"Start with init, then check. {PROGRAM} COMMAND --help describes a"
            " command."
        ),
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", dest="command", required=True)
    _add_init(commands)
    _add_run(commands)
    _add_watch(commands)
    _add_check(commands)
    return whole


def _add_init(commands: Any) -> None:
    what = "write a first config.yaml and main.tf, from the streams that projects have"
    init = _add_command(commands, "init", what, "Overwrites no file.", config=False)
    init.add_argument(
        "--project",
        action="append",
        help=(
            "a project with streams; the first gets metrics and alerts (default:"
            " gcloud's)"
        ),
    )
    init.add_argument(
        "--folder",
        default=".",
        help="where to write (default: this folder)",
    )


def _add_run(commands: Any) -> None:
    what = "read every stream's state and write it, once"
    run = _add_command(commands, "run", what)
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="print the fleet, and write nothing",
    )


def _add_watch(commands: Any) -> None:
    what = "run at a steady interval, in one process"
    watch = _add_command(commands, "watch", what)
    watch.add_argument(
        "--interval",
        type=_interval,
        default="10s",
        metavar="DURATION",
        help=(
            "time from one run to the next, from 10s to 24h (default: 10s); a slower"
            " run is cut short"
        ),
    )


def _add_check(commands: Any) -> None:
    what = "check that everything a run needs is in place"
    more = "It reads all that a run reads, and writes one point to a series of its own."
    check = _add_command(commands, "check", what, more)
    check.add_argument(
        "--offline",
        action="store_true",
        help="check config alone, which needs no account",
    )
    check.add_argument(
        "--read-only",
        action="store_true",
        help="write no point, and leave the permission to write unchecked",
    )
    check.add_argument(
        "--strict", action="store_true", help="exit with 1 for warnings, not 0"
    )


def _add_command(
    commands: Any, name: str, what: str, more: str = "", *, config: bool = True
) -> argparse.ArgumentParser:
    """Add a command; ``config`` says whether it reads a config file."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{capitalized(what)}. {more}", allow_abbrev=False
    )
    if config:
        command.add_argument(
            "--config",
            metavar="FILE",
            help=(
                "the config file (default: the text in DATASTREAM_EXPORTER_CONFIG, else"
                " config.yaml)"
            ),
        )
    command.add_argument(
        "--impersonate-service-account",
        type=account,
        metavar="ACCOUNT",
        help="act as this service account",
    )
    return command


def _interval(text: str) -> timedelta:
    """Return a duration of at least 10s.

    Cloud Monitoring takes a series' points if they are at least 5s apart.
    """
    try:
        return durations.limit(text, "10s", "24h")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def account(text: str) -> str:
    """Return the text, which an unset shell variable leaves empty."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; write a service account's email")
    return text
