"""Measures the time to page: from a change in Datastream to the incident.

The worst case counts. The change comes at any moment between two runs, the run starts as late as
Cloud Run may start it, its points become visible as late as they may, and evaluations come at any
second of their interval.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from threading import Event
from typing import Any, NamedTuple

from exporter import config
from exporter.config import locations
from exporter.inputs.yaml_text import packaged
from lab.emulator.world_values import WorldSection
from lab.policies.files import Policy
from lab.prove.engine import Engine
from lab.prove.evaluation import log_incidents, metric_incidents
from lab.prove.scenarios import engine_for
from lab.side_by_side import side_by_side
from lab.simulate.scenario import Scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.simulation import IngestionDelay, Recording, simulate

WORST_INGESTION = IngestionDelay(7.0, 7.0)
POLLING_SECONDS = 300
"""Worst case of a script that polls every five minutes."""
LONGEST_WAIT = 420.0
"""Seconds that are recorded after the last change, longer than each promised time to page."""

_START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
_EVERY_SECOND = 1.0
_FIRST_CHANGE = 120.0
_JUST_AFTER = 0.1


class TimedMode(WorldSection):
    """How the exporter runs while times to page are measured; all times in seconds.

    Attributes:
        exporter: The deployment, as a scenario has it.
        longest_gap: The longest time between the starts of two runs.
        changing_for: The time over which the changes are spread: every start delay, or two ticks.
        step: The time between two changes.
        apart: More time between two changes: a run logs 50 of them at most, and a run that the log
            of one change causes would see another one too.
    """

    exporter: dict[str, Any]
    longest_gap: int
    changing_for: float
    step: float
    apart: float = 0


class TimedChange(WorldSection):
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
    event: dict[str, Any] | None = None
    streams: int = 1
    bounds: dict[str, float]

    @property
    def polling_seconds(self) -> int | None:
        """Worst case of a polling script; None: it never notices."""
        return None if self.event is None else POLLING_SECONDS


class _Promises(WorldSection):
    modes: dict[str, TimedMode]
    changes: tuple[TimedChange, ...]


_PROMISES = _Promises.model_validate(packaged(__package__, "time_to_page.yaml"))
CHANGES = _PROMISES.changes
"""Every change whose time to page is promised."""
MODES = tuple(_PROMISES.modes)


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

    def add(self, other: "Measurements") -> None:
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
    recording = simulate(_scenario(mode, world, wait), _START, WORST_INGESTION)
    return TimedRecording(mode, recording, moments)


def record_death(mode: str, wait: float = LONGEST_WAIT) -> TimedRecording:
    """Record an exporter that dies after a run, and some seconds more."""
    recording = simulate(
        _scenario(mode, _ONE_STREAM, wait, dies=_FIRST_CHANGE), _START, WORST_INGESTION
    )
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
            gap = _PROMISES.modes[timed.mode].longest_gap
            times = [time - second for second in range(gap) for time in times]
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
    known = sorted(locations.KNOWN)
    streams: dict[str, dict[str, list[dict[str, Any]]]] = {}
    events: list[dict[str, Any]] = []
    changed_at: dict[str, dict[str, float]] = {}
    for index, moment in enumerate(_moments(mode)):
        for change in CHANGES:
            if change.event is None:
                continue
            project, place = divmod(index * 2 + (change.streams > 1), len(known))
            of_project = streams.setdefault(f"trial-{project}", {})
            of_project.setdefault(known[place], []).append(
                {"id": f"{change.policy}-{{}}", "count": change.streams}
            )
            parent = f"projects/trial-{project}/locations/{known[place]}"
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
    timed = _PROMISES.modes[mode]
    end = _FIRST_CHANGE + timed.changing_for
    exporters = _scenario(mode, _ONE_STREAM, 0).exporters
    runs = [run.at for run in scheduled_runs(exporters, end, "")]
    evenly = [
        _FIRST_CHANGE + number * timed.step
        for number in range(round(timed.changing_for / timed.step))
    ]
    moments = sorted({*evenly, *(at + _JUST_AFTER for at in runs if at >= _FIRST_CHANGE)})
    return [moment + number * timed.apart for number, moment in enumerate(moments)]


def _scenario(
    mode: str, world: dict[str, Any], wait: float, *, dies: float | None = None
) -> Scenario:
    """Return a scenario that watches all of a world; the exporter may die at a moment."""
    timed, projects = _PROMISES.modes[mode], world["projects"]
    watched = {
        "metrics": {"project": projects[0]["id"]},
        "sources": [
            {"project": each["id"], "locations": [location["id"] for location in each["locations"]]}
            for each in projects
        ],
    }
    changes = [event["at"] for event in world["events"]]
    lasts = max(*changes, _FIRST_CHANGE + timed.changing_for, 0) + wait
    exporter = dict(timed.exporter)
    if dies is not None:
        exporter["silent"] = [{"from": dies + 0.001, "until": lasts}]
    return Scenario.model_validate(
        {
            "name": mode,
            "configs": (config.from_data(watched, mode, {}).config,),
            "title": mode,
            "what": "Measures the time to page.",
            "lasts": lasts,
            "exporters": [exporter],
            "world": {**world, "config": watched},
        }
    )
