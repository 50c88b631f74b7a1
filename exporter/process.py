"""Starts and ends a command's process: exit codes, signals, and errors as sentences."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from logging import DEBUG, INFO, Formatter
from threading import Event, Thread
from types import FrameType
from typing import Any, NoReturn, Self, TextIO

from exporter.logger import LOGGER, JsonLines, logging_to

OK = 0
INCOMPLETE = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start(program: str, module: str) -> NoReturn:
    """Call ``main`` of a module with this process's command line; exit with its code.

    ``main`` gets the arguments, the environment, stdout and stderr.
    """
    # A stream that the caller closed is None.
    nowhere = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process ends
    sys.stdout = sys.stdout or nowhere
    sys.stderr = sys.stderr or nowhere
    if isinstance(sys.stdout, TextIOWrapper):
        # A letter that its encoding lacks must not end a command.
        sys.stdout.reconfigure(errors="backslashreplace")
    # Imported now, because it imports Pydantic, which takes a moment.
    from exporter.google import environment

    environment.let_grpc_see_proxies(os.environ)
    code = INCOMPLETE
    try:
        code = import_module(module).main(
            sys.argv[1:], os.environ, sys.stdout, sys.stderr
        )
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # The reader has seen enough, which changes no exit code.
    except OSError as error:
        code = INCOMPLETE
        sys.stderr.write(f"{program} did not finish: {error}.\n")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python would fail on what is left again when it ends.
            os.dup2(nowhere.fileno(), stream.fileno())
    sys.exit(code)


class Signals:
    """Sets ``stop`` at the first SIGINT or SIGTERM; the second ends the process.

    Work that must be finished runs in its ``with`` block, which may contain another
    one. Outside, the first signal ends the process.
    """

    def __init__(self) -> None:
        self._before: list[Any] = []  # the handlers outside each block
        self.stop = Event()
        self.exit_code: int | None = None  # 130 after SIGINT, 143 after SIGTERM

    def __enter__(self) -> Self:
        self._before += [signal.signal(each, self._handle) for each in _SIGNALS]
        return self

    def __exit__(self, *_raised: object) -> None:
        for number in reversed(_SIGNALS):
            signal.signal(number, self._before.pop())

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code is not None:
            os._exit(self.exit_code)
        self.exit_code = 128 + number
        LOGGER.warning(
            "%s: finishing the work under way; repeat the signal to stop at once.",
            signal.Signals(number).name,
        )
        try:
            # In this thread, it could wait for ever for a lock that this thread holds.
            Thread(target=self.stop.set).start()
        except RuntimeError:
            # No thread can be started, so nobody would hear of it.
            os._exit(self.exit_code)


@dataclass
class End:
    """How a command, or an answer to a request, ended."""

    code: int = OK


@contextmanager
def ending(
    log: TextIO, formatter: Formatter, *, verbose: bool = False
) -> Iterator[End]:
    """Log to ``log`` until it ended; log its errors too, and set the exit code.

    If ``verbose``, each call has a line.
    """
    # Help and usage need none of these, which take a moment to import.
    from exporter.documents.mistakes import InputError
    from exporter.google.errors import CallError

    end = End()
    level = DEBUG if verbose else INFO
    with logging_to(log, formatter, level):
        try:
            yield end
        except (InputError, CallError) as error:
            for sentence in str(error).splitlines():
                LOGGER.error("%s", sentence)
            end.code = USAGE if isinstance(error, InputError) else INCOMPLETE
        except Exception:
            if not isinstance(formatter, JsonLines):
                raise
            # One log entry with the traceback, not one for each line of it.
            LOGGER.exception("The program failed unexpectedly:")
            end.code = INCOMPLETE
