"""A day of the function in minutes: is its memory flat, are its threads and sockets constant?

The function answers a request for each minute of a day, in a process of its own, while streams
change and calls fail. Its clock and the emulator's are one, which this program sets. Exits with 1
if something grows, a point is lost that the faults don't explain, or a state is wrong in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from exporter.cli.tables import print_table
from exporter.cli.terminal import show_progress
from exporter.function import Function
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.function.proxy import Proxy
from tests.exporter.function.server import MAXRSS_OF_A_MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 1_800_000_000
LOCATIONS = ("europe-west1", "europe-west3", "us-central1", "us-east1", "asia-east1")
STREAMS = 5
"""In each location."""

CONFIG = "metrics: {project: soak-test}\nsources: [{project: soak-test}]\n"

MOST_GROWTH = 4.0
"""MiB from the first hour to the last."""

_FAULTS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"method": "ListStreams", "code": "UNAVAILABLE", "times": 2}, 7),
    ({"method": "ListStreams", "code": "PERMISSION_DENIED", "location": "us-east1"}, 45),
    ({"method": "ListLocations", "code": "INTERNAL"}, 60),
    ({"method": "CreateTimeSeries", "code": "UNAVAILABLE", "times": 1}, 11),
    ({"method": "CreateTimeSeries", "code": "INTERNAL", "times": 1, "when": "after"}, 13),
)
"""What goes wrong, and every how many minutes, for one minute."""

_SHOWN = 4 * 60
"""Minutes of a row of the table."""

_HEADINGS = (
    "hours",
    "runs",
    "incomplete",
    "unreadable",
    "retries",
    "points",
    "lost",
    "MiB",
    "threads",
    "sockets",
)


class Minute(NamedTuple):
    """How one request went, and what the process had after it; MiB are the most so far."""

    status: int
    body: dict[str, Any]
    mebibytes: float
    threads: int
    sockets: int


class _Clock:
    """The unix time and the monotonic one, in seconds, as this program sets them."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


def main(argv: Sequence[str]) -> int:
    """Let the day pass, print a row for every four hours, and say what is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=24 * 60, help="pass less than a day")
    count: int = parser.parse_args(argv).minutes
    clock = _Clock()
    with ExitStack() as running:
        cloud = running.enter_context(Emulator(World.model_validate(_world(count)), clock=clock))
        proxies = {
            name: running.enter_context(Proxy(address)) for name, address in cloud.environ.items()
        }
        process = running.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.soak", "function"],
                env={**os.environ, **{name: each.address for name, each in proxies.items()}},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        running.callback(process.kill)
        progress = running.enter_context(show_progress(sys.stderr))
        minutes = [
            _pass_a_minute(minute, clock, process, list(proxies.values()))
            for minute in progress.track("passing a day", range(count), count)
        ]
        wrong = _wrong(minutes) + _untrue(cloud, clock.now)
    rows = [_row(start, minutes[start : start + _SHOWN]) for start in range(0, count, _SHOWN)]
    print_table(_HEADINGS, rows, sys.stdout, right=_HEADINGS)
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return 1 if wrong else 0


def be_the_function(requests: IO[str], responses: IO[str]) -> None:
    """Answer a request for each line, which is the time at that moment."""
    clock = _Clock()
    environ = {**os.environ, "DATASTREAM_EXPORTER_CONFIG": CONFIG}
    with (
        Path(os.devnull).open("w", encoding="utf-8") as log,
        Function(environ, log, monotonic=clock, now=clock) as function,
    ):
        for line in requests:
            clock.now = float(line)
            answer = function.answer("POST", "/")
            minute = (*answer, _mebibytes(), _threads(), _sockets())
            print(json.dumps(minute), file=responses, flush=True)


def _pass_a_minute(
    minute: int, clock: _Clock, process: subprocess.Popen[str], proxies: list[Proxy]
) -> Minute:
    """Send the request of a minute; before it, connections may have died."""
    clock.now = float(START + 60 * minute)
    for proxy in proxies:
        if minute % 240 == 100:  # noqa: PLR2004
            proxy.silence()
        elif minute % 60 == 30:  # noqa: PLR2004
            proxy.cut()
    assert process.stdin  # noqa: S101
    assert process.stdout  # noqa: S101
    print(clock.now, file=process.stdin, flush=True)
    passed = Minute(*json.loads(process.stdout.readline()))
    if "calls" not in passed.body:
        raise SystemExit(f"minute {minute} was no run: {passed.body}")
    return passed


def _row(start: int, minutes: list[Minute]) -> tuple[str, ...]:
    def total(name: str) -> int:
        return sum(int(each.body[name]) for each in minutes)

    usual_calls = min(each.body["calls"] for each in minutes)
    last = minutes[-1]
    return (
        f"{start // 60}-{start // 60 + len(minutes) // 60}",
        f"{len(minutes):,}",
        f"{sum(not each.body['complete'] for each in minutes)}",
        f"{total('unreadable')}",
        f"{total('calls') - usual_calls * len(minutes):,}",
        f"{total('written'):,}",
        f"{total('lost')}",
        f"{last.mebibytes:.1f}",
        f"{max(each.threads for each in minutes)}",
        f"{max(each.sockets for each in minutes)}",
    )


def _wrong(minutes: list[Minute]) -> list[str]:
    """Return what grew, and what was lost."""
    first, last = minutes[:60], minutes[-60:]
    growth = max(each.mebibytes for each in last) - max(each.mebibytes for each in first)
    wrong = []
    if growth > MOST_GROWTH:
        wrong.append(f"memory grew by {growth:.1f} MiB, not at most {MOST_GROWTH}")
    for name in ("threads", "sockets"):
        most = [max(getattr(each, name) for each in hour) for hour in (first, last)]
        if most[1] > most[0]:
            wrong.append(f"{name} grew from {most[0]} to {most[1]}")
    if lost := sum(each.body["lost"] for each in minutes):
        wrong.append(f"{lost} points are lost")
    return wrong


def _untrue(cloud: Emulator, now: float) -> list[str]:
    """Return the streams whose state in the last run is not the world's."""
    written = {
        (point.resource_labels["location"], point.resource_labels["node_id"]): point.value
        for point in cloud.points("custom.googleapis.com/datastream/stream/state")
        if point.time == now
    }
    world = {
        (location.id, stream.id): stream.state
        for location in cloud.fleet().projects["soak-test"].locations.values()
        for stream in location.streams.values()
    }
    return [
        f"{location}/{stream} is {written.get((location, stream))}, not {state}"
        for (location, stream), state in world.items()
        if written.get((location, stream)) != state
    ] + [f"{name} was written, but does not exist" for name in written.keys() - world.keys()]


def _world(minutes: int) -> dict[str, Any]:
    """Return a fleet in which a stream changes every 5 minutes, and calls fail in between."""
    ids = [f"stream-{number}" for number in range(STREAMS)]
    events: list[dict[str, Any]] = []
    for number, minute in enumerate(range(0, minutes - 30, 20)):
        name = f"*/locations/{LOCATIONS[number % len(LOCATIONS)]}/streams/{ids[number % STREAMS]}"
        for later, does in (
            (0, {"do": "fail", "reason": f"REASON_{number}"}),
            (5, {"do": "heal"}),
            (10, {"do": "delete"}),
            (15, {"do": "appear"}),
        ):
            events.append({"at": f"{60 * (minute + later) + 30}s", "stream": name, **does})
    faults = [
        {"from": f"{60 * minute}s", "until": f"{60 * minute + 59}s", **fault}
        for fault, every in _FAULTS
        for minute in range(every, minutes - 1, every)
    ]
    locations = [{"id": id_, "streams": [{"id": each} for each in ids]} for id_ in LOCATIONS]
    project = {"id": "soak-test", "number": 1, "locations": locations}
    return {"projects": [project], "events": events, "faults": faults}


def _mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_OF_A_MIB


def _threads() -> int:
    """Return the number of threads, where the system tells it with those that gRPC starts."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.exists() else threading.active_count()


def _sockets() -> int:
    return sum(each.is_socket() for each in Path("/dev/fd").iterdir())


if __name__ == "__main__":
    if sys.argv[1:] == ["function"]:
        be_the_function(sys.stdin, sys.stdout)
    else:
        sys.exit(main(sys.argv[1:]))
