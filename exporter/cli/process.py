"""What a command line has in common with every other: streams, signals, errors, exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, USAGE
from exporter.inputs.input_errors import InputError
from exporter.log.lines import LOGGER, logging_to

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    Main = Callable[[Sequence[str], Mapping[str, str], TextIO, TextIO], int]

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def enter(main: Main) -> None:
    """Run the command line of this process and exit with its code.

    Args:
        main: Takes the arguments, the environment, stdout and stderr; returns the exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter gets its number, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr))


def unless_full(program: str, work: Callable[[], int], out: TextIO, err: TextIO) -> int:
    """Run a command line and return the exit code; a full disk is one sentence.

    Args:
        program: The program's name.
        work: Runs the command line.
        out: Where its data goes.
        err: Where the sentence goes.
    """
    try:
        return work()
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        import tempfile

        print(
            f"{program} did not finish: {error.strerror}. Free space where the output goes "
            f"and in {tempfile.gettempdir()}, or set TMPDIR to another directory.",
            file=err,
        )
        # What is still buffered goes nowhere, so that Python does not fail at its exit.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return INCOMPLETE


def finish(
    command: Callable[[], int], out: TextIO, log: TextIO, formatter: logging.Formatter
) -> int:
    """Run a command and return the exit code; what goes wrong is logged, not raised.

    Args:
        command: Does the work and returns its exit code.
        out: Where its data goes.
        log: Where the log goes.
        formatter: How the log looks.
    """
    # Help and usage need none of Google's clients.
    from exporter.gcp.errors import CallError

    with logging_to(log, formatter):
        try:
            code = command()
            out.flush()
        except InputError as mistakes:
            for sentence in str(mistakes).splitlines():
                LOGGER.error("%s", sentence)
            return USAGE
        except CallError as refused:
            LOGGER.error("%s", refused)
            return INCOMPLETE
        except BrokenPipeError:
            # The reader has seen enough. What is still buffered goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            return INCOMPLETE
        return code
