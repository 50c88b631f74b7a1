"""Says now and then that a run goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from exporter.logger import LOGGER

_SECONDS = 10.0  # between two lines


@contextmanager
def waiting(most: float) -> Iterator[None]:
    """Log how long Google has been waited for, and how long at most, in seconds."""
    ended = Event()
    began = time.monotonic()

    def tell() -> None:
        while not ended.wait(_SECONDS):
            waited = time.monotonic() - began
            LOGGER.info("Waiting for Google: %.0f s, at most %.0f s.", waited, most)

    # Where no thread can be started, nothing is said.
    with suppress(RuntimeError):
        Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
