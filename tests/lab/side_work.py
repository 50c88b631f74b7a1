"""Work for worker processes, which import nothing else of the tests."""

import os
import signal
import subprocess
import tempfile
from typing import Any

ITEMS = [bytes([number]) * 300_000 for number in range(40)]
"""Each is more than a pipe holds."""


def work(item: bytes) -> bytes:
    """Start a program, write a file, and return more than a pipe holds."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(item)
        with subprocess.Popen(
            ["tail", "-f", file.name], stdout=subprocess.DEVNULL
        ) as program:
            program.terminate()
    return item * 10


def refuse(item: bytes) -> bytes:
    """Work, but raise an error for one of the items."""
    if item == ITEMS[3]:
        raise ValueError("this one is not for me")
    return work(item)


class Killed:
    """Ends its process when it is pickled, after a part of the answer was written."""

    def __reduce__(self) -> Any:
        """End."""
        os.kill(os.getpid(), signal.SIGKILL)


def die_at_work(item: bytes) -> bytes:
    """Work, but end without an answer, and leave a program behind."""
    if item == ITEMS[3]:
        with tempfile.NamedTemporaryFile() as file:
            subprocess.Popen(["tail", "-f", file.name], stdout=subprocess.DEVNULL)
            os.kill(os.getpid(), signal.SIGKILL)
    return work(item)


def die_in_the_answer(item: bytes) -> Any:
    """Work, but end in the middle of the answer."""
    return [work(item), Killed()] if item == ITEMS[3] else work(item)
