"""What a process with memory leaves out: known points, discoveries, empty locations."""

import itertools
from collections import Counter
from collections.abc import Hashable
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.names import LocationName, ProjectName
from exporter.run.memory import NO_STREAMS, UNREADABLE, Memory
from exporter.run.report import Report
from exporter.run.run import run_once
from lab.emulator.world import Fault
from lab.simulate.simulation import Clock
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import DISCOVERED, EUROPE, LISTED, PREFIX, seen, world
from tests.tables import rows

START = 1_800_000_000.0


STREAMS = "streams"
OTHERS = "other streams"
SEEN = {"a": STREAMS, "b": OTHERS, "-": UNREADABLE}


def writes(memory: Memory, seen: Hashable, at: LocationName = EUROPE) -> bool:
    """Return whether a location is due; if so, all of its points are accepted."""
    memory.keep_observation(at, seen)
    due = memory.is_due(at)
    if due:
        memory.keep_written(at, complete=True)
    return due


def due(history: str, interval: float = 10) -> list[float]:
    """Return when a location is written; a letter a run says what is seen."""
    memory = Memory(interval)
    seconds = []
    for number, letter in enumerate(history):
        memory.begin(1 + number * interval)
        if writes(memory, SEEN[letter]):
            seconds.append(number * interval)
    return seconds


# Points.


@rows
def test_a_location_is_written_when_there_is_something_to_say(
    runs: list[tuple[str, int]], seconds: list[float]
) -> None:
    """Runs write for a minute after a change, while unread, else every four minutes."""
    assert due("".join(letter * count for letter, count in runs)) == seconds


@rows
def test_runs_may_start_a_little_late(start: float, *, is_due: bool) -> None:
    """A run that starts up to 15 s late writes as one that is on time."""
    memory = Memory(10)
    for second in range(0, 70, 10):
        memory.begin(1 + second)
        writes(memory, STREAMS)
    memory.begin(1 + start - 10)
    memory.begin(1 + start)
    assert writes(memory, STREAMS) is is_due


@rows
def test_no_series_is_older_than_what_promql_looks_back(interval: float) -> None:
    """Points are 255 s apart at most; at an interval from 240 s on, all runs write."""
    whole = due("a" * 100, interval)
    assert max(after - before for before, after in itertools.pairwise(whole)) <= max(
        interval, 255
    )
    assert len(whole) == 100 or interval < 240


@rows
def test_a_change_is_written_again_by_the_next_run(interval: float) -> None:
    """The next run writes again, however late, as a point may be seen late."""
    assert {4 * interval, 5 * interval} <= {*due("aaaabbb", interval)}


@given(st.lists(st.sampled_from("ab-"), min_size=1, max_size=60))
def test_the_newest_points_are_always_true(history: list[str]) -> None:
    """What was last written of a location is what it is now, for any history."""
    memory = Memory(10)
    written: list[str] = []
    before = None
    for number, letter in enumerate(history):
        memory.begin(1 + number * 10)
        if writes(memory, SEEN[letter]):
            written.append(letter)
        assert written[-1] == letter
        assert memory.changed == (letter != before)
        before = letter


# Locations.


@rows
def test_a_location_without_streams_is_read_every_five_minutes(
    streams_from: float, read: list[list[int]]
) -> None:
    """An empty location is read seldom after the first run; with streams, always."""
    memory = Memory(10)
    seconds = []
    for second in range(0, 1000, 10):
        memory.begin(1 + second)
        if memory.is_worth_reading(EUROPE):
            seconds.append(second)
            seen = NO_STREAMS
            if second >= streams_from:
                seen = STREAMS
            writes(memory, seen)
    assert seconds == [second for part in read for second in range(*part)]


def test_empty_locations_are_read_one_after_the_other() -> None:
    """A process that found them in one run reads a part in each later one."""
    memory = Memory(60)
    names = [LocationName(f"shop-{n}", f"us-east{n % 40}") for n in range(2000)]
    reads: dict[LocationName, list[int]] = {name: [] for name in names}
    runs = range(0, 1200, 60)
    for second in runs:
        memory.begin(1 + second)
        for name in filter(memory.is_worth_reading, names):
            reads[name].append(second)
            writes(memory, NO_STREAMS, name)
    in_runs = Counter(itertools.chain.from_iterable(reads.values()))
    assert in_runs.pop(0) == 2000
    assert max(in_runs.values()) < 800
    for seconds in reads.values():
        gaps = [after - before for before, after in itertools.pairwise(seconds)]
        assert max(gaps) <= 300
        assert set(gaps[1:]) == {300}


# Runs of one process.


class Watched:
    """A process that runs every ten seconds, on the clock of its world."""

    def __init__(self, serve: Serve, source: dict[str, Any] = LISTED) -> None:
        self.clock = Clock(START)
        places = {
            "europe-west1": ["orders", "carts"],
            "us-east1": ["stock"],
            "us-west1": [],
        }
        self.lab = serve(world(places), self.clock)
        self.cloud = self.lab.cloud
        self.session = self.lab.session(
            source, interval=10, clock=self.clock, collect={"objects": True}
        )

    def run(self, until: float, stop: Event | None = None) -> list[Report]:
        """Run up to so many seconds after the start; return the reports."""
        reports = []
        while self.clock.now < START + until:
            reports.append(run_once(self.session, Deadline.after(PLENTY, stop)))
            self.clock.now += 10
        return reports

    def written(self, metric: str, location: str) -> list[float]:
        """Return the seconds after the start of a metric's points in a location."""
        return [
            point.time - START
            for point in self.cloud.points(PREFIX + metric)
            if point.resource_labels["location"] == location
        ]


@rows
def test_a_location_whose_points_were_lost_is_written_in_the_next_run(
    serve: Serve, locations: list[str], due_at: int, seconds: list[float]
) -> None:
    """The next run writes what was lost, long before the location would be due."""
    watched = Watched(serve, LISTED | {"locations": locations})
    watched.run(due_at)
    watched.cloud.add_fault(Fault(method="CreateTimeSeries", code="UNKNOWN", times=1))
    lost, again = watched.run(due_at + 20)
    assert not lost.complete
    assert again.complete
    assert {watched.written("location/up", at)[-1] for at in locations} == {*seconds}


def test_where_discovery_fails_what_it_found_last_is_read(serve: Serve) -> None:
    """A discovery that fails has its reason, and its last locations are read on."""
    watched = Watched(serve, DISCOVERED)
    watched.run(600)
    assert watched.cloud.calls["ListLocations"] == 1
    # Of the location without streams, only some runs.
    assert watched.cloud.calls["ListStreams"] == 2 * 60 + 3
    watched.cloud.add_fault(Fault(method="ListLocations", code="PERMISSION_DENIED"))
    for report in watched.run(620):
        assert {"shop-prod/europe-west1", "shop-prod/us-east1"} <= seen(report).keys()
        failure = report.unread[ProjectName("shop-prod")]
        assert failure.kind is FailureKind.PERMISSION_DENIED


def test_what_is_unreadable_is_read_and_written_by_every_run(serve: Serve) -> None:
    """A location or discovery that fails is no empty one, which is read seldom."""
    watched = Watched(serve, DISCOVERED)
    watched.run(600)
    for method, at in (("ListLocations", "*"), ("ListStreams", "us-east1")):
        fault = Fault(method=method, location=at, code="PERMISSION_DENIED")
        watched.cloud.add_fault(fault)
    watched.run(750)
    for at in ("us-east1", "global"):
        assert watched.written("location/up", at)[-15:] == [*range(600, 750, 10)]


def test_a_quarter_is_collected_once(serve: Serve) -> None:
    """The first run of a quarter of an hour collects, and writes how much it missed."""
    watched = Watched(serve)
    watched.run(60)
    watched.clock.now = START + 950
    watched.run(1000)
    assert watched.written("exporter/uncollected", "global") == [0, 950]
    assert watched.cloud.calls["ListStreamObjects"] == 2 * 3


def test_connections_are_renewed_after_a_run_that_reached_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that a stop ended, or that read something, renews no connection."""
    watched = Watched(serve)
    renewed: list[float] = []

    def renew(seconds: float) -> None:
        renewed.append(watched.clock.now - START)
        # What a token server that hangs may take of a run.
        assert seconds == pytest.approx(3)

    monkeypatch.setattr(watched.lab.clients, "renew", renew)
    watched.run(10)
    denied = Fault(method="ListStreams", location="us-*", code="PERMISSION_DENIED")
    watched.cloud.add_fault(denied)
    watched.run(20)
    watched.cloud.add_fault(denied.model_copy(update={"location": "*"}))
    stop = Event()
    stop.set()
    watched.run(30, stop)
    watched.run(40)
    assert renewed == []
    watched.run(50)
    assert renewed == [40]
