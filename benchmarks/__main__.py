"""Measures whole runs of the exporter, beside the least that the same calls can cost.

``make bench`` runs it. The emulator, each run of the exporter and each run of the floor are
processes of their own. Exporter and floor run in turn, and what counts is a ratio between the two,
so a slow machine cancels out. It exits with 1 where a bound is missed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from exporter.config.locations import KNOWN
from exporter.terminal import show_progress

PROJECT = "watched"
LATENCY = "50ms"
MOST_RATIO = 1.5  # the most that a run may take, in times of its floor
MOST_MEBIBYTES = 150.0  # the most memory that a run may use
_RSS_OF_A_MEBIBYTE = 1024 if sys.platform == "linux" else 1024 * 1024
_HEADINGS = ("streams", "locations", "calls", "what", "fastest", "median", "slowest", "unit")


class Size(NamedTuple):
    """A fleet, in one project."""

    streams: int  # how many there are
    locations: int  # in how many locations, evenly
    rounds: int  # how often it is run


class Cost(NamedTuple):
    """What one process cost."""

    seconds: float  # by the clock on the wall
    cpu: float  # seconds of CPU
    mebibytes: float  # the most memory that it had
    calls: int  # that it made


SIZES = (Size(1_000, 30, 7), Size(10_000, 100, 3))


def main() -> int:
    """Measure each size, print the table, and say which bounds are missed."""
    rows: list[tuple[str, ...]] = []
    missed: list[str] = []
    with show_progress(sys.stderr) as progress:
        for size in progress.track("measuring", SIZES, len(SIZES)):
            print(size)
            for e, f in _measure(size):
                print(e, f, e.seconds / f.seconds)
    return 1 if missed else 0


def _measure(size: Size) -> list[tuple[Cost, Cost]]:
    """Return what the exporter and the floor cost in each round."""
    costs = []
    with tempfile.TemporaryDirectory() as folder, _emulator(size, Path(folder)) as environ:
        for number in range(size.rounds):
            config = Path(folder, "config.yaml")
            config.write_text(
                f"metrics: {{project: exporter-{number}}}\nsources: [{{project: {PROJECT}}}]\n"
            )
            exporter = _cost(environ, "exporter", "run", "--config", str(config))
            floor = _cost(environ, "benchmarks.floor", PROJECT, f"floor-{number}")
            costs.append((exporter, floor))
    return costs


@contextmanager
def _emulator(size: Size, folder: Path) -> Iterator[dict[str, str]]:
    """Serve a fleet until the block ends; yield the variables that lead to it."""
    world = folder / "world.yaml"
    world.write_text(json.dumps(_world(size)), "utf-8")
    command = [sys.executable, "-m", "lab", "serve", "--world", str(world)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        try:
            lines = [serving.stdout.readline() for _ in range(2)]
            yield dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
        finally:
            serving.terminate()


def _cost(environ: dict[str, str], *command: str) -> Cost:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        # A job, as it is deployed: its log goes to stdout, and it prints no table.
        env={**os.environ, **environ, "CLOUD_RUN_JOB": "benchmark"},
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    last = json.loads(said.splitlines()[-1])
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _RSS_OF_A_MEBIBYTE, last["calls"] if isinstance(last, dict) else last)


def _world(size: Size) -> dict[str, Any]:
    """Return a fleet in one project, and a project for the points of each run."""
    # There are fewer regions than locations, so zones serve.
    ids = [*KNOWN, *(f"{region}-a" for region in KNOWN),  *(f"{region}-b" for region in KNOWN)][: size.locations]
    locations = [
        {
            "id": id_,
            "streams": [
                {
                    "id": "stream-{:03}",
                    "count": (size.streams + index) // size.locations,
                }
            ],
        }
        for index, id_ in enumerate(ids)
    ]
    metrics = [f"{what}-{number}" for what in ("exporter", "floor") for number in range(size.rounds)]
    return {
        "projects": [
            {"id": PROJECT, "number": 1, "locations": locations},
            *({"id": id_, "number": number} for number, id_ in enumerate(metrics, 2)),
        ],
        "faults": [{"method": "*", "latency": LATENCY}] if os.environ.get("L", "1") == "1" else [],
    }


if __name__ == "__main__":
    sys.exit(main())
