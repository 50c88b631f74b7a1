"""What a process keeps for all of its runs, and when it makes them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from exporter.config import Config
from exporter.google.clients import Clients
from exporter.run.memory import LATE_SECONDS, Memory
from exporter.steps.problems import ProblemMemory

# Seconds between two starts: Cloud Monitoring refuses points that are closer
_LEAST_BETWEEN_STARTS = 5.0


@dataclass
class Session:
    """What a process needs for its runs, and what it remembers between them."""

    config: Config
    clients: Clients
    interval: float = 0.0  # seconds between two runs; config's, unless it is given
    monotonic: Callable[[], float] = time.monotonic  # a clock that never goes back
    now: Callable[[], float] = time.time  # unix time
    last_run: int | None = None  # unix seconds of the last run; None before the first
    # Whether the last run could neither read nor write anything
    reached_nobody: bool = False

    def __post_init__(self) -> None:
        self.interval = self.interval or self.config.run.every
        self.memory = Memory(self.interval)
        self.started = self.monotonic()  # in seconds of that clock
        self.problems = ProblemMemory(self.config, self.interval, LATE_SECONDS)


def run_every(
    work: Callable[[], object],
    seconds: float,
    stop: Event,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``work`` at every multiple of ``seconds`` from now, until ``stop`` is set.

    A start that comes during the work before it, or too soon after a late one, is
    skipped.
    """
    due = monotonic()
    while not stop.is_set():
        earliest = monotonic() + _LEAST_BETWEEN_STARTS
        work()
        earliest = max(earliest, monotonic())
        while due < earliest:
            due += seconds
        stop.wait(due - monotonic())
