"""Reads the command line of ``datastream-exporter``, and runs the command."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from exporter import PROGRAM, __version__
from exporter.command.command_line import CommandLine, parse, require_command
from exporter.documents import durations
from exporter.process import Signals
from exporter.text import capitalized

_CONFIG_HELP = (
    "the config file (default: the text in DATASTREAM_EXPORTER_CONFIG, else"
    " config.yaml)"
)
# The options without a value, by command
_FLAGS = {
    "run": {
        "--dry-run": "print the streams, and write nothing",
        "--json": "print one JSON document, not a table",
    },
    "check": {
        "--json": "print one JSON document, not a line for each finding",
        "--offline": "check config alone, which needs no account",
        "--read-only": "write no point, and don't check the permission to write",
        "--strict": "exit with 1 if there is a warning",
    },
}


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
    line = CommandLine(environ, out, err, signals or Signals())
    try:
        with redirect_stdout(out), redirect_stderr(err):
            whole, commands = parser()
            require_command(whole, argv, commands)
            line.command = argv[0]
            if line.command not in commands:
                parse(whole, argv)  # an option such as --help, which ends here
            parse(commands[line.command], argv[1:], line)
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    # Google's clients take a moment to import; help and usage need none of them.
    from exporter.command.commands import dispatch

    return dispatch(line)


def parser() -> tuple[ArgumentParser, dict[str, ArgumentParser]]:
    """Return the parser of the whole command line, and that of each command."""
    whole = ArgumentParser(
        prog=PROGRAM,
        description="Writes every Datastream stream's state to Cloud Monitoring.",
        epilog=f"Start with init, then check. {PROGRAM} COMMAND --help says more.",
        allow_abbrev=False,
    )
    whole.add_argument(
        "--version", "-V", action="version", version=f"%(prog)s {__version__}"
    )
    commands = whole.add_subparsers(metavar="COMMAND")

    def add(name: str, example: str, what: str, more: str = "") -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=what,
            description=f"{capitalized(what)}. {more}",
            epilog=f"Example: {PROGRAM} {name} {example}",
            allow_abbrev=False,
        )
        command.add_argument(
            "--verbose",
            action="store_true",
            help="log each call: what it asked for, its result and how long it took",
        )
        if name != "init":
            command.add_argument("--config", metavar="FILE", help=_CONFIG_HELP)
        for flag, help_ in _FLAGS.get(name, {}).items():
            command.add_argument(flag, action="store_true", help=help_)
        return command

    init = add(
        "init",
        "--project my-project",
        "write a first config.yaml and main.tf, from the streams that projects have",
        "Overwrites no file.",
    )
    init.add_argument(
        "--project",
        action="append",
        help="a project with streams; can be repeated (default: gcloud's)",
    )
    init.add_argument(
        "--metrics-project", help="where metrics and alerts go (default: the first)"
    )
    init.add_argument("--folder", type=Path, help="where to write (default: here)")

    add("run", "--dry-run", "read every stream's state and write it, once")
    watch = add("watch", "--interval 1m", "run at a steady interval, in one process")
    watch.add_argument(
        "--interval",
        type=_interval,
        metavar="DURATION",
        help="time from one run to the next, from 10s to 5m (default: 10s); a slower"
        " run is cut short",
    )
    check = add(
        "check",
        "--config config.yaml --strict",
        "check that everything a run needs is in place",
        "It reads all that a run reads, and writes one point to a series of its own.",
    )
    check.add_argument(
        "--accept",
        action="append",
        metavar="TEXT",
        help="accept a warning that contains this text; can be repeated",
    )
    return whole, commands.choices


def _interval(text: str) -> timedelta:
    """Return a duration of at least 10s.

    Cloud Monitoring takes a series' points if they are at least 5s apart.
    """
    try:
        return durations.limit(text, "10s", "5m")
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
