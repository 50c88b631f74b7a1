"""Says that a run goes on: on a line that changes at a terminal, else now and then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

from exporter.logger import LOGGER

_FIRST_SECONDS = 2.0  # after which a terminal shows it
_NEXT_SECONDS = 1.0  # after which it changes there
_ELSE_SECONDS = 30.0  # between two lines elsewhere
_CLEAR = "\r\x1b[K"


@contextmanager
def waiting(err: TextIO, most: float) -> Iterator[None]:
    """Say how long Google has been waited for, and how long at most, in seconds."""
    ended = Event()
    began = time.monotonic()

    def tell() -> None:
        wait = _FIRST_SECONDS if err.isatty() else _ELSE_SECONDS
        shown = False
        while not ended.wait(wait):
            seconds = time.monotonic() - began
            text = f"Waiting for Google: {seconds:.0f} s, at most {most:.0f} s"
            if err.isatty():
                shown, wait = True, _NEXT_SECONDS
                err.write(f"{_CLEAR}{text}")
                err.flush()
            else:
                LOGGER.info("%s.", text)
        if shown:
            err.write(_CLEAR)

    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
