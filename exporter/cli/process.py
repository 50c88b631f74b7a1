"""What a command line has in common with every other: errors, a full disk, exit codes."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, TextIO

from exporter.cli.exit_codes import INCOMPLETE, USAGE
from exporter.cli.start import discard_unwritten
from exporter.inputs.input_errors import InputError
from exporter.log.lines import LOGGER, logging_to

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def unless_full(program: str, work: Callable[[], int], out: TextIO, err: TextIO) -> int:
    """Run a command line and return the exit code; a full disk is one sentence.

    Args:
        program: The program's name.
        work: Runs the command line.
        out: Where its data goes.
        err: Where the sentence goes.
    """
    try:
        code = work()
        out.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and error.errno not in _NO_SPACE:
            raise
        # After a broken pipe there is nothing to say: the reader has seen enough.
        if error.errno in _NO_SPACE:
            import tempfile

            print(
                f"{program} did not finish: {error.strerror}. Free space where the output goes "
                f"and in {tempfile.gettempdir()}, or set TMPDIR to another directory.",
                file=err,
            )
        discard_unwritten(out)
        return INCOMPLETE
    return code


def finish(command: Callable[[], int], log: TextIO, formatter: logging.Formatter) -> int:
    """Run a command and return the exit code; what goes wrong is logged, not raised.

    Args:
        command: Does the work and returns its exit code.
        log: Where the log goes.
        formatter: How the log looks.
    """
    # Help and usage need none of Google's clients.
    from exporter.gcp.errors import CallError

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
