"""Time to page: from a change in Datastream to the incident, measured.

The change comes at any moment between two runs, the run starts as late as Cloud Run lets it, its
points become visible as late as they can, and the evaluations come at any moment of their
interval: the worst of all these is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter import config
from exporter.config import locations
from lab.prove.evaluating import metric_incidents
from lab.simulate.scenario import Scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.simulation import IngestionDelay, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.policies.files import Policy
    from lab.prove.engine import Engine
    from lab.simulate.simulation import Recording

MODES = ("scheduled", "continuous")
WORST_INGESTION = IngestionDelay(7.0, 7.0)
WORST_DELAYS = (0, 30, 10, 25, 15, 5)
"""Job starts in seconds, run by run: among them the earliest, with the latest after it."""

_EVERY_SECOND = 1.0
_BEGINS = 120.0
_STEP = {"scheduled": 12.0, "continuous": 1.0}
_WATCHED = {"scheduled": 360.0, "continuous": 20.0}
"""Seconds over which the moments of change are spread: all delays, two beats."""
_LONGEST_GAP = {"scheduled": 90, "continuous": 10}
_LONGEST = 420.0
_JUST_AFTER = 0.1
_TOGETHER = 5


class Change(NamedTuple):
    """Something that happens in Datastream.

    Attributes:
        title: What, as the table has it.
        policy: Which policy pages for it.
        event: What it is in a world's script; None: the exporter dies.
        streams: How many streams of a location it befalls at once.
        bounds: Seconds that it may take at most, by mode.
    """

    title: str
    policy: str
    event: dict[str, Any] | None
    streams: int
    bounds: dict[str, float]


def _bounds(scheduled: float, continuous: float) -> dict[str, float]:
    return {"scheduled": scheduled, "continuous": continuous}


CHANGES = (
    Change(
        "FAILED_PERMANENTLY",
        "stream-failed-permanently",
        {"do": "fail_permanently", "reason": "LOST"},
        1,
        _bounds(130, 60),
    ),
    Change(
        "five FAILED_PERMANENTLY at once",
        "streams-failing-together",
        {"do": "fail_permanently", "reason": "LOST"},
        _TOGETHER,
        _bounds(190, 120),
    ),
    Change("FAILED", "stream-failed", {"do": "fail", "reason": "DOWN"}, 1, _bounds(190, 120)),
    Change("deleted", "stream-missing", {"do": "delete"}, 1, _bounds(190, 120)),
    Change(
        "paused by hand, from PAUSED",
        "stream-unexpected-state",
        {"do": "set_state", "state": "PAUSED"},
        1,
        _bounds(250, 180),
    ),
    Change("exporter dead", "exporter-silent", None, 1, _bounds(360, 360)),
)
"""What the time to page is promised for."""


@dataclass(frozen=True, slots=True)
class TimeToPage:
    """How long the page for a change takes, in seconds.

    Attributes:
        change: Which change.
        mode: How the exporter runs.
        worst: The longest time measured.
        median: The usual one.
        measured: How many times were.
    """

    change: Change
    mode: str
    worst: float
    median: float
    measured: int

    @property
    def bound(self) -> float:
        """Seconds that it may take at most."""
        return self.change.bounds[self.mode]

    @property
    def kept(self) -> bool:
        """Whether it never took longer."""
        return self.worst <= self.bound


class Trial(NamedTuple):
    """A scenario whose pages are timed, and what changes in it.

    Attributes:
        mode: How the exporter runs.
        recording: What it left behind.
        moments: For each change by its title, the moment by the name that its page is about.
    """

    mode: str
    recording: Recording
    moments: dict[str, dict[str, float]]


def trials(start: float) -> tuple[Trial, ...]:
    """Play what is timed: for each mode, changes in Datastream, and an exporter that dies.

    Args:
        start: When the first starts, unix seconds; each has days of its own.
    """
    made: list[Trial] = []
    for mode in MODES:
        for play in (changing, dying):
            made.append(play(mode, start + len(made) * _DAYS))
    return tuple(made)


def changing(mode: str, start: float) -> Trial:
    """Play changes in Datastream at every moment between two runs.

    Args:
        mode: How the exporter runs.
        start: When it starts, unix seconds.
    """
    moments, world = _changes(mode)
    recording = simulate(_scenario(f"changing-{mode}", mode, world), start, WORST_INGESTION)
    return Trial(mode, recording, moments)


def dying(mode: str, start: float) -> Trial:
    """Play an exporter that dies after a run.

    Args:
        mode: How it runs.
        start: When it starts, unix seconds.
    """
    scenario = _scenario(f"dying-{mode}", mode, _WORLD, dies=_BEGINS)
    recording = simulate(scenario, start, WORST_INGESTION)
    return Trial(mode, recording, {CHANGES[-1].title: {"": _last_run(recording)}})


def time_to_page(
    played: Iterable[Trial], policies: Sequence[Policy], engine: Engine
) -> tuple[TimeToPage, ...]:
    """Measure each change in each mode.

    Args:
        played: What :func:`trials` gave.
        policies: The policies.
        engine: Holds the series of the trials.

    Raises:
        ValueError: With a sentence, where a change does not page.
    """
    by_name = {policy.name: policy for policy in policies}
    found = []
    for trial in played:
        for change in CHANGES:
            moments = trial.moments.get(change.title)
            if moments:
                policy = by_name[change.policy]
                times = [*_times(policy, trial.recording, moments, engine)]
                if len(times) < len(moments) * round(policy.interval / _EVERY_SECOND):
                    raise ValueError(f"{change.title}, {trial.mode}: not every change pages")
                if change.event is None:
                    times = [*_spread(times, trial.mode)]
                found.append(TimeToPage(change, trial.mode, max(times), median(times), len(times)))
    return tuple(found)


_DAYS = 3 * 86_400.0
_WORLD: dict[str, Any] = {
    "projects": [
        {
            "id": "trial-0",
            "number": 1,
            "locations": [{"id": "europe-west1", "streams": [{"id": "orders"}]}],
        }
    ],
    "events": [],
}


def _times(
    policy: Policy, recording: Recording, moments: dict[str, float], engine: Engine
) -> Iterator[float]:
    """Yield how long each page took, in every phase of the evaluations."""
    for incident in metric_incidents(policy, recording, engine, _EVERY_SECOND):
        changed = moments.get(incident.about)
        if changed is not None:
            yield incident.opened - changed


def _spread(times: Sequence[float], mode: str) -> Iterator[float]:
    """Yield the times for an exporter that dies at any moment between its last run and the next."""
    for seconds in range(_LONGEST_GAP[mode]):
        yield from (time - seconds for time in times)


def _last_run(recording: Recording) -> float:
    return max(run.ended for run in recording.runs)


def _changes(mode: str) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Return the moments of change, by change and name, and the world in which they happen.

    Each moment has a location of its own, in which one stream of each kind changes, and another
    one for what befalls five at once.
    """
    moments = _moments(mode)
    places = [
        (f"trial-{project}", location)
        for project in range(-(-len(moments) * 2 // len(locations.KNOWN)))
        for location in sorted(locations.KNOWN)
    ]
    streams: dict[tuple[str, str], list[dict[str, Any]]] = {}
    events: list[dict[str, Any]] = []
    when: dict[str, dict[str, float]] = {}
    for index, moment in enumerate(moments):
        for change in CHANGES:
            if change.event is None:
                continue
            project, location = places[index * 2 + (change.streams > 1)]
            at = f"projects/{project}/locations/{location}"
            name = change.policy
            many = {"id": f"{name}-{{}}", "count": change.streams}
            streams.setdefault((project, location), []).append(many)
            events += [
                change.event | {"at": moment, "stream": f"{at}/streams/{name}-{number}"}
                for number in range(1, change.streams + 1)
            ]
            about = f"{at}/streams/{name}-1" if change.streams == 1 else at
            when.setdefault(change.title, {})[about] = moment
    projects = {project: index + 1 for index, project in enumerate(sorted({p for p, _ in streams}))}
    world = {
        "projects": [
            {
                "id": project,
                "number": number,
                "locations": [
                    {"id": location, "streams": held}
                    for (of, location), held in streams.items()
                    if of == project
                ],
            }
            for project, number in projects.items()
        ],
        "events": events,
    }
    return when, world


def _moments(mode: str) -> list[float]:
    """Return the moments of change: just after each run has looked, and evenly in between."""
    scenario = _scenario("moments", mode, _WORLD)
    end = _BEGINS + _WATCHED[mode]
    runs = [run.at for run in scheduled_runs(scenario.exporters, end, "")]
    steps = round(_WATCHED[mode] / _STEP[mode])
    evenly = [_BEGINS + number * _STEP[mode] for number in range(steps)]
    return sorted({*evenly, *(at + _JUST_AFTER for at in runs if at >= _BEGINS)})


def _scenario(name: str, mode: str, world: dict[str, Any], dies: float | None = None) -> Scenario:
    projects = world["projects"]
    written = {
        "metrics": {"project": projects[0]["id"]},
        "sources": [
            {"project": each["id"], "locations": [location["id"] for location in each["locations"]]}
            for each in projects
        ],
    }
    lasts = _BEGINS + _WATCHED[mode] + _LONGEST
    exporter: dict[str, Any] = {"mode": mode}
    if mode == "scheduled":
        exporter["delays"] = WORST_DELAYS
    if dies is not None:
        exporter["silent"] = [{"from": dies + 0.001, "until": lasts}]
    return Scenario.model_validate(
        {
            "name": name,
            "configs": (config.from_data(written, name, {}).config,),
            "title": name,
            "what": "How long a page takes.",
            "lasts": lasts,
            "exporters": [exporter],
            "world": {**world, "config": written},
        }
    )
