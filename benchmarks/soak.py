"""A day of the function and one of `watch` in minutes: does memory grow, do threads or sockets?

The function answers a request for each minute of a day, and `watch` runs every ten seconds of one,
each in a process of its own, while streams change and calls fail. Their clock and the emulator's
are set by this program. Exits with 1 if something grows, the schedule drifts, a point is lost, or a
state is wrong in the end.
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

from lab.terminal import print_table
from lab.terminal import show_progress
from exporter.function import Function
from exporter.google.calls import Deadline
from exporter.logs import Text, logging_to
from exporter.run_log import RunLog, summary
from exporter.runs import session
from exporter.runs import Runs, run_every
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from tests.exporter.function.proxy import Proxy
from tests.exporter.function.server import MAXRSS_OF_A_MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.run import Report

START = 1_800_000_000
LOCATIONS = ("europe-west1", "europe-west3", "us-central1", "us-east1", "asia-east1")
STREAMS = 5
"""In each location."""

CONFIG = "metrics: {project: soak-test}\nsources: [{project: soak-test}]\n"

INTERVALS = {"function": 60, "watch": 10}
"""Seconds from one run to the next, by mode."""

MOST_GROWTH = 4.0
"""MiB from the first hour to the last."""

MOST_LATE = 0.1
"""Seconds that a run of `watch` may begin after its time."""

_TAKES = 0.7
_OVERSLEEPS = 0.005
"""Seconds on the simulated clock: each run of `watch`, and each wait that ends too late.

A schedule that counts from the end of a run, or of a wait, drifts by as much at each run.
"""

_FAULTS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"method": "ListStreams", "code": "UNAVAILABLE", "times": 2}, 7),
    ({"method": "ListStreams", "code": "PERMISSION_DENIED", "location": "us-east1"}, 45),
    ({"method": "ListLocations", "code": "INTERNAL"}, 60),
    ({"method": "CreateTimeSeries", "code": "UNAVAILABLE", "times": 1}, 11),
    ({"method": "CreateTimeSeries", "code": "INTERNAL", "times": 1, "when": "after"}, 13),
)
"""What goes wrong, and every how many minutes, for one run."""

_NONE = "–"  # noqa: RUF001 - the dash of an empty cell
_SHOWN = 4 * 60
"""Minutes of a row of the table."""

_HEADINGS = (
    "mode",
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
    "late s",
)


class Run(NamedTuple):
    """How one run went, and what the process had after it.

    Attributes:
        body: The numbers of the run.
        late: How many seconds after its time it began.
        mebibytes: The most memory so far.
        threads: How many there are.
        sockets: How many there are.
    """

    body: dict[str, Any]
    late: float
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
    """Let a day pass in each mode, print a row for every four hours, and say what is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=24 * 60, help="pass less than a day")
    parser.add_argument("--mode", choices=INTERVALS, help="pass it in this mode only")
    args = parser.parse_args(argv)
    rows: list[tuple[str, ...]] = []
    wrong: list[str] = []
    for mode in [args.mode] if args.mode else INTERVALS:
        runs, untrue = _pass_a_day(mode, args.minutes)
        shown = _SHOWN * 60 // INTERVALS[mode]
        rows += [
            _row(mode, start // 60, runs[start * shown // _SHOWN :][:shown])
            for start in range(0, args.minutes, _SHOWN)
        ]
        wrong += [f"{mode}: {sentence}" for sentence in _wrong(mode, runs) + untrue]
    print_table(_HEADINGS, rows, sys.stdout, right=_HEADINGS[1:])
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
            _, body = function.answer("POST", "/")
            _respond(body, 0.0, responses)


def be_watch(requests: IO[str], responses: IO[str]) -> None:
    """Run every ten seconds; each line is the time at which the next run is due."""
    clock = _Clock()
    environ = {**os.environ, "DATASTREAM_EXPORTER_CONFIG": CONFIG}
    stop = _Stop(clock, requests)
    interval = INTERVALS["watch"]
    with (
        Path(os.devnull).open("w", encoding="utf-8") as log,
        logging_to(log, Text()),
        session(environ) as prepared,
    ):
        run_log = RunLog(clock)

        def show(report: Report) -> None:
            run_log.log(report)
            late = clock.now - stop.due
            _respond({"complete": report.complete, **summary(report)}, late, responses)

        runs = Runs(
            prepared.clients,
            prepared.config,
            prepared.task,
            show,
            interval=interval,
            monotonic=clock,
            now=clock,
        )

        def work() -> None:
            runs.once(Deadline.after(interval))
            clock.now += _TAKES

        stop.wait(0)
        run_every(work, interval, stop, monotonic=clock)


class _Stop(threading.Event):
    """Each wait lets the clock's time pass, at once, as soon as a line says that a run is due.

    Attributes:
        due: When that run is due.
    """

    def __init__(self, clock: _Clock, requests: IO[str]) -> None:
        super().__init__()
        self.due = clock.now
        self._clock = clock
        self._requests = requests

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the next line; without another one it is time to stop."""
        line = self._requests.readline()
        if line:
            self.due = float(line)
            self._clock.now += (timeout or 0.0) + _OVERSLEEPS
        else:
            self.set()
        return self.is_set()


def _respond(body: object, late: float, responses: IO[str]) -> None:
    run = (body, late, _mebibytes(), _threads(), _sockets())
    print(json.dumps(run), file=responses, flush=True)


def _pass_a_day(mode: str, minutes: int) -> tuple[list[Run], list[str]]:
    """Return the runs of a day, and which states are wrong after the last."""
    clock, interval = _Clock(), INTERVALS[mode]
    world = World.model_validate(_world(minutes, interval))
    with ExitStack() as running:
        cloud = running.enter_context(Emulator(world, clock=clock))
        proxies = {
            name: running.enter_context(Proxy(address)) for name, address in cloud.environ.items()
        }
        process = running.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.soak", "be", mode],
                env={**os.environ, **{name: each.address for name, each in proxies.items()}},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        running.callback(process.kill)
        progress = running.enter_context(show_progress(sys.stderr))
        times = range(0, 60 * minutes, interval)
        runs = [
            _pass_an_interval(seconds, clock, process, list(proxies.values()))
            for seconds in progress.track(f"passing a day of {mode}", times, len(times))
        ]
        return runs, _untrue(cloud, clock.now)


def _pass_an_interval(
    seconds: int, clock: _Clock, process: subprocess.Popen[str], proxies: list[Proxy]
) -> Run:
    """Let the process run; before that, connections may have died."""
    clock.now = float(START + seconds)
    for proxy in proxies:
        if seconds % (240 * 60) == 100 * 60:
            proxy.silence()
        elif seconds % (60 * 60) == 30 * 60:
            proxy.cut()
    assert process.stdin  # noqa: S101 - both are pipes, which the type of a process does not say
    assert process.stdout  # noqa: S101 - the same
    print(clock.now, file=process.stdin, flush=True)
    passed = Run(*json.loads(process.stdout.readline()))
    if "calls" not in passed.body:
        raise SystemExit(f"second {seconds} had no run: {passed.body}")
    return passed


def _row(mode: str, hour: int, runs: list[Run]) -> tuple[str, ...]:
    def total(name: str) -> int:
        return sum(int(each.body[name]) for each in runs)

    # The calls of a run of `watch` depend on what is due.
    usual_calls = min(each.body["calls"] for each in runs) * len(runs)
    retries = f"{total('calls') - usual_calls:,}" if mode == "function" else _NONE
    last = runs[-1]
    return (
        mode,
        f"{hour}-{hour + len(runs) * INTERVALS[mode] // 3600}",
        f"{len(runs):,}",
        f"{sum(not each.body['complete'] for each in runs)}",
        f"{total('unreadable')}",
        retries,
        f"{total('written'):,}",
        f"{total('lost')}",
        f"{last.mebibytes:.1f}",
        f"{max(each.threads for each in runs)}",
        f"{max(each.sockets for each in runs)}",
        f"{max(each.late for each in runs):.3f}",
    )


def _wrong(mode: str, runs: list[Run]) -> list[str]:
    """Return what grew, what was late, and what was lost."""
    hour = 3600 // INTERVALS[mode]
    first, last = runs[:hour], runs[-hour:]
    growth = max(each.mebibytes for each in last) - max(each.mebibytes for each in first)
    wrong = []
    if growth > MOST_GROWTH:
        wrong.append(f"memory grew by {growth:.1f} MiB, not at most {MOST_GROWTH}")
    for name in ("threads", "sockets"):
        most = [max(getattr(each, name) for each in some) for some in (first, last)]
        if most[1] > most[0]:
            wrong.append(f"{name} grew from {most[0]} to {most[1]}")
    if (late := max(abs(each.late) for each in runs)) > MOST_LATE:
        wrong.append(f"a run was {late:.3f} s off its time, not at most {MOST_LATE}")
    if lost := sum(each.body["lost"] for each in runs):
        wrong.append(f"{lost} points are lost")
    return wrong


def _untrue(cloud: Emulator, now: float) -> list[str]:
    """Return the streams whose state in the last minute is not the world's."""
    written = {
        (point.resource_labels["location"], point.resource_labels["node_id"]): point.value
        for point in cloud.points("custom.googleapis.com/datastream/stream/state")
        if point.time > now - 60
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


def _world(minutes: int, interval: int) -> dict[str, Any]:
    """Return a fleet in which a stream changes every 5 minutes, and calls of some runs fail."""
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
        {"from": f"{60 * minute}s", "until": f"{60 * minute + interval - 1}s", **fault}
        for fault, every in _FAULTS
        for minute in range(every, minutes - 1, every)
    ]
    locations = [{"id": id_, "streams": [{"id": each} for each in ids]} for id_ in LOCATIONS]
    project = {"id": "soak-test", "number": 1, "locations": locations}
    return {"projects": [project], "events": events, "faults": faults}


def _mebibytes() -> float:
    """Return the most memory so far.

    On Linux, ``ru_maxrss`` starts with what the parent process had when it started this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_OF_A_MIB
    lines = status.read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _threads() -> int:
    """Return the number of threads, where the system tells it with those that gRPC starts."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.exists() else threading.active_count()


def _sockets() -> int:
    return sum(each.is_socket() for each in Path("/dev/fd").iterdir())


if __name__ == "__main__":
    if sys.argv[1:2] == ["be"]:
        be = {"function": be_the_function, "watch": be_watch}[sys.argv[2]]
        be(sys.stdin, sys.stdout)
    else:
        sys.exit(main(sys.argv[1:]))
