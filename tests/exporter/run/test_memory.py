"""What a process with memory leaves out: known points, discoveries, empty locations."""

import itertools
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from google.cloud.location import locations_pb2
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Config, Endpoints
from exporter.google.calls import Deadline
from exporter.google.clients import Clients
from exporter.google.errors import FailureKind
from exporter.names import LocationName, ProjectName
from exporter.run.memory import EMPTY, UNREADABLE, Memory
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault, World
from tests.exporter.conftest import PLENTY
from tests.exporter.worlds import (
    AMERICA,
    DISCOVERED,
    EUROPE,
    LISTED,
    PREFIX,
    seen,
    world,
)

DAY = 86_400


STREAMS = "streams"
OTHERS = "other streams"
SEEN = {
    "a": STREAMS,
    "b": OTHERS,
    "-": UNREADABLE,
}


def writes(
    memory: Memory,
    seen: Hashable,
    at: LocationName = EUROPE,
) -> bool:
    """Return whether a location is due; if so, all of its points are accepted."""
    due = memory.claim(at, seen)
    if due:
        memory.mark_written(at)
    return due


def due(history: str, interval: float = 10) -> list[float]:
    """Return when a location is written; a letter a run says what is seen."""
    memory, seconds = Memory(interval), []
    for number, letter in enumerate(history):
        memory.begin(1 + number * interval)
        if writes(memory, SEEN[letter]):
            seconds.append(number * interval)
    return seconds


# Points.


@pytest.mark.parametrize(
    ("history", "seconds"),
    [
        # The first minute is as one after a change: nobody knows whether anything just
        # changed.
        ("a" * 60, [*range(0, 80, 10), 310, 550]),
        (
            "a" * 40 + "b" * 40,
            [*range(0, 80, 10), 310, *range(400, 480, 10), 710],
        ),
        (
            "a" * 40 + "-" * 20 + "a" * 40,
            [*range(0, 80, 10), 310, *range(400, 680, 10), 910],
        ),
    ],
    ids=["no change", "a change", "unreadable for a while"],
)
def test_a_location_is_written_when_there_is_something_to_say(
    history: str, seconds: list[float]
) -> None:
    """For a minute after a change, while unreadable, and else every four minutes."""
    assert due(history) == seconds


def test_runs_may_start_a_little_late() -> None:
    """By up to 15 s, a minute after a change and four minutes after the last points."""
    for start, is_due in (
        (74.9, True),
        (75, False),
        (295, False),
        (296, True),
    ):
        memory = Memory(10)
        for second in range(0, 70, 10):
            memory.begin(1 + second)
            writes(memory, STREAMS)
        memory.begin(1 + start - 10)
        memory.begin(1 + start)
        assert writes(memory, STREAMS) is is_due


@pytest.mark.parametrize("interval", [5, 10, 45, 60, 100, 200, 240, 3600])
def test_no_series_is_older_than_what_promql_looks_back(interval: float) -> None:
    """Below five minutes at any interval; with a longer one, every run writes all."""
    whole = due("a" * 100, interval)
    assert max(after - before for before, after in itertools.pairwise(whole)) <= max(
        interval, 255
    )
    assert len(whole) == 100 or interval < 240


@given(st.lists(st.sampled_from("ab-"), min_size=1, max_size=60))
def test_the_newest_points_are_always_true(history: list[str]) -> None:
    """For any history: what was last written of a location is what it is now."""
    memory = Memory(10)
    written: list[str] = []
    before = None
    for number, letter in enumerate(history):
        memory.begin(1 + number * 10)
        if memory.claim(EUROPE, SEEN[letter]):
            memory.mark_written(EUROPE)
            written.append(letter)
        assert written[-1] == letter
        assert memory.changed == (letter != before)
        before = letter


# Locations.


@pytest.mark.parametrize("later", [STREAMS, UNREADABLE, EMPTY])
def test_a_location_with_streams_is_read_for_a_day_after_it_is_dropped(
    later: Hashable,
) -> None:
    """Also while it can't be read, and when its streams are gone, which must page."""
    memory = Memory(600)
    memory.begin(1)
    memory.learn("shop-prod", ["europe-west1", "us-east1"])
    writes(memory, STREAMS)
    writes(memory, EMPTY, AMERICA)
    assert tuple(memory.discovered["shop-prod"].dropped) == ()
    for start, dropped in (
        (601, ("europe-west1",)),
        (DAY, ("europe-west1",)),
        (DAY + 1, ()),
    ):
        memory.begin(start)
        memory.learn("shop-prod", ["us-west1"])
        assert tuple(memory.discovered["shop-prod"].dropped) == dropped
        writes(memory, later)
    memory.learn("shop-prod", ["europe-west1"])
    memory.begin(DAY + 2)
    memory.learn("shop-prod", ())
    dropped = () if later == EMPTY else ("europe-west1",)
    assert tuple(memory.discovered["shop-prod"].dropped) == dropped


@pytest.mark.parametrize(
    ("streams_from", "read"),
    [
        (9999, [*range(0, 80, 10), 370, 670, 970]),
        (370, [*range(0, 80, 10), *range(370, 1000, 10)]),
        (0, [*range(0, 1000, 10)]),
    ],
)
def test_a_location_without_streams_is_read_every_five_minutes(
    streams_from: float, read: list[float]
) -> None:
    """After the first minute; once it has streams, it is read in every run."""
    memory, seconds = Memory(10), []
    for second in range(0, 1000, 10):
        memory.begin(1 + second)
        if memory.is_worth_reading(EUROPE):
            seconds.append(second)
            writes(memory, EMPTY if second < streams_from else STREAMS)
    assert seconds == read


# Runs of one process.


class Watched:
    """A world on a clock, and a process that runs every ten seconds.

    Attributes:
        now: The true time, in unix seconds; nothing but :meth:`run` moves it.
        ahead: How many seconds the clock of the process's machine is ahead of it.
    """

    def __init__(
        self, running: ExitStack, source: dict[str, Any], **parts: Any
    ) -> None:
        self.now = self.start = 1_800_000_000.0
        self.ahead = 0.0
        places = {
            "europe-west1": ["orders", "carts"],
            "us-east1": ["stock"],
            "us-west1": [],
        }
        made = World.model_validate(world(places, **parts))
        self.cloud = running.enter_context(Emulator(made, clock=lambda: self.now))
        self.clients = running.enter_context(Clients(Endpoints(), self.cloud.environ))
        config = Config.model_validate(
            {
                "metrics": {"project": "metrics-project"},
                "sources": [source],
                "collect": {"private_connections": True},
            }
        )
        self.session = Session(
            config,
            self.clients,
            interval=10,
            monotonic=lambda: self.now,
            now=lambda: self.now + self.ahead,
        )

    def run(self, until: float) -> list[Report]:
        """Run up to so many seconds after the start; return the reports."""
        reports = []
        while self.now < self.start + until:
            reports.append(self.once(Deadline.after(PLENTY)))
        return reports

    def once(self, deadline: Deadline) -> Report:
        """Run now, and let ten seconds pass."""
        report = run_once(self.session, deadline)
        self.now += 10
        return report

    def written(
        self, metric: str, location: str = "europe-west1"
    ) -> list[tuple[float, float]]:
        """Return the points of a location: seconds after the start, and value."""
        return [
            (point.time - self.start, float(point.value))
            for point in self.cloud.points(PREFIX + metric)
            if point.resource_labels["location"] == location
        ]


Watch = Callable[..., Watched]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Return what starts a world and a process, until the test ends."""
    with ExitStack() as running:
        yield lambda source=LISTED, **parts: Watched(running, source, **parts)


def test_a_failure_is_written_in_the_next_run(watch: Watch) -> None:
    """In its own location, for a minute in every run; other locations are left out."""
    watched = watch(
        events=[
            {
                "at": 123,
                "stream": "orders",
                "do": "fail",
                "reason": "SLOT",
            }
        ]
    )
    reports = watched.run(400)
    first = [*range(0, 80, 10)]
    seconds = [second for second, _ in watched.written("location/up")]
    assert seconds == [*first, *range(130, 210, 10)]
    failed = [(second, 105) for second in range(130, 210, 10)]
    assert watched.written("stream/problem") == failed
    seconds = [second for second, _ in watched.written("location/up", "us-east1")]
    assert seconds == [*first, 310]
    assert len(watched.written("exporter/last_run", "global")) == 40
    assert [index for index, report in enumerate(reports) if report.changed] == [0, 13]


def test_a_location_whose_points_were_lost_is_written_in_the_next_run(
    watch: Watch,
) -> None:
    """Although nothing changed, and it would not be due for minutes."""
    watched = watch()
    watched.run(310)
    watched.cloud.add_fault(Fault(method="CreateTimeSeries", code="UNKNOWN", times=1))
    lost, again = watched.run(330)
    assert len(lost.held_back) == 1
    assert again.complete
    assert again.held_back == ()
    for location in ("europe-west1", "us-east1"):
        seconds = [second for second, _ in watched.written("location/up", location)]
        assert seconds[8] == (320 if lost.held_back[0].location == location else 310)


def test_shared_points_that_were_lost_are_written_in_the_next_run(watch: Watch) -> None:
    """Those of a location without streams, although it would not be due for minutes."""
    watched = watch(LISTED | {"locations": ["us-west1"]})
    watched.run(310)
    watched.cloud.add_fault(Fault(method="CreateTimeSeries", code="UNKNOWN", times=1))
    watched.run(330)
    seconds = [second for second, _ in watched.written("location/up", "us-west1")]
    assert seconds[-1] == 320


def test_a_dropped_location_is_read_on_and_named(watch: Watch) -> None:
    """Where discovery fails, all that it found last is read."""
    watched = watch(DISCOVERED)
    listed = ["europe-west1", "us-east1", "us-west1"]

    def list_locations(_request: Any) -> Any:
        return locations_pb2.ListLocationsResponse(
            locations=[locations_pb2.Location(location_id=one) for one in listed]
        )

    watched.cloud.answer("ListLocations", list_locations)
    watched.run(600)
    assert watched.cloud.calls["ListLocations"] == 1
    # Of the location without streams, only some runs.
    assert watched.cloud.calls["ListStreams"] == 2 * 60 + 9
    listed.remove("us-east1")
    (report,) = watched.run(610)
    assert report.dropped == (AMERICA,)
    assert "shop-prod/us-east1" in seen(report)
    watched.cloud.add_fault(Fault(method="ListLocations", code="PERMISSION_DENIED"))
    watched.now = watched.start + 1300
    (report,) = watched.run(1310)
    assert report.dropped == (AMERICA,)
    assert {"shop-prod/europe-west1", "shop-prod/us-east1"} <= seen(report).keys()
    assert report.unread[ProjectName("shop-prod")].kind is FailureKind.PERMISSION_DENIED


def test_a_quarter_is_collected_once(watch: Watch) -> None:
    """In its first run: the count of what was not collected says which runs did."""
    watched = watch()
    watched.run(60)
    watched.now = watched.start + 950
    watched.run(1000)
    assert watched.written("exporter/uncollected", "global") == [(0, 0), (950, 0)]
    assert watched.cloud.calls["ListPrivateConnections"] == 2 * 2


def test_connections_are_renewed_after_a_run_that_reached_nobody(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after one that a stop ended, nor after one that could read something."""
    watched = watch()
    renewed: list[float] = []

    def renew(seconds: float) -> None:
        renewed.append(watched.now - watched.start)
        # What a token server that hangs may take of a run.
        assert seconds == pytest.approx(3)

    monkeypatch.setattr(watched.clients, "renew", renew)
    watched.run(10)
    denied = Fault(method="ListStreams", location="us-*", code="PERMISSION_DENIED")
    watched.cloud.add_fault(denied)
    watched.run(20)
    watched.cloud.add_fault(denied.model_copy(update={"location": "*"}))
    stopped = Deadline.after(PLENTY)
    stopped.stop.set()
    watched.once(stopped)
    watched.run(40)
    assert renewed == []
    watched.run(50)
    assert renewed == [40]


@pytest.mark.parametrize("ahead", [3600, -26 * 3600])
def test_a_clock_that_cloud_monitoring_does_not_accept_is_named(
    watch: Watch, ahead: float
) -> None:
    """Every point is lost, until the clock is right; then the next run is complete."""
    watched = watch()
    watched.ahead = ahead
    (report,) = watched.run(10)
    assert report.written.accepted == 0
    for error in report.written.errors:
        assert error.failure
        assert error.failure.hint == "Check this machine's clock."
    watched.ahead = 0
    (report,) = watched.run(20)
    assert report.complete
    assert watched.written("location/last_read")[0][0] == 10
