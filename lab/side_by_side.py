"""Runs a function for many items in worker processes that can be killed at any moment.

Tasks and results go through files in a temporary folder; a socket carries one byte that says that a
file is complete. So no process ever waits for another one to read on, and this process needs no
threads: nothing hangs, whenever a process is killed.
"""

from __future__ import annotations

import itertools
import os
import pickle
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

A = TypeVar("A")
B = TypeVar("B")

_POLL_SECONDS = 0.1
"""Between two checks whether to stop."""

_GRACE_SECONDS = 1.0
"""How much later than its workers this process may be asked to stop."""

_END_SECONDS = 10.0
"""How long a worker may take to end by itself when there is no more to do."""

_KILL_SECONDS = 5.0
"""How long a killed worker and its files may take to be gone."""

_TASK, _RESULT, _END = b"t", b"r", b"e"

# The paths first, so that the worker finds this package as this process does.
_START = (
    f"import sys; sys.path[:] = sys.argv[3:]; from {__name__} import serve; serve(*sys.argv[1:3])"
)


class WorkerEndedError(Exception):
    """A worker process was killed from outside; ``str()`` is the sentence to show."""

    def __init__(self) -> None:
        """Say what may have killed it and what to do."""
        super().__init__(
            "a worker process was killed from outside; is there too little memory? Run one "
            "scenario at a time: it needs no worker process"
        )


def side_by_side(
    work: Callable[[A], B], items: Sequence[A], stop: Event, workers: int | None = None
) -> Iterator[B]:
    """Yield the result of each item in order; end early once ``stop`` is set.

    However it ends, the workers are gone afterwards, with all their processes and files.

    Args:
        work: A function of a module, so that workers can import it. Its exceptions are raised here.
        items: Its arguments.
        stop: Ends it early.
        workers: How many processes, where not as many as there are cores: more for work that waits.

    Raises:
        WorkerEndedError: A worker process was killed from outside.
    """
    count = min(workers or os.cpu_count() or 1, len(items))
    if count > 1:
        yield from _in_workers(work, items, count, stop)
        return
    for item in items:
        if stop.is_set():
            return
        yield work(item)


def _in_workers(work: Callable[[A], B], items: Sequence[A], count: int, stop: Event) -> Iterator[B]:
    todo = iter(enumerate(items))
    results: dict[int, Path] = {}
    with _no_workers_left() as (folder, workers), selectors.DefaultSelector() as selector:
        try:
            while len(workers) < count and not stop.is_set():
                worker = _Worker(folder, len(workers))
                workers.append(worker)
                selector.register(worker.line, selectors.EVENT_READ, worker)
                worker.assign(work, *next(todo))
            for wanted in range(len(items)):
                while wanted not in results and not stop.is_set():
                    for key, _ in selector.select(_POLL_SECONDS):
                        results.update([key.data.result()])
                        for index, item in itertools.islice(todo, 1):
                            key.data.assign(work, index, item)
                if stop.is_set():
                    return
                yield _load(results.pop(wanted))
        except WorkerEndedError:
            # Whoever ends all processes of a service may come to this one last.
            if not stop.wait(_GRACE_SECONDS):
                raise
        else:
            _wait_for_ends(workers, selector, stop)


@contextmanager
def _no_workers_left() -> Iterator[tuple[Path, list[_Worker]]]:
    """Give a temporary folder and a list for the workers; at the end, remove both."""
    folder = Path(tempfile.mkdtemp(prefix="policies-"))
    workers: list[_Worker] = []
    try:
        yield folder, workers
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait_until_gone()
        # What was killed may be in the way for a moment.
        until = time.monotonic() + _KILL_SECONDS
        shutil.rmtree(folder, ignore_errors=True)
        while folder.exists() and time.monotonic() < until:
            time.sleep(0.01)
            shutil.rmtree(folder, ignore_errors=True)


class _Worker:
    """A process that runs one task at a time.

    Attributes:
        line: Carries a byte for each result; ends when the process does.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """Start it in a process group of its own: it ends together with all that it starts."""
        self._task = folder / f"{number}.task"
        self._index = 0
        self.line, remote = socket.socketpair()
        with remote:
            self._process = subprocess.Popen(  # noqa: S603 - this very Python
                [sys.executable, "-c", _START, str(remote.fileno()), str(self._task), *sys.path],
                stdin=subprocess.DEVNULL,
                pass_fds=[remote.fileno()],
                process_group=0,
                # Temporary files of its own and of promtool go into the folder, too.
                env={**os.environ, "TMPDIR": str(folder)},
            )

    def assign(self, work: Callable[[A], B], index: int, item: A) -> None:
        """Let it run a task; it must be idle.

        Raises:
            WorkerEndedError: It was killed.
        """
        self._index = index
        self._task.write_bytes(pickle.dumps((self._result_file(), pickle.dumps((work, item)))))
        self._send(_TASK)

    def result(self) -> tuple[int, Path]:
        """Return the index of the task that it has run, and the file of the result.

        Raises:
            WorkerEndedError: It was killed.
        """
        with suppress(ConnectionError):
            if self.line.recv(1):
                return self._index, self._result_file()
        raise WorkerEndedError

    def end(self) -> None:
        """Let it end by itself, if it has not ended already; it must be idle."""
        with suppress(WorkerEndedError):
            self._send(_END)

    def kill(self) -> None:
        """Kill its process group."""
        # Nobody has waited for it before, so the number is still that of its group. Some systems
        # refuse to signal a group whose processes have all ended.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until_gone(self) -> None:
        """Wait for it after :meth:`kill`; one that the system does not let go of is left."""
        self.line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_SECONDS)

    def _result_file(self) -> Path:
        return self._task.with_name(f"{self._index}.result")

    def _send(self, byte: bytes) -> None:
        try:
            self.line.send(byte)
        except ConnectionError as error:
            raise WorkerEndedError from error


def _load(file: Path) -> Any:
    """Return what a worker returned, or raise what it raised."""
    raised, value = pickle.loads(file.read_bytes())  # noqa: S301 - of a folder for this user alone
    file.unlink()
    if raised:
        raise value
    return value


def _wait_for_ends(
    workers: Sequence[_Worker], selector: selectors.BaseSelector, stop: Event
) -> None:
    """Let workers end by themselves, so that whatever runs at exit can run."""
    for worker in workers:
        worker.end()
    until = time.monotonic() + _END_SECONDS
    while selector.get_map() and not stop.is_set() and time.monotonic() < until:
        for key, _ in selector.select(_POLL_SECONDS):
            selector.unregister(key.fileobj)


def serve(line_number: str, task_file: str) -> None:
    """Run tasks in a worker process until the other process lets it end.

    Args:
        line_number: The file descriptor of the socket that announces tasks.
        task_file: The file with the task.
    """
    line = socket.socket(fileno=int(line_number))
    # A child that kept the socket open would hide the end of this process.
    line.set_inheritable(False)
    orders: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_follow, args=(line, orders), daemon=True).start()
    while orders.get() == _TASK:
        result_file, task = pickle.loads(Path(task_file).read_bytes())  # noqa: S301 - the same
        result_file.write_bytes(_run(task))
        line.send(_RESULT)


def _follow(line: socket.socket, orders: SimpleQueue[bytes]) -> None:
    """Pass on orders; kill the process group when the other process is gone."""
    with suppress(ConnectionError):
        while order := line.recv(1):
            orders.put(order)
            if order == _END:
                return
    os.killpg(0, signal.SIGKILL)


def _run(task: bytes) -> bytes:
    """Return the pickled result of a task: whether it raised, and the value or the error."""
    try:
        work, item = pickle.loads(task)  # noqa: S301 - the same
        return pickle.dumps((False, work(item)))
    except Exception as error:  # noqa: BLE001 - any error is raised again in the other process
        error.add_note(f"It was raised in another process:\n{traceback.format_exc()}")
        try:
            result = pickle.dumps((True, error))
            pickle.loads(result)  # noqa: S301 - of this process
        except Exception:  # noqa: BLE001 - some errors can be pickled but not unpickled
            result = pickle.dumps((True, RuntimeError("\n".join(error.__notes__))))
        return result
