"""Work for worker processes, which import nothing else of the tests."""

import os
import signal
import subprocess
import tempfile

ITEMS = [bytes([number]) * 300_000 for number in range(40)]
"""Each is more than a pipe holds."""


def work(item: bytes) -> bytes:
    """Return more than a pipe holds."""
    return item * 10


def refuse(item: bytes) -> bytes:
    """Work, but raise an error for one of the items."""
    if item == ITEMS[3]:
        raise ValueError("this one is not for me")
    return work(item)


def die(item: bytes) -> bytes:
    """Work, but end without an answer, and leave a program behind."""
    if item == ITEMS[3]:
        with tempfile.NamedTemporaryFile() as file:
            subprocess.Popen(["tail", "-f", file.name], stdout=subprocess.DEVNULL)
            os.kill(os.getpid(), signal.SIGKILL)
    return work(item)
