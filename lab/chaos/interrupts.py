"""Runs that a signal ends at a random moment, and runs that overlap."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.cli import INTERRUPTED, OK, TERMINATED
from lab.chaos.case import world, world_config
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_START = (sys.executable, "-m", "exporter", "run")

_EXPECTED = {signal.SIGTERM: TERMINATED, signal.SIGINT: INTERRUPTED, signal.SIGKILL: -9}

_RUN_SECONDS = 3.0
"""About how long a slowed run takes: signals come in this time."""

_END_SECONDS = 30.0
_MOST_SENTENCES = 12
_SLOWED = Fault(latency=0.1)
"""Each call takes as long as one to another continent, so that signals meet them too."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A signal that a run gets at a moment.

    Attributes:
        number: The signal's number.
        at: Seconds after the process started.
        twice: Whether it comes again at once.
    """

    number: int
    at: float
    twice: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        name = signal.Signals(self.number).name
        return f"{name}{' twice' if self.twice else ''} after {self.at * 1000:.0f} ms"


def random_interrupts(drawn: random.Random, count: int) -> list[Interrupt]:
    """Return so many interrupts at random moments of a run, from its first millisecond on."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
    return [
        Interrupt(
            drawn.choice(numbers), drawn.uniform(0.001, _RUN_SECONDS), twice=drawn.random() < 1 / 2
        )
        for _ in range(count)
    ]


def interrupt(planned: Interrupt) -> tuple[str, ...]:
    """Start a run, end it by a signal, and return what went wrong, a sentence each."""
    with Emulator(world()) as emulator:
        emulator.add_fault(_SLOWED)
        process = _start(emulator)
        time.sleep(planned.at)
        for _ in range(1 + planned.twice):
            if process.poll() is None:
                process.send_signal(planned.number)
        try:
            _, log = process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return (f"the process did not end within {_END_SECONDS:g} s",)
        return (*_ended(planned, process.returncode, log), *incomplete_locations(emulator))


def overlap(count: int) -> tuple[str, ...]:
    """Start runs at the same time, with faults, and return what went wrong, a sentence each."""
    with Emulator(world()) as emulator:
        emulator.add_fault(_SLOWED)
        emulator.add_fault(Fault(method="CreateTimeSeries", code="UNAVAILABLE", times=count))
        emulator.add_fault(
            Fault(method="CreateTimeSeries", code="INTERNAL", when="after", times=count)
        )
        processes = [_start(emulator) for _ in range(count)]
        logs = [process.communicate(timeout=60 + _END_SECONDS)[1] for process in processes]
        broken = list(incomplete_locations(emulator))
        for process, log in zip(processes, logs, strict=True):
            if "Traceback" in log:
                broken.append(f"traceback: {log[-500:]}")
            if process.returncode not in (0, 1):
                broken.append(f"the exit code is {process.returncode}")
        return tuple(broken)


def incomplete_locations(emulator: Emulator) -> Iterator[str]:
    """Yield a sentence for each ``last_read`` that makes a stream look missing which is not.

    A stream is missing when its location was read later than the stream was last seen.
    """
    seen: dict[tuple[str, str, str], float] = {}
    for point in emulator.points("custom.googleapis.com/datastream/stream/last_seen"):
        at = point.resource_labels
        key = (at["namespace"], at["location"], at["node_id"])
        seen[key] = max(seen.get(key, 0), point.value)
    fleet = emulator.fleet()
    for point in emulator.points("custom.googleapis.com/datastream/location/last_read"):
        at = point.resource_labels
        project = fleet.project(at["namespace"])
        location = project.locations[at["location"]] if project else None
        for id_ in location.streams if location else ():
            if seen.get((at["namespace"], at["location"], id_), 0) < point.value:
                yield f"stream {id_} of {at['location']} exists and reads as missing"


def _start(emulator: Emulator) -> subprocess.Popen[str]:
    environ = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        **world_config(),
        **emulator.environ,
    }
    return subprocess.Popen(  # noqa: S603 - this very Python
        _START, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _ended(planned: Interrupt, exit_code: int, log: str) -> Iterator[str]:
    expected = _EXPECTED[signal.Signals(planned.number)]
    # A run that was done before the signal came is done; a process that had not begun to run the
    # exporter is ended by the system.
    if exit_code not in (OK, expected, -planned.number):
        yield f"the exit code is {exit_code}, not {expected}: {log[-500:]}"
    if "Traceback" in log:
        yield f"the log has a traceback: {log[-500:]}"
    if log.count("\n") > _MOST_SENTENCES:
        yield f"the log has {len(log.splitlines())} lines"
