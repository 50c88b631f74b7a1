"""Reads the command line, handles signals, and turns errors into sentences and exit codes."""

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from threading import Event
from types import FrameType
from typing import Any, NoReturn, Self, TextIO, TypeAlias

import exporter
from exporter import durations
from exporter.documents import InputError, hint, nearest
from exporter.logs import LOGGER, logging_to
from exporter.text import capitalized, printable, quote

PROGRAM = "datastream-exporter"

OK = 0
INCOMPLETE = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

EXIT_CODES = {
    OK: "All that was due was written. An unreadable location is written too, as `location/up` 0.",
    INCOMPLETE: "Points were lost, the run was cut short, or there are no credentials. For "
    "`check`: a check failed.",
    USAGE: "A mistake in config.yaml, in the environment or on the command line.",
    INTERRUPTED: "Interrupted by SIGINT (Ctrl-C), after the write under way.",
    TERMINATED: "Ended by SIGTERM, after the write under way.",
}

Main: TypeAlias = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]
"""Takes the arguments, the environment, stdout and stderr; returns the exit code."""

_ACCOUNT = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/]+|[0-9]+")
_PROJECT = re.compile(r"[a-z0-9.:-]+")
_WAKE_SECONDS = 0.1


def start(program: str, main: Main) -> NoReturn:
    """Run the command line of this process and exit with its code."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - a closed stdout
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - the same
    # A terminal that cannot show a letter gets its number, not a traceback.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main(sys.argv[1:], os.environ, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        code = INCOMPLETE
        # After a broken pipe there is nothing to say: the reader has seen enough.
        if not isinstance(error, BrokenPipeError):
            print(f"{program} did not finish: {error.strerror or error}.", file=sys.stderr)
        # What is not written yet can't be: Python would fail on it again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run one command line of ``datastream-exporter``; return the exit code.

    Args:
        argv: The arguments after the program's name.
        environ: The environment.
        out: Gets data; on Cloud Run the log.
        err: Gets messages.
    """
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
            # Google's clients take a moment to import; help and usage need none of them.
            from exporter.commands import dispatch

            return dispatch(args, environ, out, err, signals.stop)

        return signals.run(work)


def parser() -> "ArgumentParser":
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
    watch = _command(some, "watch", "run at a steady interval, in one process")
    watch.add_argument(
        "--interval",
        type=_interval,
        default=timedelta(seconds=10),
        metavar="DURATION",
        help="time from one run to the next, from 10s to 24h (default: 10s); a slower run is cut "
        "short",
    )
    _command(some, "check", "check that everything a run needs is in place")
    return whole


def _command(some: Any, name: str, text: str) -> "ArgumentParser":
    command: ArgumentParser = some.add_parser(
        name, help=text, description=f"{capitalized(text)}.", allow_abbrev=False
    )
    command.add_argument(
        "--config",
        metavar="FILE",
        help="the config file (default: the text in DATASTREAM_EXPORTER_CONFIG, else config.yaml)",
    )
    command.add_argument(
        "--impersonate-service-account",
        type=_matching(_ACCOUNT, "a service account", "its email address"),
        metavar="ACCOUNT",
        help="act as this service account",
    )
    command.add_argument(
        "--quota-project",
        type=_matching(_PROJECT, "a project", "its id, such as my-project"),
        metavar="PROJECT",
        help="the project whose quota and billing the calls count against",
    )
    return command


def _interval(text: str) -> timedelta:
    try:
        # Cloud Monitoring takes a point of a series every five seconds; ten are always safe.
        return durations.limit(durations.parse(text), "10s", "24h")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _matching(pattern: re.Pattern[str], what: str, form: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{quote(text)} is not {what}; write {form}")
        return text

    return check


class ArgumentParser(argparse.ArgumentParser):
    """Parses arguments; a mistake is one printable sentence, with what may have been meant."""

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse all arguments; those that are not known are an error of this command.

        argparse itself would show the usage of the program, not of the command that was named.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            guess = nearest(unknown[0].partition("=")[0], self._option_string_actions)
            meant = f"; did you mean {guess}?" if guess else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with one printable sentence: shells pass on any character."""
        if message.startswith("the following arguments are required"):
            message += f"; {self.prog} --help describes them"
        super().error(printable(message))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse calls this for every argument; newer versions suggest words too, in other ways.
        if action.choices is not None and value not in action.choices:
            what = "allowed" if action.option_strings else "a command"
            text = f"{quote(value)} is not {what}; {hint(str(value), action.choices)}"
            raise argparse.ArgumentError(action, text)


class Signals:
    """Sets an event at the first SIGINT or SIGTERM; a second one ends the process at once.

    Attributes:
        stop: The event.
    """

    def __init__(self) -> None:
        self.stop = Event()
        self._exit_code: int | None = None

    def __enter__(self) -> Self:
        """Install the handlers; only the main thread can."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *_raised: object) -> None:
        """Put the former handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, work: Callable[[], int]) -> int:
        """Return the exit code of work, or the signal's; raise what the work raises.

        Python handles signals in the main thread, and one that comes just before that thread waits
        for a lock waits with it. So the work has a thread of its own.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="command") as pool:
            working = pool.submit(work)
            while not working.done():
                wait([working], timeout=_WAKE_SECONDS)
            code = working.result()
        return code if self._exit_code is None else self._exit_code

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        # The terminal has put ^C at the end of the line; one that is drawn on lacks its cursor.
        with suppress(OSError):
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), b"\n" if self._exit_code is None else b"\x1b[?25h\n")
        if self._exit_code is not None:
            os._exit(self._exit_code)
        self._exit_code = 128 + number
        name = signal.Signals(number).name
        LOGGER.warning("%s: finishing the work under way; repeat the signal to stop at once.", name)
        self.stop.set()


def finish(command: Callable[[], int], log: TextIO, formatter: logging.Formatter) -> int:
    """Run a command and return the exit code; what goes wrong is logged, not raised.

    Args:
        command: Does the work and returns its exit code.
        log: Where the log goes.
        formatter: How the log looks.
    """
    # Help and usage need none of Google's clients.
    from exporter.google.errors import CallError

    with logging_to(log, formatter):
        try:
            return command()
        except InputError as mistakes:
            for sentence in str(mistakes).splitlines():
                LOGGER.error("%s", sentence)
            return USAGE
        except CallError as refused:
            LOGGER.error("%s", refused)
            return INCOMPLETE
