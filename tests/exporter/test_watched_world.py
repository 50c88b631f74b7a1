"""Runs of one process over a world that changes: what they write, and what they log of it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from exporter.config import Config, Endpoints
from exporter.google.clients import Identity, connect
from exporter.logs import JsonLines, logging_to
from exporter.run_log import RunLog
from exporter.measure import ExporterName
from exporter.task import Task
from exporter.runs import Runs
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault, World
from lab.simulate.virtual_sleep import VirtualDeadline
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "custom.googleapis.com/datastream/"
EUROPE, US = "europe-west1", "us-east1"


class Watched:
    """A world with two locations, and a process that runs every ten seconds on its clock."""

    def __init__(self, running: ExitStack, *events: dict[str, Any]) -> None:
        """Start the world; nothing has run yet.

        Attributes:
            now: The true time, in unix seconds.
            clock_ahead: How many seconds the clock of the process's machine is ahead of it.
        """
        self.now = self._start = 1_800_000_000.0
        self.clock_ahead = 0.0
        locations = [
            {"id": EUROPE, "streams": [{"id": "orders"}, {"id": "carts"}]},
            {"id": US, "streams": [{"id": "stock"}]},
        ]
        world = World.model_validate(
            {
                "projects": [{"id": "shop-prod", "number": 1, "locations": locations}],
                "events": events,
            }
        )
        self.cloud = running.enter_context(Emulator(world, clock=self._clock))
        clients, _ = connect(Endpoints(), self.cloud.environ, Identity())
        running.enter_context(clients)
        config = Config.model_validate(
            {
                "metrics": {"project": "shop-prod"},
                "sources": [{"project": "shop-prod", "locations": [EUROPE, US]}],
            }
        )
        self._log = RunLog(self._clock)
        self._runs = Runs(
            clients,
            config,
            Task(ExporterName("global", config.run.name, "0")),
            self._log.log,
            interval=10,
            monotonic=self._clock,
            now=lambda: self.now + self.clock_ahead,
        )

    def run_until(self, seconds: float) -> list[dict[str, Any]]:
        """Run up to that many seconds after the start; return what was logged but summaries."""
        log = Printed()
        with logging_to(log, JsonLines({})):
            while self.now < self._start + seconds:
                self._runs.once(VirtualDeadline(60))
                self.now += 10
        lines = map(json.loads, log.getvalue().splitlines())
        return [line for line in lines if line.get("event") != "run"]

    def written(self, metric: str, location: str) -> list[tuple[float, float]]:
        """Return the points of a location's only series: seconds after the start, and value."""
        return [
            (point.time - self._start, float(point.value))
            for point in self.cloud.points(PREFIX + metric)
            if point.resource_labels["location"] == location
        ]

    def _clock(self) -> float:
        return self.now


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Return what ends with the test."""
    with ExitStack() as stack:
        yield stack


def test_a_failure_is_written_and_logged_at_the_next_run(running: ExitStack) -> None:
    """Once in the log, and for a minute at every run in its location; the other one is quiet."""
    fails = {"at": 123, "stream": "orders", "do": "fail", "reason": "SLOT", "message": "Lost."}
    watched = Watched(running, fails)
    logged = watched.run_until(300)
    (line,) = logged
    assert line["severity"] == "ERROR"
    assert line["message"] == (
        "projects/shop-prod/locations/europe-west1/streams/orders: RUNNING → FAILED: SLOT: Lost."
    )
    named = ("event", "stream_id", "state", "previous", "expected", "worse", "reason", "error")
    assert [line[name] for name in named] == [
        *("stream_changed", "orders", "FAILED", "RUNNING", False, True, "SLOT", "Lost.")
    ]
    first_minute = [(10.0 * n, 0.0) for n in range(7)]
    assert watched.written("location/failed_streams", EUROPE) == [
        *first_minute,
        (120.0, 0.0),
        *((seconds, 1.0) for seconds in (130, 140, 150, 160, 170, 180, 190, 250)),
    ]
    assert watched.written("location/failed_streams", US) == [
        *first_minute,
        *((seconds, 0.0) for seconds in (120, 180, 240)),
    ]
    assert len(watched.written("exporter/last_run", "global")) == 30


def test_a_deleted_stream_vanishes_once_and_its_location_is_read_on(running: ExitStack) -> None:
    """Its last_seen stops, last_read goes on: that is how the policy finds it."""
    watched = Watched(running, {"at": 123, "stream": "stock", "do": "delete"})
    (line,) = watched.run_until(200)
    assert (line["event"], line["state"], line["previous"]) == (
        *("stream_vanished", "missing", "RUNNING"),
    )
    assert watched.written("stream/last_seen", US)[-1][0] == 120
    assert watched.written("location/last_read", US)[-1][0] == 190


def test_a_point_that_was_lost_is_written_at_the_next_run(running: ExitStack) -> None:
    """Although nothing changed, and the location would not be due for a minute."""
    watched = Watched(running)
    watched.run_until(120)
    watched.cloud.add_fault(Fault(method="CreateTimeSeries", code="INVALID_ARGUMENT", times=1))
    (lost, *_) = watched.run_until(130)
    assert "points lost" in lost["message"]
    watched.run_until(140)
    assert watched.written("location/up", EUROPE)[-2:] == [(60, 1), (130, 1)]


def test_an_outage_is_written_at_every_run_and_logged_twice(running: ExitStack) -> None:
    """The log has its beginning and its end; nothing is said of the streams meanwhile."""
    watched = Watched(
        running,
        {"at": 123, "location": US, "do": "unreachable"},
        {"at": 173, "location": US, "do": "reachable"},
    )
    logged = watched.run_until(240)
    assert [line["event"] for line in logged] == ["location_unreadable", "location_readable"]
    assert watched.written("location/up", US)[-12:] == [
        (120, 1),
        *((seconds, 0) for seconds in range(130, 180, 10)),
        *((seconds, 1) for seconds in range(180, 240, 10)),
    ]
    assert [seconds for seconds, _ in watched.written("stream/last_seen", US)][-7:] == [
        *(120, 180, 190, 200, 210, 220, 230),
    ]


def up(watched: Watched) -> list[float]:
    """Return the times of the points of a location, in seconds after the start."""
    return [seconds for seconds, _ in watched.written("location/up", EUROPE)]


@pytest.mark.parametrize("ahead", [-23 * 3600, -3600, 299])
def test_a_clock_that_cloud_monitoring_accepts_writes_points_with_its_own_time(
    running: ExitStack, ahead: float
) -> None:
    """An hour slow, or less than five minutes fast: nothing is lost, and nothing can be noticed."""
    watched = Watched(running)
    watched.clock_ahead = ahead
    assert watched.run_until(30) == []
    assert up(watched) == [ahead, ahead + 10, ahead + 20]


@pytest.mark.parametrize(
    ("ahead", "reason"),
    [
        (3600, "more than 5 minutes in the future"),
        (-26 * 3600, "more than approximately 24 hours in the past"),
    ],
)
def test_a_clock_that_cloud_monitoring_does_not_accept_is_named_in_the_log(
    running: ExitStack, ahead: float, reason: str
) -> None:
    """Every point is lost, until the clock is right; then the next run is complete."""
    watched = Watched(running)
    watched.clock_ahead = ahead
    *lost, withheld = watched.run_until(10)
    assert len(lost) == 3
    for line in lost:
        assert "points lost, " in line["message"]
        assert reason in line["message"]
        assert line["message"].endswith("Check this machine's clock.")
    assert withheld["message"].startswith("location/last_read of 2 locations")
    assert up(watched) == []
    watched.clock_ahead = 0
    (step,) = watched.run_until(20)
    assert step["message"].startswith("The clock of this machine was set ")
    assert up(watched) == [10]


@pytest.mark.parametrize("metric", ["stream/last_seen", "location/last_read", "location/up"])
def test_after_a_step_back_points_come_again_when_the_clock_has_caught_up(
    running: ExitStack, metric: str
) -> None:
    """What is older than the newest point is superseded: the log names the clock, and no stream."""
    watched = Watched(running)
    watched.run_until(60)
    watched.clock_ahead = -60
    step, *superseded = watched.run_until(120)
    assert step["message"] == (
        "The clock of this machine was set 60 s back: Cloud Monitoring rejects points until it has "
        "caught up."
    )
    assert {line["severity"] for line in superseded} == {"WARNING"}
    assert all(
        "was this machine's clock set back?" in message or "location/last_read" in message
        for message in (line["message"] for line in superseded)
    )
    assert watched.written(metric, US)[-1][0] == 50
    assert watched.run_until(130) == []
    assert watched.written(metric, US)[-1][0] == 60


def test_a_leap_forward_is_named_and_costs_nothing_up_to_five_minutes(running: ExitStack) -> None:
    """The points jump by as much, and a step back to the true time waits for it."""
    watched = Watched(running)
    watched.run_until(20)
    watched.clock_ahead = 120
    (step,) = watched.run_until(40)
    assert step["message"] == (
        "The clock of this machine was set 120 s forward, or the machine was suspended."
    )
    assert up(watched) == [0, 10, 140, 150]


def test_a_leap_of_an_hour_loses_points_until_the_clock_is_set_back(running: ExitStack) -> None:
    """They were rejected, so that nothing stands in the way of the next ones."""
    watched = Watched(running)
    watched.run_until(20)
    watched.clock_ahead = 3600
    step, *lost = watched.run_until(40)
    assert step["message"].startswith("The clock of this machine was set 3600 s forward")
    errors = [line["message"] for line in lost if line["severity"] == "ERROR"]
    assert errors
    assert all(message.endswith("Check this machine's clock.") for message in errors)
    watched.clock_ahead = 0
    (back,) = watched.run_until(60)
    assert back["message"].startswith("The clock of this machine was set 3600 s back")
    assert up(watched) == [0, 10, 40, 50]
