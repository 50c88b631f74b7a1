"""Work for worker processes that can be interrupted in the middle of anything."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from lab.side_by_side import side_by_side

ITEMS = [bytes([number]) * 300_000 for number in range(40)]
"""Each is more than a pipe or a socket holds."""


def work(item: bytes) -> bytes:
    """Start a program, write a file, and return more than a pipe or a socket holds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(item)
        with subprocess.Popen(["tail", "-f", str(file)], stdout=subprocess.DEVNULL) as program:
            time.sleep(0.005)
            program.terminate()
    return item * 10


def refuse(item: bytes) -> bytes:
    """Work, but raise an error for one of the items."""
    if item == ITEMS[3]:
        raise ValueError("this one is not for me")
    return work(item)


class PickyError(Exception):
    """An error that can be pickled but not unpickled."""

    def __init__(self, first: str, second: str) -> None:
        """Take two arguments but pass one on, which breaks unpickling."""
        super().__init__(first + second)


def be_picky(item: bytes) -> bytes:
    """Raise an error that can't be unpickled."""
    raise PickyError("this is ", f"number {item[0]}")


def wait_long(item: bytes) -> bytes:
    """Leave a file with the process id, and wait longer than any test."""
    Path(os.environ["TMPDIR"], f"{os.getpid()}.begun").touch()
    time.sleep(600)
    return item


def interrupt(seed: int, times: int) -> None:
    """Interrupt the work at different moments; print the longest time to end, in seconds."""
    # More processes than the machine has processors: this is the load.
    os.cpu_count = lambda: 3
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    sys.stdout.write(f"{max(_interrupt(chance) for _ in range(times))}\n")


def _interrupt(chance: random.Random) -> float:
    """Interrupt the work at some moment; return the seconds until it has ended."""
    stop = threading.Event()
    # Some time after it began, or after some of it was done.
    after = chance.choice([0, 0, 1, 2, 3, 10])
    moments: list[float] = []

    def end() -> None:
        moments.append(time.monotonic())
        stop.set()

    stopping = threading.Timer(chance.uniform(0, 0.02 if after else 0.3), end)
    if not after:
        stopping.start()
    for number, made in enumerate(side_by_side(work, ITEMS, stop), 1):
        assert made == ITEMS[number - 1] * 10
        if number == after:
            stopping.start()
    over = time.monotonic()
    assert stop.is_set(), "it was over before it was interrupted"
    left = list(Path(tempfile.gettempdir()).iterdir())
    assert left == [], left
    stopping.join()
    return over - moments[0]
