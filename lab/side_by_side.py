"""Runs a function for many items in the worker processes of a standard pool.

Before Python 3.11.5, a pool hangs if a worker is killed while a message larger than a
pipe is on its way (https://github.com/python/cpython/issues/94777). So items and
results are files.
"""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class WorkerEndedError(Exception):
    """A worker process was killed from outside; ``str()`` is the sentence to show."""


def side_by_side(
    work: Callable[[A], B],
    items: Sequence[A],
    stop: Event,
    workers: int = os.cpu_count() or 1,
) -> Iterator[B]:
    """Yield each item's result in order; end after the next once ``stop`` is set.

    Workers end with all that they started. ``work`` is a function of a module, so that
    they can import it; its errors are raised here. One that is killed from outside is a
    WorkerEndedError.
    """
    workers = min(workers, len(items))
    if workers <= 1 or stop.is_set():
        yield from _one_by_one(work, items, stop)
        return
    with TemporaryDirectory(prefix="policies-", ignore_cleanup_errors=True) as folder:
        Path(folder, "task").write_bytes(pickle.dumps((work, items)))
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, spawn, _prepare, (folder,))
        # Workers inherit the mask, so that only this process answers Ctrl-C.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        running = [pool.submit(_run, folder, number) for number in range(len(items))]
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        started: list[Any] = multiprocessing.active_children()
        try:
            for number, each in enumerate(running):
                each.result()
                result = Path(folder, str(number)).read_bytes()
                yield pickle.loads(result)  # noqa: S301 - our own
                if stop.is_set():
                    break
        except BrokenProcessPool:
            # Whoever ends all processes of a service may come to this one last.
            if not stop.wait(1):
                raise WorkerEndedError(
                    "a worker process was killed from outside; is there too little"
                    " memory? Run one scenario at a time: it needs no worker process"
                ) from None
        finally:
            for worker in started:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(worker.pid, signal.SIGKILL)
            pool.shutdown()


def _one_by_one(work: Callable[[A], B], items: Sequence[A], stop: Event) -> Iterator[B]:
    for item in items:
        if stop.is_set():
            return
        yield work(item)


def _prepare(folder: str) -> None:
    """Give a worker a process group, which ends when the main process does."""
    os.setpgrp()
    os.environ["TMPDIR"] = folder
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent: Any = multiprocessing.parent_process()
    parent.join()
    os.killpg(0, signal.SIGKILL)


def _run(folder: str, number: int) -> None:
    task = Path(folder, "task").read_bytes()
    work, items = pickle.loads(task)  # noqa: S301 - our own
    result = work(items[number])
    Path(folder, str(number)).write_bytes(pickle.dumps(result))
