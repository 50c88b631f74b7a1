"""Work done side by side, in processes that can be ended at any moment.

What is to be done, and what came of it, goes through files of a temporary folder; a socket carries
one byte that says that it lies there. So nobody ever waits for another to read on, and there is no
thread that could: a process is killed in the middle of whatever it does, and nothing hangs.
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

_LOOK_SECONDS = 0.1
"""From one look whether to stop to the next."""

_GRACE_SECONDS = 1.0
"""How much later than a process of its own this one may be asked to stop."""

_END_SECONDS = 10.0
"""What a process may take to end by itself once there is no more to do."""

_DIE_SECONDS = 5.0
"""What a process may take to be gone once it is killed, and its files with it."""

_ASKED, _MADE, _END = b"a", b"m", b"e"

# The paths first: from wherever this process has the package, the other has it too.
_START = (
    f"import sys; sys.path[:] = sys.argv[4:]; from {__name__} import serve; serve(*sys.argv[1:4])"
)


class WorkerEndedError(Exception):
    """A worker process was killed from outside; ``str()`` is the sentence to show."""

    def __init__(self) -> None:
        """Say what may have killed it and what to do."""
        super().__init__(
            "a worker process was killed from outside; is there too little memory? Run one "
            "scenario at a time: it needs no worker process"
        )


def side_by_side(work: Callable[[A], B], items: Sequence[A], stop: Event) -> Iterator[B]:
    """Yield what the work makes of each item, in their order; end early once ``stop`` is set.

    However it ends, the processes are gone then, with all that they started and held.

    Args:
        work: A function of a module: other processes call it too. What it raises is raised here.
        items: What it is called with.
        stop: Ends it.

    Raises:
        WorkerEndedError: A process that did some of it was ended from outside.
    """
    count = min(os.cpu_count() or 1, len(items))
    if count > 1:
        yield from _in_workers(work, items, count, stop)
        return
    for item in items:
        if stop.is_set():
            return
        yield work(item)


def _in_workers(work: Callable[[A], B], items: Sequence[A], count: int, stop: Event) -> Iterator[B]:
    todo = iter(enumerate(items))
    made: dict[int, Path] = {}
    with _none_left() as (folder, workers), selectors.DefaultSelector() as listening:
        try:
            while len(workers) < count and not stop.is_set():
                worker = _Worker(folder, len(workers))
                workers.append(worker)
                listening.register(worker.line, selectors.EVENT_READ, worker)
                worker.ask(work, *next(todo))
            for wanted in range(len(items)):
                while wanted not in made and not stop.is_set():
                    for key, _ in listening.select(_LOOK_SECONDS):
                        made.update([key.data.answer()])
                        for index, item in itertools.islice(todo, 1):
                            key.data.ask(work, index, item)
                if stop.is_set():
                    return
                yield _read(made.pop(wanted))
        except WorkerEndedError:
            # Whoever ends all processes of a service may come to this one last.
            if not stop.wait(_GRACE_SECONDS):
                raise
        else:
            _wait_for_ends(workers, listening, stop)


@contextmanager
def _none_left() -> Iterator[tuple[Path, list[_Worker]]]:
    """Give a temporary folder and a list; in the end, no process of the list is left nor it."""
    folder = Path(tempfile.mkdtemp(prefix="policies-"))
    workers: list[_Worker] = []
    try:
        yield folder, workers
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.bury()
        _remove(folder)


class _Worker:
    """A process that does one thing at a time.

    Attributes:
        line: Carries a byte where something was made; ends where the process does.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """Start it, in a process group of its own with all that it starts: they end together.

        Args:
            folder: Where things are left for it and by it, its own temporary files too.
            number: Which of the processes it is.
        """
        self._folder = folder
        self._asked, self._made = folder / f"{number}.asked", folder / f"{number}.made"
        self._index = 0
        self.line, its = socket.socketpair()
        with its:
            told = [str(its.fileno()), str(self._asked), str(self._made)]
            self._process = subprocess.Popen(  # noqa: S603 - this very Python
                [sys.executable, "-c", _START, *told, *sys.path],
                stdin=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                process_group=0,
                # For what runs there, and for what promtool makes beside.
                env={**os.environ, "TMPDIR": str(folder)},
            )

    def ask(self, work: Callable[[A], B], index: int, item: A) -> None:
        """Give it an item; it must have none.

        Raises:
            WorkerEndedError: It was ended.
        """
        self._index = index
        self._asked.write_bytes(pickle.dumps((work, item)))
        self._say(_ASKED)

    def answer(self) -> tuple[int, Path]:
        """Return which item it is done with, and the file of what it made.

        Raises:
            WorkerEndedError: It was ended.
        """
        with suppress(ConnectionError):
            if self.line.recv(1):
                return self._index, self._made.rename(self._folder / f"{self._index}.kept")
        raise WorkerEndedError

    def end(self) -> None:
        """Let it end by itself; it must have no item."""
        # If it was ended already, that is as well.
        with suppress(WorkerEndedError):
            self._say(_END)

    def kill(self) -> None:
        """End it at once, with whatever it started."""
        # Nobody has waited for it before, so the number is still that of its group. A group whose
        # processes have all ended is refused on some systems.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Wait until it is gone; it must have been killed."""
        self.line.close()
        # One that the system does not let go of is not worth a hang.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DIE_SECONDS)

    def _say(self, what: bytes) -> None:
        try:
            self.line.send(what)
        except ConnectionError as error:
            raise WorkerEndedError from error


def _read(file: Path) -> Any:
    """Return what a process has made, or raise what it has raised."""
    raised, made = pickle.loads(file.read_bytes())  # noqa: S301 - of a folder for this user alone
    file.unlink()
    if raised:
        raise made
    return made


def _wait_for_ends(
    workers: Sequence[_Worker], listening: selectors.BaseSelector, stop: Event
) -> None:
    """Let processes end by themselves, so that they can write what is to be written at an end."""
    for worker in workers:
        worker.end()
    until = time.monotonic() + _END_SECONDS
    while listening.get_map() and not stop.is_set() and time.monotonic() < until:
        for key, _ in listening.select(_LOOK_SECONDS):
            listening.unregister(key.fileobj)


def _remove(folder: Path) -> None:
    """Remove a folder; what was killed may be in the way for a moment."""
    until = time.monotonic() + _DIE_SECONDS
    shutil.rmtree(folder, ignore_errors=True)
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.01)
        shutil.rmtree(folder, ignore_errors=True)


def serve(number: str, asked: str, made: str) -> None:
    """Do what another process asks for, until it lets this one end.

    Args:
        number: The number of the open socket that says when something is asked for.
        asked: The file of what is asked for.
        made: The file that gets what was made.
    """
    line = socket.socket(fileno=int(number))
    # The other process would not see the end of this one where an engine keeps the socket open.
    line.set_inheritable(False)
    orders: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_follow, args=(line, orders), daemon=True).start()
    while orders.get() == _ASKED:
        Path(made).write_bytes(_made(Path(asked).read_bytes()))
        line.send(_MADE)


def _follow(line: socket.socket, orders: SimpleQueue[bytes]) -> None:
    """Pass on what is asked for; end the process group once nobody is there who could ask."""
    with suppress(ConnectionError):
        while order := line.recv(1):
            orders.put(order)
            if order == _END:
                return
    os.killpg(0, signal.SIGKILL)


def _made(asked: bytes) -> bytes:
    try:
        work, item = pickle.loads(asked)  # noqa: S301 - of a folder for this user alone
        return pickle.dumps((False, work(item)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
        error.add_note(f"It was raised in another process:\n{traceback.format_exc()}")
        try:
            told = pickle.dumps((True, error))
            pickle.loads(told)  # noqa: S301 - of this process
        except Exception:  # noqa: BLE001 - some can be written and not be read
            told = pickle.dumps((True, RuntimeError("\n".join(error.__notes__))))
        return told
