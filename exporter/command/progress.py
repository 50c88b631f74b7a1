"""Says at a terminal that a run goes on, on a line that changes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

_SECONDS = 1.0  # after which it is shown, and then changes
_CLEAR = "\r\x1b[K"


@contextmanager
def waiting(err: TextIO, most: float) -> Iterator[None]:
    """Say how long Google has been waited for, and how long at most, in seconds."""
    ended = Event()
    began = time.monotonic()

    def tell() -> None:
        while not ended.wait(_SECONDS):
            waited = f"{time.monotonic() - began:.0f} s, at most {most:.0f} s"
            err.write(f"{_CLEAR}Waiting for Google: {waited}")
            err.flush()
        err.write(_CLEAR)

    if not err.isatty():
        yield
        return
    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
