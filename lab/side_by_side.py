"""Runs a function for many items in worker processes, which all end with this one.

A worker reads items from its standard input and writes results to its standard output.
Nothing else is shared: no lock and no queue that a killed process could hold. Each
worker leads a session of its own: Ctrl-C at a terminal doesn't reach it, and what it
starts can be killed with it.
"""

import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Event, Thread
from traceback import format_exc
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_NOTICE_SECONDS = 0.2  # from a signal until all ends, at most


class WorkerEndedError(Exception):
    """A worker process was killed from outside; ``str()`` is the sentence to show."""


def side_by_side(
    work: Callable[[A], B],
    items: Sequence[A],
    stop: Event,
    workers: int = os.cpu_count() or 1,
) -> Iterator[B]:
    """Yield each item's result in order, as soon as it is there, until ``stop``.

    ``work`` is a function of a module, so that workers can import it; its errors are
    raised here. A worker that is killed from outside is a WorkerEndedError. A single
    item needs no worker: it is finished here, even after ``stop``.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            if stop.is_set():
                return
            yield work(item)
        return
    idle: SimpleQueue[Any] = SimpleQueue()
    with (
        TemporaryDirectory(prefix="policies-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(workers) as pool,
        ExitStack() as running,
    ):
        for _ in range(workers):
            idle.put(running.enter_context(_worker(folder)))
        results = [pool.submit(_ask, idle, work, item) for item in items]
        running.callback(pool.shutdown, wait=False, cancel_futures=True)
        try:
            for result in results:
                while not (stop.is_set() or wait([result], _NOTICE_SECONDS).done):
                    pass
                if stop.is_set():
                    return
                yield result.result()
        except WorkerEndedError:
            # Whoever ends all processes of a service may come to this one last.
            if not stop.wait(1):
                raise


@contextmanager
def _worker(folder: str) -> Iterator[Any]:
    """Run a worker whose temporary files are in a folder; kill it in the end."""
    path = os.pathsep.join(sys.path)
    worker = Popen(  # noqa: S603 - this module, as this process has it
        [sys.executable, "-P", "-m", __name__],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": folder},
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.pid, signal.SIGKILL)
        # Closes its pipes, and waits for its end. It may have left an item unread.
        with suppress(BrokenPipeError), worker:
            pass


def _ask(idle: SimpleQueue[Any], work: Callable[[A], B], item: A) -> Any:
    """Return a worker's result, or raise its error; WorkerEndedError if it ended."""
    worker = idle.get()
    try:
        pickle.dump((work, item), worker.stdin)
        worker.stdin.flush()
        result, error = pickle.load(worker.stdout)  # noqa: S301 - from a worker that we started
    except (BrokenPipeError, EOFError, pickle.UnpicklingError):
        raise WorkerEndedError(
            "a worker process was killed from outside; is there too little memory? Run"
            " one scenario at a time: it needs no worker process"
        ) from None
    finally:
        # Also one that has ended: whoever waits for a worker has to get one.
        idle.put(worker)
    if error:
        raise error
    return result


def _serve() -> None:
    """Answer each item until the parent ends."""
    items: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_receive, args=(items,), daemon=True).start()
    # What work prints is no result.
    results, sys.stdout = sys.stdout.buffer, sys.stderr
    while True:
        work, item = items.get()
        if not gc.get_freeze_count():
            # Garbage collections pass over all that was imported: a tenth of the time.
            gc.collect()
            gc.freeze()
        try:
            answer: Any = (work(item), None)
        except Exception as error:  # noqa: BLE001 - the parent raises it
            error.add_note(format_exc())
            answer = None, error
        pickle.dump(answer, results)
        results.flush()


def _receive(items: SimpleQueue[Any]) -> None:
    """Read items; when the parent has ended, so does this process's whole group."""
    try:
        with os.fdopen(0, "rb") as sent:
            while True:
                items.put(pickle.load(sent))  # noqa: S301 - from the process that started this one
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
