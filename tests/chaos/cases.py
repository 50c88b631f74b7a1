"""Lists what can go wrong with a run, and runs the exporter while it does."""

import io
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import yaml

from exporter.command.cli import main
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ, parse_world

DEADLINE_SECONDS = 6
_WORLD = Path(__file__).with_name("world.yaml")

# A discovery, and a location that nothing else tells of
DISCOVERY = "acme-orders/global"
DISCOVERED = "acme-orders/us-west1"
_LOCATION = "acme-metrics/europe-west1"
_DISCOVER = {"method": "ListLocations", "project": "acme-orders"}
_READ = {"method": "ListStreams", "project": "acme-metrics", "location": "europe-west1"}
_WRITE = {"method": "CreateTimeSeries"}


class _Calls(NamedTuple):
    """Calls that a fault meets, and the places that can't be read without them."""

    fault: dict[str, str]
    unread: tuple[str, ...] = ()


_CALLS = (
    _Calls(_DISCOVER, (DISCOVERY, DISCOVERED)),
    _Calls(_READ, (_LOCATION,)),
    _Calls(_WRITE),
    _Calls(_WRITE | {"when": "after"}),
)

# Codes after which the same call can succeed
_TRANSIENT = (
    "ABORTED",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
)
_CODES = [code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
_FINAL = [code for code in _CODES if code not in _TRANSIENT]
_FAULTS: dict[str, list[dict[str, str]]] = {
    "an error that can pass": [
        *({"code": code} for code in _TRANSIENT),
        *({"code": code, "retry_delay": "50ms"} for code in _TRANSIENT),
    ],
    "another error": [{"code": code} for code in _FINAL],
    "a wrong answer": [
        {"answer": "garbled"},
        {"answer": "too_large"},
        {"answer": "same_page"},
    ],
    "no answer": [{"latency": "30s"}],
}
# Whether a run loses nothing where these come once or twice; else it depends
_PASSES = {"an error that can pass": True, "another error": False}
# Each call takes as long as one to another continent, so that signals meet them too
_SLOW = {"latency": "100ms"}


class Interrupt(NamedTuple):
    """A signal that a process gets after some seconds, perhaps twice."""

    number: signal.Signals
    seconds: float
    twice: bool


class SeriesKey(NamedTuple):
    """A time series: its metric's short name, its PROJECT/LOCATION and its node."""

    metric: str
    place: str
    node: str


@dataclass(frozen=True, slots=True)
class Case:
    """Something that goes wrong."""

    kind: str  # its row of the table
    world: dict[str, Any]  # keys of the world file: its ``faults`` and ``events``
    # Whether a run must lose nothing. If not, it can't read ``unread``. None: it
    # depends
    passes: bool | None = None
    unread: tuple[str, ...] = ()  # the places that it may leave unread
    # Runs at the same time, each with its signal. Without any, this process runs
    processes: tuple[Interrupt | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What the runs of a case did; ``points`` has each series' newest value."""

    exit_codes: Sequence[int]
    seconds: float
    points: dict[SeriesKey, float]
    log: str


def matrix() -> Iterator[Case]:
    """Yield each fault, once, twice and always, and each outage of a location."""
    for kind, faults in _FAULTS.items():
        for calls, fault, times in itertools.product(_CALLS, faults, (1, 2, None)):
            world = {"faults": [calls.fault | fault | {"times": times}]}
            passes = _PASSES.get(kind)
            often = "once or twice"
            if times is None:
                passes = False
                often = "always"
            yield Case(f"{kind}, {often}", world, passes, calls.unread)
    for code in _CODES:
        refused = _WRITE | {"code": code, "refuses": 3, "times": 1}
        yield Case("a write that is refused in part", {"faults": [refused]})
    for outage in ("unavailable", "listed", "partial"):
        event = {
            "at": "0s",
            "location": "europe-west1",
            "do": "unreachable",
            "outage": outage,
        }
        yield Case(
            "an unreachable location",
            {"events": [event]},
            passes=False,
            unread=(_LOCATION,),
        )


def interrupted(drawn: random.Random) -> Case:
    """Return a slow run that gets a signal at a random moment of its three seconds."""
    number = drawn.choice([signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    seconds = drawn.uniform(0.001, 3)
    twice = drawn.random() < 1 / 2
    interrupt = Interrupt(number, seconds, twice)
    return Case("a signal at any moment", {"faults": [_SLOW]}, processes=(interrupt,))


def overlap(count: int) -> Case:
    """Return runs at the same time, while writes fail before or after their effect."""
    before = _WRITE | {"times": count, "code": "UNAVAILABLE"}
    after = _WRITE | {"times": count, "code": "INTERNAL", "when": "after"}
    world = {"faults": [_SLOW, before, after]}
    return Case("runs at the same time", world, processes=(None,) * count)


def play(case: Case) -> Observed:
    """Run the exporter's own command line while a case goes wrong."""
    data = yaml.safe_load(_WORLD.read_text("utf-8")) | case.world
    if not case.processes:
        data["config"]["run"] = {"deadline": f"{DEADLINE_SECONDS}s"}
    world = parse_world(yaml.safe_dump(data), _WORLD.name)
    with Emulator(world) as emulator:
        environ = emulator.environ | config_environ(world, _WORLD.name)
        began = time.monotonic()
        exit_codes, log = _run(case.processes, environ)
        seconds = time.monotonic() - began
        points: dict[SeriesKey, float] = {}
        for point in emulator.points():
            labels = point.resource_labels
            place = f"{labels['namespace']}/{labels['location']}"
            metric = point.metric_type.removeprefix("custom.googleapis.com/datastream/")
            series = SeriesKey(metric, place, labels["node_id"])
            points[series] = max(points.get(series, 0.0), float(point.value))
    return Observed(exit_codes, seconds, points, log)


def _run(
    processes: Sequence[Interrupt | None], environ: dict[str, str]
) -> tuple[Sequence[int], str]:
    """Run the exporter in this process or in others; return all exit codes and logs."""
    if not processes:
        log = io.StringIO()
        code = main(["run"], environ, io.StringIO(), log)
        return [code], log.getvalue()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "exporter", "run"],
            env=os.environ | environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in processes
    ]
    for process, interrupt in zip(running, processes, strict=True):
        if interrupt:
            time.sleep(interrupt.seconds)
            process.send_signal(interrupt.number)
            if interrupt.twice:
                process.send_signal(interrupt.number)
    logs = "".join(process.communicate()[1] for process in running)
    return [process.returncode for process in running], logs
