"""What the Cloud Run function needs: memory, CPU and time, cold and warm, by size of fleet.

Each fleet is run by the function on Google's functions-framework and by the job, against an
emulator whose every call is answered 50 ms late. What is compared are ratios within one run of the
benchmark. With ``--json`` the figures go to stdout; docs/function.md shows them. It reads /proc, so
it needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.__main__ import Size, job_cost, world_of
from benchmarks.floor import PROJECT
from lab.terminal import print_table
from lab.terminal import show_progress
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.function.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (Size(1, 1, 1), Size(200, 10, 1), Size(1_000, 10, 1), Size(10_000, 50, 1))
CONFIG = f"metrics: {{project: {PROJECT}}}\nsources: [{{project: {PROJECT}}}]\n"
WARM_RUNS = 3

MOST_MEBIBYTES = 256
"""Half of the memory that the function gets."""

MOST_WARM = 1.0
"""The most that a warm run may take, in times of the job's, which starts a process for each."""

_BETWEEN_RUNS = 10.5
"""Seconds; the function runs no more often."""

_HEADINGS = (
    "streams",
    "start s",
    "start CPU s",
    "uncompiled CPU s",
    "first run s",
    "warm run s",
    "warm CPU s",
    "MiB",
    "job's run s",
    "job's CPU s",
    "warm / job",
)


class Figures(NamedTuple):
    """What was measured for one fleet; seconds and MiB.

    Attributes:
        streams: Its size.
        start: From the start of the server until it listens.
        start_cpu: The CPU that this took.
        uncompiled_cpu: The same where no bytecode was kept.
        first: How long the first request took: config, connections, discovery and a run.
        warm: How long a later request took, the fastest of them.
        warm_cpu: The CPU that it took.
        mebibytes: The most memory of the server and its worker together.
        job: How long the job's process took.
        job_cpu: The CPU that it took.
    """

    streams: int
    start: float
    start_cpu: float
    uncompiled_cpu: float
    first: float
    warm: float
    warm_cpu: float
    mebibytes: float
    job: float
    job_cpu: float


def main(argv: Sequence[str]) -> int:
    """Measure every size, print the figures, and say which bounds are missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.function", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    as_json = parser.parse_args(argv).json
    with show_progress(sys.stderr) as progress:
        rows = list(progress.track("measuring", map(_measure, SIZES), len(SIZES)))
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=2))
    else:
        print_table(_HEADINGS, [_cells(row) for row in rows], sys.stdout, right=_HEADINGS)
    missed = [
        f"{row.streams:,}: {row.mebibytes:.0f} MiB, not {MOST_MEBIBYTES}"
        for row in rows
        if row.mebibytes > MOST_MEBIBYTES
    ]
    missed += [
        f"{row.streams:,}: {row.warm / row.job:.2f} times the job, not {MOST_WARM}"
        for row in rows
        if row.warm > MOST_WARM * row.job
    ]
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


def _cells(row: Figures) -> tuple[str, ...]:
    seconds = (row.start, row.start_cpu, row.uncompiled_cpu, row.first, row.warm, row.warm_cpu)
    return (
        f"{row.streams:,}",
        *(f"{each:.2f}" for each in seconds),
        f"{row.mebibytes:.0f}",
        f"{row.job:.2f}",
        f"{row.job_cpu:.2f}",
        f"{row.warm / row.job:.2f}",
    )


def _measure(size: Size) -> Figures:
    world = World.model_validate(world_of(size))
    with tempfile.TemporaryDirectory() as folder, Emulator(world) as cloud:
        environ = {
            "DATASTREAM_EXPORTER_CONFIG": CONFIG,
            **cloud.environ,
        }
        uncompiled = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": f"{folder}/none"}
        _started(environ, folder)[0].close()  # from here on there is bytecode
        cold, _ = _started({**environ, **uncompiled}, folder)
        uncompiled_cpu = _cpu_seconds(cold)
        cold.close()
        server, start = _started(environ, folder)
        start_cpu = _cpu_seconds(server)
        first = _request(server)
        warm = []
        for _ in range(WARM_RUNS):
            time.sleep(_BETWEEN_RUNS)
            warm.append(_request(server))
        mebibytes = _mebibytes(server)
        server.close()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(CONFIG, "utf-8")
        job = min(job_cost(world, config) for _ in range(2))
    return Figures(
        size.streams,
        start,
        start_cpu,
        uncompiled_cpu,
        first[0],
        *min(warm),
        mebibytes,
        *job,
    )


def _started(environ: dict[str, str], folder: str) -> tuple[Server, float]:
    """Return a server, and how many seconds it took to listen."""
    began = time.perf_counter()
    server = Server(environ, Path(folder, "log"))
    return server, time.perf_counter() - began


def _request(server: Server) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a request that is a whole run."""
    cpu, began = _cpu_seconds(server), time.perf_counter()
    response = server.request()
    if not (isinstance(response.body, dict) and response.body.get("complete")):
        raise SystemExit(f"The run failed: {response}\n{server.log_text}")
    return time.perf_counter() - began, _cpu_seconds(server) - cpu


def _mebibytes(server: Server) -> float:
    """Return the worker's peak, and what the server has without what it shares with its worker."""
    status = Path(f"/proc/{server.worker}/status").read_text("utf-8")
    rollup = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text("utf-8")
    sizes = re.findall(r"VmHWM:\s+(\d+) kB", status)
    sizes += re.findall(r"Private_\w+:\s+(\d+) kB", rollup)
    return sum(map(int, sizes)) / 1024


def _cpu_seconds(server: Server) -> float:
    """Return the CPU that the server and its worker have used."""
    ticks = 0
    for process in (server.process.pid, server.worker):
        _, fields = Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)
        ticks += sum(map(int, fields.split()[11:13]))  # utime and stime
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
