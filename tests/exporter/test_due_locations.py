"""Which locations a run of watch writes: what changed, what isn't clean, the rest once a minute."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli.dry_run import would_write
from exporter.memory import DueLocations
from exporter.google.errors import Failure, FailureKind
from exporter.names import LocationName
from exporter.measure import GLOBAL, ReadLocation, Stream, UnreadLocation
from exporter.states import StreamState
from tests.exporter.measured import EUROPE, measured

if TYPE_CHECKING:
    from exporter.measure import Measurement

DOWN = Failure(FailureKind.UNAVAILABLE, "down.", "Wait.")
US = LocationName("shop-prod", "us-east1")
DISCOVERY = LocationName("shop-prod", GLOBAL)
RUNNING, PAUSED = StreamState.RUNNING, StreamState.PAUSED


def fleet(state: int = RUNNING, errors: int = 0) -> Measurement:
    """Return a fleet of two locations, one with a stream in this state."""
    europe = ReadLocation(EUROPE, (Stream("orders", state, errors),))
    return measured(europe, ReadLocation(US), discoveries={"shop-prod": ("europe-west1",)})


def written(*runs: Measurement, interval: float = 10) -> list[set[LocationName]]:
    """Return what each run writes."""
    due = DueLocations(interval)
    return [set(due.choose(run, number * interval)) for number, run in enumerate(runs)]


def times(of: LocationName, runs: list[set[LocationName]], interval: float = 10) -> list[float]:
    """Return the seconds at which a location is written."""
    return [number * interval for number, locations in enumerate(runs) if of in locations]


def test_a_quiet_fleet_is_written_every_minute() -> None:
    """After the first minute, in which nobody knows whether anything just changed."""
    runs = written(*[fleet()] * 25)
    assert {tuple(times(name, runs)) for name in (EUROPE, US, DISCOVERY)} == {
        (0, 10, 20, 30, 40, 50, 60, 120, 180, 240)
    }


@pytest.mark.parametrize(
    "changed",
    [
        fleet(PAUSED),
        fleet(errors=1),
        measured([], ReadLocation(US), discoveries={"shop-prod": ()}),
        measured(
            [Stream("orders", RUNNING, label="paused")],
            ReadLocation(US),
            discoveries={"shop-prod": ()},
        ),
        measured(
            [Stream("orders", RUNNING)],
            ReadLocation(US),
            required=(f"{EUROPE}/streams/carts",),
            discoveries={"shop-prod": ()},
        ),
    ],
    ids=["state", "errors", "deleted", "expected", "missing"],
)
def test_a_change_is_written_at_once_and_for_a_minute(changed: Measurement) -> None:
    """Only its own location is; the others keep their minute."""
    runs = written(*[fleet()] * 13, *[changed] * 20)
    assert times(EUROPE, runs)[7:] == [120, 130, 140, 150, 160, 170, 180, 190, 250, 310]
    assert times(US, runs)[7:] == times(DISCOVERY, runs)[7:] == [120, 180, 240, 300]


def test_private_connections_are_written_as_they_change() -> None:
    """They are read after the streams, and come in a part of the run that is theirs."""
    well, failed = (measured(connections={EUROPE: {"link": state}}) for state in (2, 3))
    runs = written(*[well] * 13, *[failed] * 20)
    assert times(EUROPE, runs)[7:] == [120, 130, 140, 150, 160, 170, 180, 190, 250, 310]


def test_what_is_not_read_cleanly_is_written_at_every_run() -> None:
    """So is a failed discovery, and for a minute what was read again."""
    down = measured(UnreadLocation(EUROPE, DOWN), ReadLocation(US), discoveries={"shop-prod": DOWN})
    runs = written(*[fleet()] * 13, *[down] * 9, *[fleet()] * 9)
    every_run = [120, *range(130, 290, 10)]
    assert times(EUROPE, runs)[7:] == times(DISCOVERY, runs)[7:] == every_run
    assert times(US, runs)[7:] == [120, 180, 240, 300]


def test_what_was_not_accepted_is_written_again() -> None:
    """A location that lost a point counts as changed at the next run."""
    due = DueLocations(10)
    for number in range(13):
        due.choose(fleet(), number * 10)
    due.not_written({US})
    again = [due.choose(fleet(), number * 10) for number in range(13, 16)]
    assert again == [{US}] * 3


@pytest.mark.parametrize(
    ("before", "start", "is_due"),
    [(50, 60.9, True), (50, 61.0, False), (60, 111.0, False), (60, 111.1, True)],
    ids=["in the minute", "after the minute", "can wait", "cannot wait for the next run"],
)
def test_a_run_may_start_a_second_late(before: int, start: float, *, is_due: bool) -> None:
    """A minute after the change, and a minute after the last points, with a second to spare."""
    due = DueLocations(10)
    for second in range(0, before + 1, 10):
        due.choose(fleet(), second)
    assert (EUROPE in due.choose(fleet(), start)) is is_due


@pytest.mark.parametrize("interval", [10, 15, 20, 25, 30, 40, 59, 60, 300])
def test_no_series_waits_longer_than_a_minute(interval: int) -> None:
    """Whatever the interval up to a minute; with a longer one, every run writes everything."""
    whole = times(EUROPE, written(*[fleet()] * 40, interval=interval), interval)
    gaps = {after - before for before, after in itertools.pairwise(whole)}
    assert max(gaps) == max(interval, 60 // interval * interval)


def test_an_hour_every_ten_seconds_costs_little_more_than_one_every_minute() -> None:
    """Of 200 quiet streams: at most 1.1 times the points, after the first minute."""
    run = measured([Stream(f"orders-{number}", RUNNING) for number in range(200)])
    whole = sum(1 for _ in would_write(run))
    due = DueLocations(10)
    points = [
        sum(1 for _ in would_write(replace(run, due=due.choose(run, second))))
        for second in range(0, 3660, 10)
    ]
    assert points[0] == whole
    assert 60 * whole <= sum(points[6:]) <= 1.1 * 60 * whole


@given(st.lists(st.sampled_from([RUNNING, PAUSED, None]), min_size=1, max_size=40))
def test_the_newest_points_are_always_true(states: list[int | None]) -> None:
    """For any history: what was last written of a location is what it is now."""
    due, last = DueLocations(10), None
    for number, state in enumerate(states):
        if state is None:
            run = measured(UnreadLocation(EUROPE, DOWN))
        else:
            run = measured([Stream("orders", state)])
        if due.choose(run, number * 10):
            last = state
        assert last == state
