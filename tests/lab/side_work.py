"""Work for worker processes that are killed in the middle of anything."""

import multiprocessing
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from lab.side_by_side import WorkerEndedError, side_by_side

ITEMS = [bytes([number]) * 300_000 for number in range(40)]
"""Each is more than a pipe holds."""


def work(item: bytes) -> bytes:
    """Start a program, write a file, and return more than a pipe holds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(item)
        with subprocess.Popen(
            ["tail", "-f", str(file)], stdout=subprocess.DEVNULL
        ) as program:
            time.sleep(0.005)
            program.terminate()
    return item * 10


def refuse(item: bytes) -> bytes:
    """Work, but raise an error for one of the items."""
    if item == ITEMS[3]:
        raise ValueError("this one is not for me")
    return work(item)


def kill_workers(seed: int) -> None:
    """Kill one of three workers at different moments, and print the errors."""
    drawn = random.Random(seed)  # noqa: S311 - moments, no secrets
    for _ in range(3):
        done = side_by_side(work, ITEMS, threading.Event(), 3)
        next(done)
        victim = drawn.choice(multiprocessing.active_children())
        killing = threading.Timer(drawn.uniform(0, 0.05), victim.kill)
        killing.start()
        try:
            for _ in done:
                pass
        except WorkerEndedError as error:
            killing.join()
            sys.stdout.write(f"{error}\n")
