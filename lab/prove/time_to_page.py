"""Measures the time to page: from a change in Datastream to the incident.

The worst case counts. The change comes at any moment between two runs, the run starts as late as
Cloud Run may start it, its points become visible as late as they may, and evaluations come at any
second of their interval.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter import config
from exporter.config import locations
from lab.prove.evaluation import log_incidents, metric_incidents
from lab.prove.scenarios import engine_for
from lab.side_by_side import side_by_side
from lab.simulate.scenario import Scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.simulation import IngestionDelay, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from threading import Event

    from lab.policies.files import Policy
    from lab.prove.engine import Engine
    from lab.simulate.simulation import Recording

MODES = ("job", "function", "function_log_triggers", "worker_pool")
WORST_INGESTION = IngestionDelay(7.0, 7.0)
WORST_DELAYS = (0, 30, 10, 25, 15, 5)
"""Start delays of a job in seconds, run by run: the earliest is followed by the latest."""
COLD_STARTS = (0, 10)
"""The same for a function: every other start is cold."""

POLLING_SECONDS = 300
"""Worst case of a script that polls every five minutes."""

_START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
_EVERY_SECOND = 1.0
_FIRST_CHANGE = 120.0
_STEP = {"job": 12.0, "function": 10.0, "function_log_triggers": 10.0, "worker_pool": 1.0}
_CHANGING_FOR = {
    "job": 360.0,
    "function": 120.0,
    "function_log_triggers": 120.0,
    "worker_pool": 20.0,
}
"""Seconds over which the changes are spread: every start delay, two ticks of the worker pool."""
_APART = {"job": 0.0, "function": 120.0, "function_log_triggers": 360.0, "worker_pool": 10.0}
"""More seconds between two changes: a run logs 50 of them at most, and a run that the log of one
change causes would see another one too."""
_EXPORTERS: dict[str, dict[str, Any]] = {
    "job": {"mode": "job", "delays": WORST_DELAYS},
    "function": {"mode": "function", "delays": COLD_STARTS},
    "function_log_triggers": {"mode": "function", "log_triggers": True, "delays": COLD_STARTS},
    "worker_pool": {"mode": "worker_pool"},
}
"""How the exporter runs in each mode, as a scenario has it."""
_LONGEST_GAP = {"job": 90, "function": 70, "function_log_triggers": 70, "worker_pool": 10}
LONGEST_WAIT = 420.0
"""Seconds that are recorded after the last change, longer than each promised time to page."""
_JUST_AFTER = 0.1
_TOGETHER = 5


class TimedChange(NamedTuple):
    """A change whose time to page has a bound.

    Attributes:
        title: The change, as the table shows it.
        policy: The policy that fires.
        event: The event in a world's script; None: the exporter dies.
        streams: How many streams of a location change at once.
        bounds: Longest allowed time to page in seconds, by mode.
    """

    title: str
    policy: str
    event: dict[str, Any] | None
    streams: int
    bounds: dict[str, float]

    @property
    def polling_seconds(self) -> int | None:
        """Worst case of a polling script; None: it never notices."""
        return None if self.event is None else POLLING_SECONDS


_NEVER = math.inf


def _bounds(*seconds: float) -> dict[str, float]:
    return {mode: bound for mode, bound in zip(MODES, seconds, strict=True) if bound < _NEVER}


_FAIL_PERMANENTLY = {"do": "fail_permanently", "reason": "LOST"}
_FAIL = {"do": "fail", "reason": "DOWN"}
_DELETE = {"do": "delete"}
_PAUSE = {"do": "pause", "draining": 0}

CHANGES = (
    TimedChange(
        "FAILED_PERMANENTLY",
        "stream-failed-permanently",
        _FAIL_PERMANENTLY,
        1,
        _bounds(130, 110, 65, 60),
    ),
    TimedChange(
        "five FAILED_PERMANENTLY at once",
        "streams-failing-together",
        _FAIL_PERMANENTLY,
        _TOGETHER,
        _bounds(190, 170, 115, 120),
    ),
    TimedChange("FAILED", "stream-failed", _FAIL, 1, _bounds(190, 170, 115, 120)),
    TimedChange("deleted", "stream-missing", _DELETE, 1, _bounds(190, 170, 130, 120)),
    TimedChange(
        "paused by hand, from PAUSED",
        "stream-unexpected-state",
        _PAUSE,
        1,
        _bounds(250, 230, 175, 180),
    ),
    TimedChange(
        "FAILED, the message that says why",
        "stream-state-changed",
        _FAIL,
        1,
        _bounds(_NEVER, 80, 20, 20),
    ),
    TimedChange("exporter dead", "exporter-silent", None, 1, _bounds(360, 360, 360, 360)),
)
"""Every change whose time to page is promised."""


@dataclass(frozen=True, slots=True)
class TimeToPage:
    """The time to page of a change, in seconds.

    Attributes:
        change: The change.
        mode: How the exporter runs.
        worst: The longest time measured.
        median: The median.
        measured: How many times were measured.
    """

    change: TimedChange
    mode: str
    worst: float
    median: float
    measured: int

    @property
    def bound(self) -> float:
        """The longest allowed time, in seconds."""
        return self.change.bounds[self.mode]

    @property
    def kept(self) -> bool:
        """Whether the worst case is within the bound."""
        return self.worst <= self.bound


class TimedRecording(NamedTuple):
    """A recording with the changes to measure in it.

    Attributes:
        mode: How the exporter runs.
        recording: What it wrote.
        moments: By change title: the moment of each change, by the resource of its incident.
    """

    mode: str
    recording: Recording
    moments: dict[str, dict[str, float]]


@dataclass
class Measurements:
    """What was measured.

    Attributes:
        times: The times to page.
        failures: A sentence without its full stop for each change that did not always fire.
    """

    times: list[TimeToPage] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Measurements) -> None:
        """Add other measurements and keep the times in the order of the table."""
        self.times = sorted(
            self.times + other.times,
            key=lambda time: (CHANGES.index(time.change), MODES.index(time.mode)),
        )
        self.failures += other.failures

    @property
    def kept(self) -> bool:
        """Whether every change fired within its bound."""
        return not self.failures and all(time.kept for time in self.times)


class _Task(NamedTuple):
    """All that a worker process needs to measure a part."""

    mode: str
    dies: bool
    policies: tuple[Policy, ...]


TASKS = len(MODES) * 2
"""How many parts :func:`measure_all` yields."""


def missing_policies(policies: Iterable[Policy]) -> list[str]:
    """Return the names of the policies that the measurement needs and that are not there."""
    return sorted({change.policy for change in CHANGES} - {policy.name for policy in policies})


def measure_all(policies: Iterable[Policy], stop: Event) -> Iterator[Measurements]:
    """Measure every change in every mode, in :data:`TASKS` parts side by side.

    Args:
        policies: The policies, with those that :func:`missing_policies` looks for.
        stop: Ends it early once set.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
        WorkerEndedError: A worker process was killed.
    """
    names = {change.policy for change in CHANGES}
    needed = tuple(policy for policy in policies if policy.name in names)
    tasks = [_Task(mode, dies, needed) for mode, dies in itertools.product(MODES, (False, True))]
    yield from side_by_side(_measure_task, tasks, stop)


def _measure_task(task: _Task) -> Measurements:
    timed = (record_death if task.dies else record_changes)(task.mode)
    with engine_for([timed.recording]) as engine:
        return measure(timed, task.policies, engine)


def record_changes(mode: str, wait: float = LONGEST_WAIT) -> TimedRecording:
    """Record changes in Datastream at every moment between two runs, and some seconds more."""
    moments, world = _changing_world(mode)
    scenario = _scenario(f"changing-{mode}", mode, world, wait=wait)
    recording = simulate(scenario, _START, WORST_INGESTION)
    return TimedRecording(mode, recording, moments)


def record_death(mode: str, wait: float = LONGEST_WAIT) -> TimedRecording:
    """Record an exporter that dies after a run, and some seconds more."""
    scenario = _scenario(f"dying-{mode}", mode, _ONE_STREAM, dies=_FIRST_CHANGE, wait=wait)
    recording = simulate(scenario, _START, WORST_INGESTION)
    last_run = max(run.ended for run in recording.runs)
    return TimedRecording(mode, recording, {CHANGES[-1].title: {"": last_run}})


def measure(timed: TimedRecording, policies: Iterable[Policy], engine: Engine) -> Measurements:
    """Measure the changes of a recording.

    Args:
        timed: The recording.
        policies: The policies.
        engine: Holds the recording's series.
    """
    by_name = {policy.name: policy for policy in policies}
    measured = Measurements()
    for change in CHANGES:
        moments = timed.moments.get(change.title)
        policy = by_name.get(change.policy)
        if not moments or policy is None or timed.mode not in change.bounds:
            continue
        incidents = (
            log_incidents(policy, timed.recording)
            if policy.is_log
            else metric_incidents(policy, timed.recording, engine, _EVERY_SECOND)
        )
        times = [
            incident.opened - moments[incident.about]
            for incident in incidents
            if incident.about in moments
        ]
        if len(times) < len(moments) * (round(policy.interval / _EVERY_SECOND) or 1):
            measured.failures.append(
                f"{change.title}, {timed.mode}: not every change opens an incident"
            )
            continue
        if change.event is None:
            # The exporter may die at any moment between its last run and the next.
            times = [time - s for s in range(_LONGEST_GAP[timed.mode]) for time in times]
        measured.times.append(TimeToPage(change, timed.mode, max(times), median(times), len(times)))
    return measured


_ONE_STREAM: dict[str, Any] = {
    "projects": [
        {
            "id": "trial-0",
            "number": 1,
            "locations": [{"id": "europe-west1", "streams": [{"id": "orders"}]}],
        }
    ],
    "events": [],
}


def _changing_world(mode: str) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Return the moments of change and a world in which the changes happen then.

    Each moment has two locations: in one, one stream changes for each kind of change; in the other
    one, five streams change at once.
    """
    moments = _moments(mode)
    places = [
        (f"trial-{project}", location)
        for project in range(-(-len(moments) * 2 // len(locations.KNOWN)))
        for location in sorted(locations.KNOWN)
    ]
    streams: dict[str, dict[str, list[dict[str, Any]]]] = {}
    events: list[dict[str, Any]] = []
    changed_at: dict[str, dict[str, float]] = {}
    for index, moment in enumerate(moments):
        for change in CHANGES:
            if change.event is None:
                continue
            project, location = places[index * 2 + (change.streams > 1)]
            parent = f"projects/{project}/locations/{location}"
            streams.setdefault(project, {}).setdefault(location, []).append(
                {"id": f"{change.policy}-{{}}", "count": change.streams}
            )
            names = [
                f"{parent}/streams/{change.policy}-{number + 1}" for number in range(change.streams)
            ]
            events += [change.event | {"at": moment, "stream": name} for name in names]
            resource = names[0] if change.streams == 1 else parent
            changed_at.setdefault(change.title, {})[resource] = moment
    projects = [
        {
            "id": project,
            "number": number,
            "locations": [{"id": key, "streams": value} for key, value in by_location.items()],
        }
        for number, (project, by_location) in enumerate(sorted(streams.items()), start=1)
    ]
    return changed_at, {"projects": projects, "events": events}


def _moments(mode: str) -> list[float]:
    """Return the moments of change: just after each run has read the streams, and evenly spread."""
    scenario = _scenario("moments", mode, _ONE_STREAM)
    end = _FIRST_CHANGE + _CHANGING_FOR[mode]
    runs = [run.at for run in scheduled_runs(scenario.exporters, end, "")]
    steps = round(_CHANGING_FOR[mode] / _STEP[mode])
    evenly = [_FIRST_CHANGE + number * _STEP[mode] for number in range(steps)]
    moments = sorted({*evenly, *(at + _JUST_AFTER for at in runs if at >= _FIRST_CHANGE)})
    return [moment + number * _APART[mode] for number, moment in enumerate(moments)]


def _scenario(
    name: str,
    mode: str,
    world: dict[str, Any],
    dies: float | None = None,
    wait: float = LONGEST_WAIT,
) -> Scenario:
    """Return a scenario that watches all of a world; the exporter may die at a moment."""
    projects = world["projects"]
    watched = {
        "metrics": {"project": projects[0]["id"]},
        "sources": [
            {"project": each["id"], "locations": [location["id"] for location in each["locations"]]}
            for each in projects
        ],
    }
    changes = [event["at"] for event in world["events"]]
    lasts = max((*changes, _FIRST_CHANGE + _CHANGING_FOR[mode])) + wait
    exporter = dict(_EXPORTERS[mode])
    if dies is not None:
        exporter["silent"] = [{"from": dies + 0.001, "until": lasts}]
    return Scenario.model_validate(
        {
            "name": name,
            "configs": (config.from_data(watched, name, {}).config,),
            "title": name,
            "what": "Measures the time to page.",
            "lasts": lasts,
            "exporters": [exporter],
            "world": {**world, "config": watched},
        }
    )
