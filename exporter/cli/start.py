"""The first lines of a program, before anything else is imported.

Ctrl-C while Python imports the rest ends the process without a traceback; before these lines,
Python itself answers it. A standard stream that the caller closed becomes the null device, before
a file or a socket takes its number. This module imports only what Python has imported already.
"""

from __future__ import annotations

import io
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import NoReturn, TextIO

    Main = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]

_STDOUT, _STDERR = 1, 2


def start(program: str, module: str) -> NoReturn:
    """Run the command line of this process and exit with its code.

    Args:
        program: The program's name.
        module: Where its ``main`` is, which takes the arguments, the environment, stdout and
            stderr, and returns the exit code.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        try:
            os.write(_STDERR, f"{program}: interrupted\n".encode())
        finally:
            os._exit(128 + number)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    from importlib import import_module

    out, err = _standard_streams()
    main: Main = import_module(module).main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main(sys.argv[1:], os.environ, out, err)
    except KeyboardInterrupt:
        end(signal.SIGINT, None)
    signal.signal(signal.SIGINT, end)
    for stream in (out, err):
        discard_unwritten(stream)
    sys.exit(code)


def discard_unwritten(stream: TextIO) -> None:
    """Discard what a stream cannot write, so that Python does not fail when it ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _standard_streams() -> tuple[TextIO, TextIO]:
    """Return stdout and stderr; those that are closed lead nowhere."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(number, True)  # noqa: FBT003 - it takes no keywords
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter gets its number, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    return sys.stdout, sys.stderr
