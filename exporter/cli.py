"""Reads the command line, handles signals, and turns errors into sentences and exit codes."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from io import TextIOWrapper
from threading import Event
from types import FrameType
from typing import Any, NoReturn, Self, TextIO, TypeAlias

from exporter import PROGRAM, __version__, durations
from exporter.google import proxy
from exporter.logs import LOGGER, JsonLines, logging_to
from exporter.mistakes import InputError
from exporter.text import capitalized

OK = 0
INCOMPLETE = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

# See `main`
Main: TypeAlias = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]


def start(program: str, main: Main) -> NoReturn:
    """Run the command line of this process and exit with its code."""
    # A stream that the caller closed is None.
    nowhere = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process ends
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that cannot show a letter gets its number, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    proxy.copy_to_lower_case(os.environ)
    try:
        code = main(sys.argv[1:], os.environ, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        code = INCOMPLETE
        # After a broken pipe there is nothing to say: the reader has seen enough.
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"{program} did not finish: {error.strerror or error}.\n")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python would fail on what is left again when it ends.
            os.dup2(nowhere.fileno(), stream.fileno())
    sys.exit(code)


def main(
    argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO
) -> int:
    """Run one command line; return its exit code. ``out`` gets data, and on Cloud Run the log."""
    try:
        with redirect_stdout(out), redirect_stderr(err):
            whole = parser()
            args = whole.parse_args(argv)
            if args.command is None:
                whole.error("COMMAND is missing: init, run, watch or check")
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    # Google's clients take a moment to import; help and usage need none of them.
    from exporter.commands import dispatch

    with Signals() as signals:
        code = dispatch(args, environ, out, err, signals.stop)
    return code if signals.exit_code is None else signals.exit_code


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
    some = whole.add_subparsers(metavar="COMMAND", dest="command")
    init = _command(
        some,
        "init",
        "write a first config.yaml and main.tf, from the streams that projects have",
        "Overwrites no file.",
        config=False,
    )
    init.add_argument(
        "--project",
        action="append",
        metavar="PROJECT",
        help=(
            "a project with streams; the first gets metrics and alerts (default:"
            " gcloud's)"
        ),
    )
    init.add_argument(
        "--folder",
        default=".",
        metavar="FOLDER",
        help="where to write (default: this folder)",
    )
    run = _command(some, "run", "read every stream's state and write it, once")
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be written, and write nothing",
    )
    watch = _command(some, "watch", "run at a steady interval, in one process")
    watch.add_argument(
        "--interval",
        type=_interval,
        default=timedelta(seconds=10),
        metavar="DURATION",
        help=(
            "time from one run to the next, from 10s to 24h (default: 10s); a slower"
            " run is cut short"
        ),
    )
    check = _command(
        some,
        "check",
        "check that everything a run needs is in place",
        "It reads all that a run reads, and writes one point to a series of its own.",
    )
    check.add_argument(
        "--read-only",
        action="store_true",
        help="leave the point out, and who may write unchecked",
    )
    check.add_argument(
        "--strict", action="store_true", help="exit with 1 for warnings, not 0"
    )
    return whole


def _command(
    some: Any, name: str, text: str, more: str = "", *, config: bool = True
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = some.add_parser(
        name, help=text, description=f"{capitalized(text)}. {more}", allow_abbrev=False
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
        metavar="ACCOUNT",
        help="act as this service account",
    )
    return command


def _interval(text: str) -> timedelta:
    try:
        # Cloud Monitoring takes a point of a series every five seconds; ten are always
        # safe.
        return durations.limit(text, "10s", "24h")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class Signals:
    """Sets ``stop`` at the first SIGINT or SIGTERM; a second one ends the process at once."""

    def __init__(self) -> None:
        self.stop = Event()
        self.exit_code: int | None = None  # 130 after SIGINT, 143 after SIGTERM

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {
            number: signal.signal(number, self._handle) for number in numbers
        }
        return self

    def __exit__(self, *_raised: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code is not None:
            # A terminal that is drawn on has no cursor.
            with suppress(OSError):
                os.write(2, b"\x1b[?25h\n" if os.isatty(2) else b"")
            os._exit(self.exit_code)
        self.exit_code = 128 + number
        name = signal.Signals(number).name
        LOGGER.warning(
            "%s: finishing the work under way; repeat the signal to stop at once.", name
        )
        self.stop.set()


def finish(
    command: Callable[[], int], log: TextIO, formatter: logging.Formatter
) -> int:
    """Run a command and return the exit code; what goes wrong is logged, not raised."""
    # Help and usage need none of Google's clients.
    from exporter.google.errors import CallError

    with logging_to(log, formatter):
        try:
            return command()
        except (InputError, CallError) as error:
            for sentence in str(error).splitlines():
                LOGGER.error("%s", sentence)
            return USAGE if isinstance(error, InputError) else INCOMPLETE
        except Exception:
            if not isinstance(formatter, JsonLines):
                raise
            # One log entry with the traceback, not one for each line of it.
            LOGGER.exception("The program failed unexpectedly:")
            return INCOMPLETE
