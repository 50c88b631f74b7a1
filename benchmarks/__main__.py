"""``make bench``: whole runs of the exporter against the embedded Google Cloud, beside the floor.

Every call is answered 50 ms late. Each size is run by the exporter and by the floor in turn, as
whole processes; what is compared are ratios within one run of the benchmark, so the machine
cancels out. Exits with 1 where a bound is missed.
"""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.floor import PROJECT
from lab.terminal import print_table
from lab.terminal import show_progress
from exporter.config.locations import KNOWN
from lab.emulator.emulator import Emulator
from lab.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LATENCY = "50ms"
POINTS_PER_STREAM = 4
BATCH = 200
PAGE = 1000

_MAXRSS_OF_A_MIB = 1024 if sys.platform == "linux" else 1024 * 1024
_EXPORTER = ("-m", "exporter", "run", "--config")
_FLOOR = ("-m", "benchmarks.floor")


@dataclass(frozen=True, slots=True)
class Size:
    """A fleet, and what a run over it may cost.

    Attributes:
        streams: How many streams there are.
        locations: In how many locations, evenly.
        repeats: How often each is run; the fastest counts.
        ratio: The most that a run may take, in times of its floor.
        peak: The most memory that it may use, in MiB.
    """

    streams: int
    locations: int
    repeats: int
    ratio: float | None = None
    peak: float | None = None

    @property
    def calls(self) -> dict[str, int]:
        """Every call that a run has to make, by method."""
        a_location = self.streams // self.locations
        phases = (1 + 3 * self.locations, POINTS_PER_STREAM * self.streams, self.locations, 1)
        return {
            "ListLocations": 1,
            "ListStreams": self.locations * max(1, math.ceil(a_location / PAGE)),
            "CreateTimeSeries": sum(math.ceil(points / BATCH) for points in phases),
        }


SIZES = (
    Size(1, 1, 7, ratio=1.3),
    Size(1_000, 10, 5),
    Size(10_000, 50, 3, ratio=1.5, peak=128),
    Size(100_000, 50, 1, peak=256),
)
_HEADINGS = (
    "streams",
    "seconds",
    "floor s",
    "ratio",
    "CPU s",
    "floor CPU s",
    "MiB",
    "floor MiB",
    "calls",
)

GROWTH = 10.5
"""The most that the largest fleet may take, in times of the one a tenth of it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost: seconds of wall clock and of CPU, peak memory in MiB, calls."""

    seconds: float
    cpu: float
    peak: float
    calls: dict[str, int]


def main() -> int:
    """Measure every size, print the table, and say which bounds are met."""
    missed: list[str] = []
    seconds: dict[int, float] = {}
    rows: list[tuple[str, ...]] = []
    with show_progress(sys.stderr) as progress:
        measured = list(progress.track("measuring", map(_measure, SIZES), len(SIZES)))
    for size, (exporter, floor) in zip(SIZES, measured, strict=True):
        seconds[size.streams] = exporter.seconds
        ratio = exporter.seconds / floor.seconds
        rows.append(
            (
                f"{size.streams:,}",
                f"{exporter.seconds:.2f}",
                f"{floor.seconds:.2f}",
                f"{ratio:.2f}",
                f"{exporter.cpu:.2f}",
                f"{floor.cpu:.2f}",
                f"{exporter.peak:.0f}",
                f"{floor.peak:.0f}",
                f"{sum(exporter.calls.values()):,}",
            )
        )
        for who, cost in (("exporter", exporter), ("floor", floor)):
            if cost.calls != size.calls:
                missed.append(f"{size.streams:,}: {who} made {cost.calls}, due are {size.calls}")
        if size.ratio and ratio > size.ratio:
            missed.append(f"{size.streams:,}: {ratio:.2f} times the floor, not {size.ratio}")
        if size.peak and exporter.peak > size.peak:
            missed.append(f"{size.streams:,}: {exporter.peak:.0f} MiB, not {size.peak}")
    print_table(_HEADINGS, rows, sys.stdout, right=_HEADINGS)
    growth = seconds[100_000] / seconds[10_000]
    print(f"\n100,000 streams take {growth:.1f} times what 10,000 take.")
    if growth > GROWTH:
        missed.append(f"100,000 take {growth:.1f} times what 10,000 take, not {GROWTH}")
    return verdict(missed, "Every bound is met, and every number of calls is exactly what is due.")


def verdict(missed: Sequence[str], met: str) -> int:
    """Print each bound that was missed, or that all were met; return the exit code."""
    for sentence in missed:
        print(f"missed: {sentence}")
    if not missed:
        print(met)
    return 1 if missed else 0


def _measure(size: Size) -> tuple[Cost, Cost]:
    """Return the fastest run of the exporter and of the floor, run in turn."""
    world = World.model_validate(world_of(size))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(
            f"metrics: {{project: {PROJECT}}}\n"
            f"sources: [{{project: {PROJECT}}}]\n"
            f"run: {{deadline: 10m}}\n",
            "utf-8",
        )
        exporter, floor = [], []
        for _ in range(size.repeats):
            exporter.append(_cost(world, (*_EXPORTER, str(config))))
            floor.append(_cost(world, _FLOOR))
    return min(exporter, key=_seconds), min(floor, key=_seconds)


def job_cost(world: World, config: Path) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of one run of the job."""
    cost = _cost(world, (*_EXPORTER, str(config)))
    return cost.seconds, cost.cpu


def _seconds(cost: Cost) -> float:
    return cost.seconds


def _cost(world: World, command: tuple[str, ...]) -> Cost:
    """Run one process against servers of its own, as nobody can write a point twice."""
    with Emulator(world) as cloud:
        return _process_cost(cloud, command)


def task_cost(cloud: Emulator, config: Path, index: int, count: int) -> Cost:
    """Return what one run of one of a job's tasks costs."""
    environ = {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(count)}
    return _process_cost(cloud, (*_EXPORTER, str(config)), environ)


def _process_cost(
    cloud: Emulator, command: tuple[str, ...], environ: Mapping[str, str] | None = None
) -> Cost:
    before = Counter(cloud.calls)
    gc.collect()
    # The servers' own pauses are no cost of the client's.
    gc.disable()
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            env={
                **os.environ,
                **cloud.environ,
                **(environ or {}),
                # The image is compiled, so what is measured is too, from the second run on.
                "PYTHONDONTWRITEBYTECODE": "",
            },
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        peak = _Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        gc.enable()
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read().decode()}")
    return Cost(
        seconds,
        usage.ru_utime + usage.ru_stime,
        peak.mebibytes() or usage.ru_maxrss / _MAXRSS_OF_A_MIB,
        dict(Counter(cloud.calls) - before),
    )


class _Peak(threading.Thread):
    """Follows the most memory that a process has had, on Linux.

    There, ``ru_maxrss`` starts with what this process had when it started the other one.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{pid}/status")
        self._kibibytes = 0
        self.start()

    def run(self) -> None:
        over = threading.Event()
        # The line is gone as soon as the process has ended, and the file when it was waited for.
        with suppress(OSError, StopIteration):
            while True:
                lines = self._status.read_text("utf-8").splitlines()
                line = next(each for each in lines if each.startswith("VmHWM:"))
                self._kibibytes = int(line.split()[1])
                over.wait(0.02)

    def mebibytes(self) -> float:
        """Return the most, after the process has ended; 0 if the system doesn't say it."""
        self.join()
        return self._kibibytes / 1024


def world_of(size: Size) -> dict[str, Any]:
    """Return a world of one project; there are fewer regions than locations, so zones serve."""
    ids = [*KNOWN, *(f"{region}-a" for region in KNOWN)][: size.locations]
    streams = {"id": "stream-{:05}", "count": size.streams // size.locations}
    return {
        "projects": [
            {
                "id": PROJECT,
                "number": 1,
                "locations": [{"id": id_, "streams": [streams]} for id_ in ids],
            }
        ],
        "faults": [{"method": "*", "latency": LATENCY}],
    }


if __name__ == "__main__":
    sys.exit(main())
