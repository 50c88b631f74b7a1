"""Lets the function and ``watch`` run for five minutes with faults; ``make soak`` runs it.

Each minute has the same faults: calls fail, are refused or are slow, connections are
cut, and the function's go silent. Exits with 1 if memory, threads or open files grow,
if the schedule drifts, if points are lost, or if a stream's last state is wrong. It
reads /proc, so it needs Linux.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from lab.terminal import print_table, show_progress
from tests.exporter.function.proxy import Proxy
from tests.exporter.function.server import Server

MINUTES = 5
CALLED = 12  # seconds from one call of the function to the next
INTERVAL = 10  # seconds from one run of `watch` to the next
# Each reads a project of its own and writes into it
PROJECTS = {"function": "function-soak", "watch": "watch-soak"}
CONFIG = "metrics: {project: PROJECT}\nsources: [{project: PROJECT}]\n"
MOST_LATE = 2  # seconds; timestamps are whole seconds, and the machine may be busy
LOCATIONS = ("europe-west1", "europe-west3", "us-central1", "us-east1", "asia-east1")
# From and until which second of each minute, and what goes wrong then
FAULTS: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (6, 18, {"method": "ListStreams", "code": "UNAVAILABLE", "times": 4}),
    (
        18,
        30,
        {"method": "CreateTimeSeries", "code": "INTERNAL", "times": 4, "when": "after"},
    ),
    (
        30,
        42,
        {"method": "ListStreams", "code": "PERMISSION_DENIED", "location": "us-east1"},
    ),
    (42, 54, {"method": "ListStreams", "latency": "4s", "location": "us-central1"}),
)
_HEADINGS = ("mode", "minute", "MiB", "threads", "files")


class Held(NamedTuple):
    """What a process holds between two runs."""

    mebibytes: float  # of memory
    threads: int
    files: int  # open ones, connections included


# From the second minute to the last
MOST_GROWTH = Held(mebibytes=4.0, threads=0, files=0)


def main() -> int:
    """Run both, print what they held in each minute, and say what is wrong."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        cloud = running.enter_context(Emulator(World.model_validate(_world())))
        proxies = {
            mode: {
                name: running.enter_context(Proxy(at))
                for name, at in cloud.environ.items()
            }
            for mode in PROJECTS
        }
        environ = {
            mode: (
                {name: proxy.address for name, proxy in proxies[mode].items()}
                | {
                    "DATASTREAM_EXPORTER_CONFIG": CONFIG.replace(
                        "PROJECT", PROJECTS[mode]
                    )
                }
            )
            for mode in PROJECTS
        }
        function = Server(environ["function"], folder / "function.log")
        running.callback(function.close)
        log = folder / "watch.log"
        watch = subprocess.Popen(
            [sys.executable, "-m", "exporter", "watch", "--interval", f"{INTERVAL}s"],
            env={**os.environ, **environ["watch"]},
            stdout=subprocess.DEVNULL,
            stderr=running.enter_context(log.open("wb")),
        )
        running.callback(watch.kill)
        minutes = []
        start = time.monotonic()
        progress = running.enter_context(show_progress(sys.stderr))
        for minute in progress.track("minutes", range(MINUTES), MINUTES):
            for proxy in proxies["function"].values():
                proxy.silence()
            for proxy in proxies["watch"].values():
                proxy.cut()
            minutes.append(_pass_a_minute(start + 60 * minute, function, watch, log))
    return _report(
        cloud, {mode: [minute[mode] for minute in minutes] for mode in PROJECTS}
    )


def _pass_a_minute(
    start: float, function: Server, watch: subprocess.Popen[bytes], log: Path
) -> dict[str, Held]:
    """Call the function for a minute; return the least that each process held meanwhile."""
    held: dict[str, list[Held]] = {mode: [] for mode in PROJECTS}
    for second in range(0, 60, CALLED):
        time.sleep(max(0.0, start + second - time.monotonic()))
        if function.request().status != HTTPStatus.OK:
            raise SystemExit(f"wrong: the function failed\n{function.log_text}")
        if watch.poll() is not None:
            raise SystemExit(f"wrong: watch ended\n{log.read_text('utf-8')}")
        time.sleep(1)  # the threads of the run end
        for mode, process in (("function", function.worker), ("watch", watch.pid)):
            held[mode].append(_held(process))
    return {
        mode: Held(*map(min, zip(*some, strict=True))) for mode, some in held.items()
    }


def _report(cloud: Emulator, held: Mapping[str, Sequence[Held]]) -> int:
    """Print what each process held, and what is wrong; return the exit code."""
    rows = [
        (mode, f"{minute}", f"{one.mebibytes:.1f}", f"{one.threads}", f"{one.files}")
        for mode in PROJECTS
        for minute, one in enumerate(held[mode], 1)
    ]
    print_table(_HEADINGS, rows, sys.stdout, right=_HEADINGS[1:])
    wrong = [*_drift(cloud)]
    for mode in PROJECTS:
        wrong += (*_growth(mode, held[mode]), *_untrue(mode, cloud))
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return 1 if wrong else 0


def _held(process: int) -> Held:
    status = Path(f"/proc/{process}/status").read_text("ascii")
    found = {
        name: int(number) for name, number in re.findall(r"(\w+):\s+(\d+)", status)
    }
    files = sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    return Held(found["VmRSS"] / 1024, found["Threads"], files)


def _growth(mode: str, minutes: Sequence[Held]) -> Iterator[str]:
    """Yield what grew from the second minute to the last."""
    growth = zip(Held._fields, MOST_GROWTH, minutes[1], minutes[-1], strict=True)
    for what, most, before, after in growth:
        if after - before > most:
            yield f"{mode}: {what} grew from {before:g} to {after:g}"


def _drift(cloud: Emulator) -> Iterator[str]:
    """Yield when `watch` ran, if a run is missing or off the schedule that the first one began."""
    times = [
        int(point.time)
        for point in cloud.points("custom.googleapis.com/datastream/exporter/last_run")
        if point.project == PROJECTS["watch"]
    ]
    due = range(times[0], times[-1] + MOST_LATE, INTERVAL)
    late = [at - then for at, then in zip(times, due, strict=False)]
    if len(times) != len(due) or max(map(abs, late)) > MOST_LATE:
        yield f"watch: it ran at {times}, not every {INTERVAL} s"


def _untrue(mode: str, cloud: Emulator) -> Iterator[str]:
    """Yield how many points were lost, and each stream whose last state is not the world's."""
    points = [point for point in cloud.points() if point.project == PROJECTS[mode]]
    lost = sum(
        point.value for point in points if point.metric_type.endswith("/points_lost")
    )
    if lost:
        yield f"{mode}: {lost} points were lost"
    states = {
        (
            point.resource_labels["location"],
            point.resource_labels["node_id"],
        ): point.value
        for point in sorted(points, key=lambda point: point.time)
        if point.metric_type.endswith("/stream/state")
    }
    for location in cloud.fleet().projects[PROJECTS[mode]].locations.values():
        for stream in location.streams.values():
            state = states.get((location.id, stream.id))
            if state != stream.state:
                yield (
                    f"{mode}: {location.id}/{stream.id} is {state}, not {stream.state}"
                )


def _world() -> Mapping[str, Any]:
    """Return two projects with the same streams; one location's change every 15 seconds."""
    locations = [
        {"id": id_, "streams": [{"id": "stream-{}", "count": 5}]} for id_ in LOCATIONS
    ]
    changes = (
        {"do": "fail", "reason": "LOST"},
        {"do": "heal"},
        {"do": "pause"},
        {"do": "resume"},
    )
    return {
        "projects": [
            {"id": project, "number": number, "locations": locations}
            for number, project in enumerate(PROJECTS.values(), 1)
        ],
        "events": [
            {
                "at": f"{60 * minute + 15 * number}s",
                "stream": f"*/locations/{id_}/*",
                **change,
            }
            for minute, id_ in enumerate(LOCATIONS[: MINUTES - 1])
            for number, change in enumerate(changes)
        ],
        "faults": [
            {
                "from": f"{60 * minute + since}s",
                "until": f"{60 * minute + until}s",
                **fault,
            }
            for minute in range(MINUTES)
            for since, until, fault in FAULTS
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
