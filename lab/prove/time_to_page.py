"""Measures the time to page: from a change in Datastream to the incident.

The worst case counts. The change comes at a random moment, or just after a run: also
after one that wrote all, as each process with memory does every four minutes. The next
run starts as late as Cloud Run may start it, its points become visible as late as they
may, and evaluations come at any second of their interval.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from random import Random
from statistics import median
from threading import Event
from typing import Any, NamedTuple

from exporter import config
from exporter.config.locations import KNOWN
from exporter.documents.document import Section, packaged
from exporter.documents.mistakes import InputError
from exporter.run.memory import LONGEST_SECONDS
from lab.emulator.world import World
from lab.policies.files import Policy
from lab.prove.engine import check_installed, start_engine
from lab.prove.incidents import log_incidents, metric_incidents
from lab.side_by_side import side_by_side
from lab.simulate.log_entries import LogEntry
from lab.simulate.scenario import Deployment, Downtime, Scenario
from lab.simulate.schedule import scheduled_runs
from lab.simulate.series import Series
from lab.simulate.simulation import Recording, simulate

WORST_INGESTION = (7.0, 7.0)
POLLING_SECONDS = 300  # worst case of a script that polls every five minutes
MOMENTS = 200  # random moments of a change, by default
# Runs just after which a change comes, too; they reach back to one that wrote all
_RUNS = 5
# Seconds that are recorded after the last change, longer than each promised time to
# page
_WAIT = 270.0
_START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
_EVERY_SECOND = 1.0
# A process with memory has written all at the start, and does so again in between
_FIRST_CHANGE, _LAST_CHANGE = 120.0, 120.0 + LONGEST_SECONDS
_JUST_AFTER = 0.1
_METRICS, _OURS = "metrics-project", "custom_googleapis_com:"

# The streams of a world, by project and location
Streams = dict[str, dict[str, list[dict[str, Any]]]]


class Moment(NamedTuple):
    """When something changed."""

    title: str  # the change's
    about: str  # the resource of its incident; empty for an exporter that dies
    at: float


class TimedMode(Section):
    """How the exporter runs while times to page are measured."""

    # The deployment, as a scenario has it; its start delays are the extremes
    exporter: Deployment
    # How many moments one exporter sees: a run logs 50 changes at most, and a run that
    # the log of one change causes would see another one too
    together: int

    @property
    def exporters(self) -> list[Deployment]:
        """The deployment, with either delay first."""
        delays = self.exporter.delays
        orders = sorted({delays, delays[::-1]})
        return [self.exporter.model_copy(update={"delays": order}) for order in orders]


class TimedChange(Section):
    """A change whose time to page has a bound."""

    title: str  # the change, as the table shows it
    policy: str  # the policy that fires
    # The event in a world's script; None: the exporter dies
    event: dict[str, Any] | None = None
    streams: int = 1  # how many streams of a location change at once
    bounds: dict[str, float]  # longest allowed time to page in seconds, by mode

    @property
    def polling_seconds(self) -> int | None:
        """Worst case of a polling script; None: it never notices."""
        return None if self.event is None else POLLING_SECONDS


class Promises(Section):
    """The file of promised times to page."""

    modes: dict[str, TimedMode]
    changes: tuple[TimedChange, ...]


@cache
def promises() -> Promises:
    """Return every mode, and every change whose time to page is promised."""
    return Promises.model_validate(packaged(__package__, "time_to_page.yaml"))


@dataclass(frozen=True, slots=True)
class TimeToPage:
    """The time to page of a change, in seconds."""

    change: TimedChange  # the change
    mode: str  # how the exporter runs
    # The longest time measured; infinite where a change opened no incident
    worst: float
    median: float  # the median; infinite as well
    measured: int  # how many times were measured

    @property
    def bound(self) -> float:
        """The longest allowed time, in seconds."""
        return self.change.bounds[self.mode]

    @property
    def opens(self) -> bool:
        """Whether every change opened an incident."""
        return math.isfinite(self.worst)

    @property
    def kept(self) -> bool:
        """Whether the worst case is within the bound."""
        return self.worst <= self.bound


def measure_all(
    policies: Iterable[Policy], stop: Event, moments: int = MOMENTS
) -> Iterator[list[TimeToPage]]:
    """Measure every change in each mode, side by side, until ``stop``.

    ``moments`` says at how many random ones, each the same in every measurement. Raise
    InputError where a policy is missing whose time to page is promised.
    """
    names = {change.policy for change in promises().changes}
    needed = [policy for policy in policies if policy.name in names]
    missing = names - {policy.name for policy in needed}
    if missing:
        raise InputError(
            f"{name} is not among the policies, but its time to page is measured"
            for name in sorted(missing)
        )
    check_installed()
    work = partial(_measure_mode, needed, moments)
    yield from side_by_side(work, [*promises().modes], stop)


def in_order(times: Iterable[TimeToPage]) -> list[TimeToPage]:
    """Return times to page, which come in the order of modes, by change."""
    changes = promises().changes
    return sorted(times, key=lambda time: changes.index(time.change))


def _measure_mode(
    policies: Iterable[Policy], moments: int, mode: str
) -> list[TimeToPage]:
    times = measure(*_record_changes(mode, moments), policies)
    return times + measure(*record_death(mode), policies)


def _record_changes(mode: str, count: int) -> tuple[Recording, list[Moment]]:
    """Record changes at random moments, and just after runs, as one recording."""
    timed = promises().modes[mode]
    moments: list[Moment] = []
    recordings: list[Recording] = []
    drawn = Random(mode)  # noqa: S311 - the same in every measurement
    random = [drawn.uniform(_FIRST_CHANGE, _LAST_CHANGE) for _ in range(count)]
    for number, exporter in enumerate(timed.exporters):
        runs = [*scheduled_runs([exporter], _LAST_CHANGE, "")]
        times = random[number :: len(timed.exporters)]
        times += [run.at + _JUST_AFTER for run in runs[-_RUNS:]]
        for first in range(0, len(times), timed.together):
            together = times[first : first + timed.together]
            prefix = f"trial-{len(recordings)}"
            streams, events, changed = _changes(together, prefix)
            moments += changed
            recordings.append(_play(mode, exporter, streams, events))
    series: list[Series] = []
    entries: list[LogEntry] = []
    for recording in recordings:
        entries += recording.entries
        # Cloud Run's counts would be those of one exporter.
        series += [one for one in recording.series if one.name.startswith(_OURS)]
    merged = replace(recordings[0], series=tuple(series), entries=tuple(entries))
    return merged, moments


def record_death(mode: str) -> tuple[Recording, list[Moment]]:
    """Record an exporter that dies just after a run."""
    dies = _FIRST_CHANGE + _JUST_AFTER
    silent = Downtime.model_validate({"from": dies, "until": math.inf})
    exporter = promises().modes[mode].exporter
    exporter = exporter.model_copy(update={"silent": (silent,)})
    streams = {"trial-0": {"europe-west1": [{"id": "orders"}]}}
    recording = _play(mode, exporter, streams, [])
    last = max(run.ended for run in recording.runs)
    changes = promises().changes
    deaths = [Moment(each.title, "", last) for each in changes if each.event is None]
    return recording, deaths


def measure(
    recording: Recording, moments: Sequence[Moment], policies: Iterable[Policy]
) -> list[TimeToPage]:
    """Return the time to page of each change of a recording, whose name is the mode."""
    mode = recording.name
    by_name = {policy.name: policy for policy in policies}
    measured = []
    with start_engine(recording.series) as engine:
        for change in promises().changes:
            changed = {
                each.about: each.at for each in moments if each.title == change.title
            }
            if not changed or mode not in change.bounds:
                continue
            policy = by_name[change.policy]
            if policy.is_log:
                incidents = log_incidents(policy, recording)
            else:
                incidents = metric_incidents(policy, recording, engine, _EVERY_SECOND)
            times = []
            for incident in incidents:
                # An exporter that dies is the only one there is.
                about = incident.about if change.event else ""
                if about in changed:
                    times.append(incident.opened - changed[about])
            phases = round(policy.interval / _EVERY_SECOND) or 1
            if len(times) < len(changed) * phases:
                times = [math.inf]
            elif change.event is None:
                times = _at_any_moment(times, mode)
            measured.append(
                TimeToPage(change, mode, max(times), median(times), len(times))
            )
    return measured


def _at_any_moment(times: list[float], mode: str) -> list[float]:
    """Return times from a last run for deaths at each second until the next run."""
    runs = scheduled_runs([promises().modes[mode].exporter], LONGEST_SECONDS, "")
    gap = max(after.at - before.at for before, after in pairwise(runs))
    found: list[float] = []
    for second in range(round(gap)):
        found += [time - second for time in times]
    return found


def _changes(
    times: Iterable[float], prefix: str
) -> tuple[Streams, list[dict[str, Any]], list[Moment]]:
    """Return streams, the events that change them, and when these come.

    Each moment has two locations: in one, one stream changes for each kind of change;
    in the other one, five at once. The names of the projects begin with ``prefix``.
    """
    known = sorted(KNOWN)
    streams: Streams = {}
    events: list[dict[str, Any]] = []
    moments: list[Moment] = []
    for index, at in enumerate(times):
        for change in promises().changes:
            if change.event is None:
                continue
            is_group = change.streams > 1
            number, place = divmod(index * 2 + is_group, len(known))
            project = f"{prefix}-{number}"
            location = known[place]
            parent = f"projects/{project}/locations/{location}"
            resource = parent if is_group else f"{parent}/streams/{change.policy}-1"
            moments.append(Moment(change.title, resource, at))
            group = {"id": f"{change.policy}-{{}}", "count": change.streams}
            of_project = streams.setdefault(project, {})
            of_project.setdefault(location, []).append(group)
            for stream in range(1, change.streams + 1):
                name = f"{parent}/streams/{change.policy}-{stream}"
                events.append(change.event | {"at": at, "stream": name})
    return streams, events, moments


def _play(
    mode: str, exporter: Deployment, streams: Streams, events: Sequence[dict[str, Any]]
) -> Recording:
    """Play a scenario that watches all of these streams."""
    sources: list[dict[str, Any]] = []
    projects: list[dict[str, Any]] = [{"id": _METRICS, "number": 1}]
    for number, (project, by_location) in enumerate(streams.items(), start=2):
        sources.append({"project": project, "locations": [*by_location]})
        locations = []
        for location, group in by_location.items():
            locations.append({"id": location, "streams": group})
        projects.append({"id": project, "number": number, "locations": locations})
    watched = {
        "metrics": {"project": _METRICS},
        "run": {"name": min(streams)},
        "sources": sources,
    }
    scenario = Scenario(
        name=mode,
        title=mode,
        what="Measures the time to page.",
        lasts=_LAST_CHANGE + _WAIT,
        exporters=(exporter,),
        configs=(config.from_data(watched, mode, {}),),
        world=World.model_validate({"projects": projects, "events": events}),
    )
    return simulate(scenario, _START, WORST_INGESTION)
