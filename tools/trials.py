"""Measures the time to page: from a change in Datastream to the incident.

The worst case counts. The change comes at a random moment, just after a run, also one
that wrote all, as each process with memory does every four minutes, or at the worst
second beside a run that a log starts. The next run starts as late as Cloud Run may
start it, its points become visible as late as they may, and evaluations come at any
second of their interval.
"""

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from random import Random
from threading import Event
from typing import Any, NamedTuple

from exporter import config
from exporter.documents.document import Document, Section, packaged
from exporter.run.memory import LONGEST_SECONDS
from lab.emulator.world import World
from lab.policies.files import Policy, read_policies
from lab.prove.engine import check_installed, start_engine
from lab.prove.incidents import incidents_of
from lab.side_by_side import side_by_side
from lab.simulate.log_entries import LogEntry
from lab.simulate.scenario import Deployment, Scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.series import Series
from lab.simulate.simulation import Recording, simulate
from lab.terminal import Progress
from tools import POLICIES

MOMENTS = 200  # random moments of a change, by default
_WORST_INGESTION = (7.0, 7.0)  # seconds until a point is visible, least and most
# Runs just after which a change comes, too; they reach back to one that wrote all
_RUNS = 5
# Seconds that are recorded after the last change, and an interval: longer than each
# promised time to page
_WAIT = 1100.0
# How many exporters a trial has: it takes seconds, so that its progress shows
_EXPORTERS = 10
_BEFORE = 2  # intervals that come before the first change
_BETWEEN = 4  # intervals between the first change and the last, at least
_START = 1_767_571_200.0  # 2026-01-05
_EVERY_SECOND = 1
_JUST_AFTER = 0.1
# Seconds after a run at which a change is told latest, where a log starts runs too: one
# to FAILED, a pause, and what is told at the first look
_BESIDE_A_LOG = (17.0, 26.0, 46.0)
_METRICS = "metrics-project"
_OURS = "custom_googleapis_com:"
_LOCATION = "europe-west1"  # of all streams

# The streams of a world, by project
Streams = dict[str, list[dict[str, Any]]]
# When each resource changed, by the title of the change; the resource is empty for an
# exporter that dies
Moments = dict[str, dict[str, float]]


class TimedMode(Section):
    """How the exporter runs while times to page are measured."""

    # The deployment, as a scenario has it; its start delays are the extremes
    exporter: Deployment
    # How many moments one exporter sees: a run logs 50 changes at most, and a run that
    # the log of one change causes would see another one too
    together: int


class TimedChange(Section):
    """A change whose time to page has a bound."""

    title: str  # the change, as the table shows it
    policy: str  # the policy that fires
    # The event in a world's script; None: the exporter dies
    event: dict[str, Any] | None = None
    streams: int = 1  # how many streams of a location change at once
    bounds: dict[str, float]  # longest allowed time to page in seconds, by mode


class Promises(Section):
    """The file of promised times to page."""

    modes: dict[str, TimedMode]
    changes: tuple[TimedChange, ...]


@cache
def promises() -> Promises:
    """Return every mode, and every change whose time to page is promised."""
    return Promises.model_validate(packaged("tools", "time_to_page.yaml"))


class Trial(NamedTuple):
    """What one engine measures: exporters that see changes, or one that dies."""

    mode: str
    exporter: Deployment
    moments: list[float]  # when something changes; none: it dies


class TimeToPage(NamedTuple):
    """The time to page of a change, in seconds."""

    change: str  # the change's title
    mode: str  # how the exporter runs
    bound: float  # the longest allowed
    worst: float  # the longest measured; infinite where a change opened no incident

    @property
    def kept(self) -> bool:
        """Whether the worst case is within the bound."""
        return self.worst <= self.bound


def times_to_page(moments: int = MOMENTS) -> list[TimeToPage]:
    """Measure each change in each mode, at so many random moments and just after runs.

    Raise NotInstalledError where Prometheus is not installed.
    """
    check_installed()
    policies = {policy.name: policy for policy in read_policies(POLICIES)}
    trials = _trials(moments)
    measuring = side_by_side(partial(_measured, policies), trials, Event())
    measured: list[TimeToPage] = []
    with Progress(sys.stderr) as progress:
        for times in progress.track(measuring, len(trials), description="trials"):
            measured += times
    worst: dict[tuple[str, str], TimeToPage] = {}
    for time in sorted(measured, key=attrgetter("worst")):
        worst[time.change, time.mode] = time
    found = []
    for change in promises().changes:
        found += [worst[change.title, mode] for mode in change.bounds]
    return found


def _trials(moments: int) -> list[Trial]:
    """Return the trials of all modes: changes at random moments, and just after runs.

    The random moments are the same in every measurement.
    """
    found: list[Trial] = []
    for mode, timed in promises().modes.items():
        drawn = Random(mode)  # noqa: S311 - moments of a test, alike in every measurement
        first, last = _first_and_last(timed.exporter)
        random = [drawn.uniform(first, last) for _ in range(moments)]
        # Half of them are seen where one delay comes first, half where the other does.
        delays = timed.exporter.delays
        for number, order in enumerate((delays, delays[::-1])):
            exporter = timed.exporter.model_copy(update={"delays": order})
            runs = [*scheduled_runs([exporter], last, "")]
            times = random[number::2]
            times += [run.at + _JUST_AFTER for run in runs[-_RUNS:]]
            for after in _BESIDE_A_LOG if exporter.log_triggers else ():
                times += [run.at + after for run in runs[-2:]]
            parts = _parts(times, timed.together * _EXPORTERS)
            found += [Trial(mode, exporter, part) for part in parts]
        found.append(Trial(mode, timed.exporter, []))
    return found


def _first_and_last(exporter: Deployment) -> tuple[float, float]:
    """Return when changes come, in seconds.

    A process with memory has written all at the start, and does so again in between.
    """
    first = _BEFORE * exporter.every
    return first, first + max(LONGEST_SECONDS, _BETWEEN * exporter.every)


def _parts(times: list[float], most: int) -> list[list[float]]:
    return [times[first : first + most] for first in range(0, len(times), most)]


def _record_changes(trial: Trial) -> tuple[Recording, Moments]:
    """Record what each exporter of a trial sees, as one recording."""
    moments: Moments = defaultdict(dict)
    series: list[Series] = []
    entries: list[LogEntry] = []
    together = promises().modes[trial.mode].together
    for number, times in enumerate(_parts(trial.moments, together)):
        streams, events = _changes(times, f"trial-{number}", moments)
        recording = _play(trial.mode, trial.exporter, streams, events)
        entries += recording.entries
        # No change is seen in Datastream's own metrics.
        series += [one for one in recording.series if one.name.startswith(_OURS)]
    whole = recording._replace(series=tuple(series), entries=tuple(entries))
    return whole, moments


def _record_death(mode: str) -> tuple[Recording, Moments]:
    """Record an exporter that dies just after a run: later, it is missed sooner."""
    exporter = promises().modes[mode].exporter
    first, _ = _first_and_last(exporter)
    exporter = exporter.model_copy(update={"ends": first + _JUST_AFTER})
    streams = {"trial-0": [{"id": "orders"}]}
    recording = _play(mode, exporter, streams, [])
    last = max(run.ended for run in recording.runs)
    deaths: Moments = {}
    for change in promises().changes:
        if change.event is None:
            deaths[change.title] = {"": last}
    return recording, deaths


def _measured(policies: Mapping[str, Policy], trial: Trial) -> list[TimeToPage]:
    """Play a trial; return the times to page of its changes."""
    mode = trial.mode
    if trial.moments:
        recording, moments = _record_changes(trial)
    else:
        recording, moments = _record_death(mode)
    measured: list[TimeToPage] = []
    with start_engine(recording.series) as engine:
        for change in promises().changes:
            changed = moments.get(change.title)
            if not changed or mode not in change.bounds:
                continue
            policy = policies[change.policy]
            times = []
            for incident in incidents_of(policy, recording, engine, _EVERY_SECOND):
                # An exporter that dies is the only one there is.
                about = incident.about if change.event else ""
                if about in changed:
                    times.append(incident.opened - changed[about])
            # Each is measured at every second of the interval.
            phases = policy.interval or 1
            worst = math.inf
            if len(times) >= len(changed) * phases:
                worst = max(times)
            bound = change.bounds[mode]
            measured.append(TimeToPage(change.title, mode, bound, worst))
    return measured


def _changes(
    times: Iterable[float], prefix: str, moments: Moments
) -> tuple[Streams, list[dict[str, Any]]]:
    """Return streams, and the events that change them; ``moments`` gets when.

    Each moment has two projects: in one, one stream changes for each kind of change; in
    the other one, five at once. Their names begin with ``prefix``.
    """
    streams: Streams = {}
    events: list[dict[str, Any]] = []
    for index, at in enumerate(times):
        for change in promises().changes:
            if change.event is None:
                continue
            project = f"{prefix}-{index}-{change.streams}"
            location = f"projects/{project}/locations/{_LOCATION}"
            group = {"id": f"{change.policy}-{{}}", "count": change.streams}
            streams.setdefault(project, []).append(group)
            for number in range(1, change.streams + 1):
                name = f"{location}/streams/{change.policy}-{number}"
                events.append(change.event | {"at": at, "stream": name})
            # The incident of several at once is about their location.
            resource = location if change.streams > 1 else name
            moments[change.title][resource] = at
    return streams, events


def _play(
    mode: str, exporter: Deployment, streams: Streams, events: Sequence[dict[str, Any]]
) -> Recording:
    """Play a scenario that watches all of these streams."""
    sources: list[dict[str, Any]] = []
    projects: list[dict[str, Any]] = [{"id": _METRICS, "number": 1}]
    for number, (project, groups) in enumerate(streams.items(), start=2):
        sources.append({"project": project, "locations": [_LOCATION]})
        location = {"id": _LOCATION, "streams": groups}
        projects.append({"id": project, "number": number, "locations": [location]})
    watched = {
        "metrics": {"project": _METRICS},
        "run": {"name": min(streams)},
        "sources": sources,
    }
    _, last = _first_and_last(exporter)
    document = Document(watched, mode)
    scenario = Scenario(
        name=mode,
        title=mode,
        what="Measures the time to page.",
        lasts=last + exporter.every + _WAIT,
        exporters=(exporter,),
        configs=(config.from_document(document, {}),),
        world=World.model_validate({"projects": projects, "events": events}),
    )
    return simulate(scenario, _START, _WORST_INGESTION)
