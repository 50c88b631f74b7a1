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
from collections.abc import Iterator, Sequence
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
  - {at: MINUTEm0s, stream: "*/locations/LOCATION/*", do: fail, reason: LOST}
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


class Soaked(NamedTuple):
    """A mode that runs."""

    project: str
    process: subprocess.Popen[bytes]
    log: Path
    proxies: Sequence[Proxy]  # its way to Datastream and to Cloud Monitoring
    held: list[Held]  # by minute

    def check(self) -> None:
        """Exit where the process has ended."""
        if self.process.poll() is not None:
            self.fail("ended")

    def fail(self, how: str) -> None:
        """Exit with the process's log."""
        raise SystemExit(f"wrong: {self.project} {how}\n{self.log.read_text('utf-8')}")


def main() -> int:
    """Run both modes, print what they held in each minute, and say what is wrong."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        cloud = running.enter_context(Emulator(_world()))
        log = folder / "function.log"
        environ, proxies = _way(FUNCTION, cloud, running)
        server = Server(environ, log)
        running.callback(server.close)
        function = Soaked(
            FUNCTION,
            server.process,
            log,
            proxies,
            [],
        )
        watch = _watch(cloud, folder / "watch.log", running)
        server.wait_for(server.listens)
        start = time.monotonic()
        for minute in range(MINUTES):
            for proxy in function.proxies:
                proxy.silence()
            for proxy in watch.proxies:
                proxy.cut()
            _pass_a_minute(
                start + 60 * minute,
                server,
                function,
                watch,
            )
    return _report(cloud, function, watch)


def _way(
    project: str, cloud: Emulator, running: ExitStack
) -> tuple[dict[str, str], list[Proxy]]:
    """Return the environment of a mode, and the proxies through which it calls."""
    environ = {"DATASTREAM_EXPORTER_CONFIG": CONFIG.replace("PROJECT", project)}
    proxies = []
    for name, address in cloud.environ.items():
        proxy = running.enter_context(Proxy(address))
        proxies.append(proxy)
        environ[name] = proxy.address
    return environ, proxies


def _watch(
    cloud: Emulator,
    log: Path,
    running: ExitStack,
) -> Soaked:
    """Run ``watch`` until the end."""
    environ, proxies = _way(WATCH, cloud, running)
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "watch", "--interval", f"{INTERVAL}s"],
        env={**os.environ, **environ},
        stdout=running.enter_context(log.open("wb")),
        stderr=subprocess.STDOUT,
    )
    running.callback(process.wait)
    running.callback(process.terminate)
    return Soaked(
        WATCH,
        process,
        log,
        proxies,
        [],
    )


def _pass_a_minute(
    start: float,
    server: Server,
    function: Soaked,
    watch: Soaked,
) -> None:
    """Call the function for a minute; note and print the least that each mode held."""
    samples: dict[str, list[Held]] = {FUNCTION: [], WATCH: []}
    for second in range(0, 60, CALLED):
        due = start + second
        time.sleep(max(0.0, due - time.monotonic()))
        if server.request().status != HTTPStatus.OK:
            function.fail("failed")
        watch.check()
        time.sleep(1)  # the threads of the run end
        samples[FUNCTION].append(_held(server.worker))
        samples[WATCH].append(_held(watch.process.pid))
    for soaked in (function, watch):
        columns = zip(*samples[soaked.project], strict=True)
        least = map(min, columns)
        held = Held(*least)
        soaked.held.append(held)
        print(
            f"{soaked.project}: {held.mebibytes:.1f} MiB,"
            f" {held.threads} threads, {held.files} open files"
        )


def _held(process: int) -> Held:
    status = Path(f"/proc/{process}/status").read_text("ascii")
    found = dict(re.findall(r"(\w+):\s+(\d+)", status))
    files = [*Path(f"/proc/{process}/fd").iterdir()]
    return Held(
        mebibytes=int(found["VmRSS"]) / 1024,
        threads=int(found["Threads"]),
        files=len(files),
    )


def _report(cloud: Emulator, *modes: Soaked) -> int:
    """Print what is wrong; return the exit code."""
    wrong = [*_drift(cloud)]
    for soaked in modes:
        wrong += _growth(soaked)
        wrong += _untrue(soaked, cloud)
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return 1 if wrong else 0


def _growth(soaked: Soaked) -> Iterator[str]:
    """Yield what grew from the second minute to the last."""
    second = soaked.held[1]
    last = soaked.held[-1]
    growth = zip(
        Held._fields,
        MOST_GROWTH,
        second,
        last,
        strict=True,
    )
    for what, most, before, after in growth:
        if after - before > most:
            yield f"{soaked.project}: {what} grew from {before:g} to {after:g}"


def _drift(cloud: Emulator) -> Iterator[str]:
    """Yield when ``watch`` ran, if a run is missing or off the first one's schedule."""
    points = cloud.points("custom.googleapis.com/datastream/exporter/last_run")
    times = [int(point.time) for point in points if point.project == WATCH]
    due = range(times[0], times[-1] + MOST_LATE, INTERVAL)
    late = [abs(at - then) for at, then in zip(times, due, strict=False)]
    if len(times) != len(due) or max(late) > MOST_LATE:
        yield f"watch: it ran at {times}, not every {INTERVAL} s"


def _untrue(soaked: Soaked, cloud: Emulator) -> Iterator[str]:
    """Yield how many points were lost, and each stream whose last state is wrong."""
    lost = 0
    states = {}
    points = sorted(cloud.points(), key=lambda point: point.time)
    for point in points:
        if point.project != soaked.project:
            continue
        if point.metric_type.endswith("/points_lost"):
            lost += int(point.value)
        if point.metric_type.endswith("/stream/state"):
            labels = point.resource_labels
            node = (labels["location"], labels["node_id"])
            states[node] = point.value
    if lost:
        yield f"{soaked.project}: {lost} points were lost"
    for location in cloud.fleet().locations.values():
        if location.project != soaked.project:
            continue
        for stream in location.streams.values():
            state = states.get((location.id, stream.id))
            if state != stream.state:
                where = f"{soaked.project}: {location.id}/{stream.id}"
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
