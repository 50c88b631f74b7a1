"""``python -m benchmarks.watch``: what ``watch`` writes in an hour, on a simulated clock.

The emulator counts the points of a fleet that nobody touches, after the first minute. Exits with 1
if a fleet of any size but the smallest costs more than the bound.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from lab.terminal import print_table
from lab.terminal import show_progress
from exporter.config import Config, Endpoints
from exporter.google.clients import Identity, connect
from exporter.google.calls import Deadline
from exporter.measure import ExporterName
from exporter.task import Task
from exporter.runs import Runs
from lab.emulator.emulator import Emulator
from lab.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "benchmark-project"
LOCATIONS = ("europe-west1", "us-east1", "asia-east1", "us-central1", "us-west1")
FLEETS = ((20, 3), (200, 5), (1_000, 5))
"""Streams and locations."""

INTERVAL = 10
HOUR = 3600
BOUND = 1.1
"""The most points, in times of what a run every minute writes."""

BOUND_FROM = 200
"""Streams from which the bound applies: below, the exporter's own series are a large part."""

_HEADINGS = ("streams", "locations", "points", "a run a minute", "ratio", "CPU s")


class _Clock:
    """Unix seconds that pass when a run is over."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def main() -> int:
    """Measure every fleet, print the table, and say whether the bound is met."""
    missed = False
    rows = []
    with show_progress(sys.stderr) as progress:
        for streams, locations in progress.track("watching", FLEETS, len(FLEETS)):
            points, whole, cpu = _hour(streams, LOCATIONS[:locations])
            ratio = points / (whole * HOUR / 60)
            missed |= streams >= BOUND_FROM and ratio > BOUND
            counts = (streams, locations, points, whole * HOUR // 60)
            rows.append((*(f"{count:,}" for count in counts), f"{ratio:.3f}", f"{cpu:.1f}"))
    print_table(_HEADINGS, rows, sys.stdout, right=_HEADINGS)
    verdict = "missed" if missed else "met"
    print(f"\nThe bound of {BOUND} from {BOUND_FROM} streams on is {verdict}.")
    return 1 if missed else 0


def _hour(streams: int, locations: tuple[str, ...]) -> tuple[int, int, float]:
    """Return the points of an hour, those of a whole run, and the CPU seconds of both sides."""
    clock = _Clock()
    with Emulator(World.model_validate(_world(streams, locations)), clock=clock) as cloud:
        clients, _ = connect(Endpoints(), cloud.environ, Identity())
        config = Config.model_validate(
            {
                "metrics": {"project": PROJECT},
                "sources": [{"project": PROJECT, "locations": locations}],
            }
        )
        task = Task(ExporterName("global", config.run.name, "0"))
        written: list[int] = []
        runs = Runs(
            clients,
            config,
            task,
            lambda report: written.append(report.written.accepted),
            interval=INTERVAL,
            monotonic=clock,
            now=clock,
        )
        started = time.process_time()
        with clients:
            for _ in _ticks(clock, HOUR + 60):
                runs.once(Deadline.after(50))
        return sum(written[60 // INTERVAL :]), written[0], time.process_time() - started


def _ticks(clock: _Clock, seconds: int) -> Iterator[None]:
    for _ in range(0, seconds, INTERVAL):
        yield
        clock.now += INTERVAL


def _world(streams: int, locations: tuple[str, ...]) -> dict[str, object]:
    counts = [
        streams // len(locations) + (n < streams % len(locations)) for n in range(len(locations))
    ]
    return {
        "projects": [
            {
                "id": PROJECT,
                "number": 1,
                "locations": [
                    {"id": location, "streams": [{"id": f"{location}-{{:04}}", "count": count}]}
                    for location, count in zip(locations, counts, strict=True)
                ],
            }
        ]
    }


if __name__ == "__main__":
    sys.exit(main())
