"""Runs the function and ``watch`` for five minutes with faults; ``make soak`` runs it.

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
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from lab.emulator.emulator import Emulator
from lab.emulator.world import World, parse_world
from tests.exporter.function.server import Server
from tests.proxy import Proxy

MINUTES = 5
CALLED = 12  # seconds from one call of the function to the next
INTERVAL = 10  # seconds from one run of `watch` to the next
# Each mode reads a project of its own and writes into it.
FUNCTION = "function-soak"
WATCH = "watch-soak"
CONFIG = "metrics: {project: PROJECT}\nsources: [{project: PROJECT}]\n"
MOST_LATE = 2  # seconds; timestamps are whole seconds, and the machine may be busy
_PROJECTS = """\
projects:
  - id: function-soak
    number: 1
    locations: &locations
      - {id: europe-west1, streams: &streams [{id: "stream-{}", count: 5}]}
      - {id: europe-west3, streams: *streams}
      - {id: us-central1, streams: *streams}
      - {id: us-east1, streams: *streams}
      - {id: asia-east1, streams: *streams}
  - {id: watch-soak, number: 2, locations: *locations}
"""
# In each minute but the last, the streams of one of these change
_CHANGING = ("europe-west1", "europe-west3", "us-central1", "us-east1")
_CHANGES = """\
  - {at: MINUTEm1s, stream: "*/locations/LOCATION/*", do: fail, reason: LOST}
  - {at: MINUTEm15s, stream: "*/locations/LOCATION/*", do: heal}
  - {at: MINUTEm30s, stream: "*/locations/LOCATION/*", do: pause}
  - {at: MINUTEm45s, stream: "*/locations/LOCATION/*", do: resume}
"""
_FAULTS = """\
  - {from: MINUTEm6s, until: MINUTEm18s, method: ListStreams, times: 4,
     code: UNAVAILABLE}
  - {from: MINUTEm18s, until: MINUTEm30s, method: CreateTimeSeries, times: 4,
     code: INTERNAL, when: after}
  - {from: MINUTEm30s, until: MINUTEm42s, method: ListStreams, location: us-east1,
     code: PERMISSION_DENIED}
  - {from: MINUTEm42s, until: MINUTEm54s, method: ListStreams, location: us-central1,
     latency: 4s}
"""


class Held(NamedTuple):
    """What a process holds between two runs."""

    mebibytes: float  # of memory
    threads: int
    files: int  # open ones, connections included


# From the second minute to the last
MOST_GROWTH = Held(mebibytes=4.0, threads=0, files=0)


def main() -> int:
    """Run both modes, print what they held in each minute, and say what is wrong."""
    held: dict[str, list[Held]] = {FUNCTION: [], WATCH: []}
    proxies: dict[str, list[Proxy]] = {FUNCTION: [], WATCH: []}
    environs = {}
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        cloud = running.enter_context(Emulator(_world()))
        for mode, ways in proxies.items():
            environ = {"DATASTREAM_EXPORTER_CONFIG": CONFIG.replace("PROJECT", mode)}
            for name, address in cloud.environ.items():
                ways.append(running.enter_context(Proxy(address)))
                environ[name] = ways[-1].address
            environs[mode] = environ
        server = Server(environs[FUNCTION], folder / "function.log")
        running.callback(server.close)
        log = folder / "watch.log"
        watch = subprocess.Popen(
            [sys.executable, "-m", "exporter", "watch", "--interval", f"{INTERVAL}s"],
            env={**os.environ, **environs[WATCH]},
            stdout=running.enter_context(log.open("wb")),
            stderr=subprocess.STDOUT,
        )
        running.callback(watch.wait)
        running.callback(watch.terminate)
        server.wait_for(server.listens)
        start = time.monotonic()
        for minute in range(MINUTES):
            for proxy in proxies[FUNCTION]:
                proxy.silence()
            for proxy in proxies[WATCH]:
                proxy.cut()
            samples: dict[str, list[Held]] = {FUNCTION: [], WATCH: []}
            for second in range(0, 60, CALLED):
                due = start + 60 * minute + second
                time.sleep(max(0.0, due - time.monotonic()))
                if server.request().status != HTTPStatus.OK:
                    raise SystemExit(f"wrong: the function failed\n{server.log_text}")
                if watch.poll() is not None:
                    raise SystemExit(f"wrong: watch ended\n{log.read_text('utf-8')}")
                time.sleep(1)  # the threads of the run end
                samples[FUNCTION].append(_held(server.worker))
                samples[WATCH].append(_held(watch.pid))
            for mode, found in samples.items():
                least = Held(*map(min, zip(*found, strict=True)))
                held[mode].append(least)
                print(
                    f"{mode}: {least.mebibytes:.1f} MiB,"
                    f" {least.threads} threads, {least.files} open files"
                )
    wrong = [*_drift(cloud)]
    for mode, minutes in held.items():
        wrong += _growth(mode, minutes)
        wrong += _untrue(mode, cloud)
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return 1 if wrong else 0


def _held(process: int) -> Held:
    status = Path(f"/proc/{process}/status").read_text("ascii")
    found = dict(re.findall(r"(\w+):\s+(\d+)", status))
    files = [*Path(f"/proc/{process}/fd").iterdir()]
    return Held(
        mebibytes=int(found["VmRSS"]) / 1024,
        threads=int(found["Threads"]),
        files=len(files),
    )


def _growth(mode: str, minutes: list[Held]) -> Iterator[str]:
    """Yield what grew from the second minute to the last."""
    for what, most in MOST_GROWTH._asdict().items():
        before, after = (getattr(minutes[at], what) for at in (1, -1))
        if after - before > most:
            yield f"{mode}: {what} grew from {before:g} to {after:g}"


def _drift(cloud: Emulator) -> Iterator[str]:
    """Yield when ``watch`` ran, if a run is missing or off the first one's schedule."""
    points = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    times = [int(point.time) for point in points if point.project == WATCH]
    due = range(times[0], times[-1] + MOST_LATE, INTERVAL)
    late = [abs(at - then) for at, then in zip(times, due, strict=False)]
    if len(times) != len(due) or max(late) > MOST_LATE:
        yield f"watch: it ran at {times}, not every {INTERVAL} s"


def _untrue(mode: str, cloud: Emulator) -> Iterator[str]:
    """Yield how many points were lost, and each stream whose last state is wrong."""
    lost = 0
    states = {}
    for point in sorted(cloud.points(), key=lambda point: point.time):
        if point.project != mode:
            continue
        if point.metric_type.endswith("/points_lost"):
            lost += int(point.value)
        if point.metric_type.endswith("/stream/state"):
            labels = point.resource_labels
            states[labels["location"], labels["node_id"]] = point.value
    if lost:
        yield f"{mode}: {lost} points were lost"
    for location in cloud.fleet().locations.values():
        for stream in location.streams.values():
            state = states.get((location.id, stream.id))
            if location.project == mode and state != stream.state:
                where = f"{mode}: {location.id}/{stream.id}"
                yield f"{where} is {state}, not {stream.state}"


def _world() -> World:
    """Return two projects with the same streams, changes and faults."""
    text = f"{_PROJECTS}events:\n"
    for minute, location in enumerate(_CHANGING):
        changes = _CHANGES.replace("LOCATION", location)
        text += changes.replace("MINUTE", str(minute))
    text += "faults:\n"
    for minute in range(MINUTES):
        text += _FAULTS.replace("MINUTE", str(minute))
    return parse_world(text, "world")


if __name__ == "__main__":
    sys.exit(main())
