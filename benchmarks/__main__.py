"""Measures whole runs beside the same calls alone; ``make bench`` runs it.

The emulator is a process, and so is each run of the exporter and of the floor. These
two run in turn, and the bound is on the ratio within each round, so that a slow or busy
machine cancels out. Exits with 1 where a bound is missed.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from exporter.config.locations import KNOWN
from lab.terminal import Progress, print_table

PROJECT = "watched"
LATENCY = "50ms"  # how late every call is answered
_HEADINGS = (
    "streams",
    "locations",
    "",
    "fastest",
    "median",
    "slowest",
    "CPU s",
    "MiB",
    "calls",
)
_RSS_OF_A_MEBIBYTE = 1024 if sys.platform == "linux" else 1024 * 1024


class Size(NamedTuple):
    """A fleet in one project, and what a run over it may cost."""

    streams: int  # how many there are
    locations: int  # in how many locations, evenly
    rounds: int  # how often the exporter and the floor run
    ratio: float = inf  # the most that a run may take, in times of its floor
    mebibytes: float = inf  # the most memory that a run may have


class Cost(NamedTuple):
    """What one process cost."""

    seconds: float  # from its start to its end
    cpu: float  # seconds of CPU
    mebibytes: float  # the most memory that it had
    calls: int  # how many calls it made


class Costs(NamedTuple):
    """What the exporter and the floor cost, round by round."""

    exporter: list[Cost]
    floor: list[Cost]

    def ratios(self) -> list[float]:
        """Return how long the exporter takes, in times of its floor."""
        pairs = zip(self.exporter, self.floor, strict=True)
        return [run.seconds / alone.seconds for run, alone in pairs]


SIZES = (
    Size(1_000, 30, rounds=9, ratio=1.5),
    Size(10_000, 100, rounds=3, mebibytes=150),
)


def main() -> int:
    """Measure each size, print the table, and say which bounds are missed."""
    rows: list[Sequence[str]] = []
    missed: list[str] = []
    with Progress(sys.stderr) as progress:
        for size in progress.track(SIZES, description="measuring"):
            costs = _measure(size)
            rows += _rows(size, costs)
            missed += _missed(size, costs)
    print_table(_HEADINGS, rows, sys.stdout)
    for sentence in missed:
        print(f"missed: {sentence}")
    return 1 if missed else 0


def _missed(size: Size, costs: Costs) -> Iterator[str]:
    """Yield each bound that the runs missed."""
    fleet = f"{size.streams:,} streams in {size.locations} locations"
    calls = {cost.calls for cost in (*costs.exporter, *costs.floor)}
    if len(calls) > 1:
        yield f"{fleet}: exporter and floor make different numbers of calls: {calls}"
    ratio = statistics.median(costs.ratios())
    if ratio > size.ratio:
        yield (
            f"{fleet}: a run takes {ratio:.2f} times its floor,"
            f" at most {size.ratio:g} is allowed"
        )
    mebibytes = max(cost.mebibytes for cost in costs.exporter)
    if mebibytes > size.mebibytes:
        yield (
            f"{fleet}: a run has {mebibytes:.0f} MiB,"
            f" at most {size.mebibytes:g} are allowed"
        )


def _rows(size: Size, costs: Costs) -> Iterator[Sequence[str]]:
    fleet = (f"{size.streams:,}", f"{size.locations:,}")
    for what, some in (("exporter s", costs.exporter), ("floor s", costs.floor)):
        cpu = min(cost.cpu for cost in some)
        mebibytes = max(cost.mebibytes for cost in some)
        seconds = _range([cost.seconds for cost in some])
        yield (
            *fleet,
            what,
            *seconds,
            f"{cpu:.2f}",
            f"{mebibytes:.0f}",
            f"{some[0].calls:,}",
        )
    ratios = _range(costs.ratios())
    yield *fleet, "ratio", *ratios, "", "", ""


def _range(values: Sequence[float]) -> Sequence[str]:
    """Return the least, the median and the greatest."""
    return [
        f"{min(values):.2f}",
        f"{statistics.median(values):.2f}",
        f"{max(values):.2f}",
    ]


def _measure(size: Size) -> Costs:
    """Run the exporter and the floor in turn."""
    costs = Costs([], [])
    with (
        tempfile.TemporaryDirectory() as folder,
        _emulator(size, Path(folder)) as environ,
    ):
        for number in range(size.rounds):
            # A project takes the points of one run: a second would come too soon.
            config = (
                f"metrics: {{project: exporter-{number}}}\n"
                f"sources: [{{project: {PROJECT}}}]\n"
            )
            environ["DATASTREAM_EXPORTER_CONFIG"] = config
            run = _cost(environ, "exporter", "run")
            costs.exporter.append(run)
            alone = _cost(environ, "benchmarks.floor", PROJECT, f"floor-{number}")
            costs.floor.append(alone)
    return costs


@contextmanager
def _emulator(size: Size, folder: Path) -> Iterator[dict[str, str]]:
    """Serve a fleet until the block ends; yield the variables that lead to it."""
    world = folder / "world.yaml"
    world.write_text(json.dumps(_world(size)), "utf-8")
    file = folder / "emulator.env"
    command = (sys.executable, "-m", "lab", "serve", str(file), "--world", str(world))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as serving:
        try:
            while not file.exists():
                if serving.poll() is not None:
                    raise SystemExit(f"it does not start: {' '.join(command)}")
                time.sleep(0.1)
            yield dict(re.findall(r"export (\w+)=(\S+)", file.read_text("utf-8")))
        finally:
            serving.terminate()


def _cost(environ: Mapping[str, str], *command: str) -> Cost:
    """Run a Python module to its end. Its last line says how many calls it made."""
    started = time.perf_counter()
    with subprocess.Popen(
        (sys.executable, "-m", *command),
        # As in a job, the log goes to stdout, and no table is printed.
        # And Terraform limits what glibc keeps for threads.
        env={
            **os.environ,
            **environ,
            "CLOUD_RUN_JOB": "benchmark",
            "MALLOC_ARENA_MAX": "2",
        },
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        said = "".join(process.stdout or ())
        # The system counts the memory from that of this process on, which is smaller.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said}")
    return Cost(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        mebibytes=usage.ru_maxrss / _RSS_OF_A_MEBIBYTE,
        calls=json.loads(said.splitlines()[-1])["calls"],
    )


def _world(size: Size) -> dict[str, Any]:
    """Return a fleet in one project, and a project for the points of each run."""
    # There are fewer regions than locations, so zones serve.
    ids: list[str] = []
    for zone in ("", "-a", "-b"):
        ids += [f"{region}{zone}" for region in KNOWN]
    locations = []
    ids = ids[: size.locations]
    for index, id_ in enumerate(ids):
        count = (size.streams + index) // size.locations
        streams = [{"id": "stream-{:03}", "count": count}]
        locations.append({"id": id_, "streams": streams})
    watched = {"id": PROJECT, "number": 1, "locations": locations}
    projects = [watched]
    for number in range(size.rounds):
        projects.append({"id": f"exporter-{number}", "number": 100 + number})
        projects.append({"id": f"floor-{number}", "number": 200 + number})
    return {"projects": projects, "faults": [{"method": "*", "latency": LATENCY}]}


if __name__ == "__main__":
    sys.exit(main())
