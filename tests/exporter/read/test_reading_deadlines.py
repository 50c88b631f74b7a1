"""What hangs ends by its own time, and whoever asks reading to stop is obeyed at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from exporter.config.locations import KNOWN
from exporter.google.calls import Deadline
from exporter.google.errors import FailureKind
from exporter.terminal import Progress
from exporter.read.reader import Collect
from tests.exporter.read.worlds import PLENTY, failure_of, project, seen

if TYPE_CHECKING:
    from tests.exporter.conftest import Serve

SOURCE = {"project": "shop-prod"}
SHOP = project(
    "shop-prod", {"asia-east1": ["hung"], "europe-west1": ["orders"], "us-east1": ["users"]}
)
SHORT = 3.0
"""Seconds for reading; a call that hangs is made once more after one of them."""
LATE = SHORT + 2
"""Seconds by which such a reading has surely ended, if it keeps to its time."""


def hung(**fault: Any) -> dict[str, Any]:
    """Return a world in which calls get no answer for minutes."""
    return {"projects": [SHOP], "faults": [{"method": "ListStreams", "latency": "10m", **fault}]}


class StopWhenRead(Progress):
    """Asks to stop as soon as so many locations are read."""

    def __init__(self, stop: threading.Event, after: int = 1) -> None:
        """Take what to set, and when."""
        self.stop = stop
        self.after = after

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Ask to stop."""
        assert task == "reading locations"
        assert total is not None
        assert done <= total
        if done == self.after:
            self.stop.set()


def readers() -> list[str]:
    """Return the names of the threads that read."""
    return [each.name for each in threading.enumerate() if each.name.startswith("read")]


@pytest.mark.parametrize("concurrency", [1, 16])
def test_sixteen_locations_that_hang_keep_no_seventeenth_from_being_read(
    serve: Serve, concurrency: int
) -> None:
    """A call that hangs no longer counts as one that is under way."""
    places = {place: ["hung"] for place in KNOWN[:16]}
    shop = project("shop-prod", {**places, "us-east1": ["users"]})
    faults = [{"method": "ListStreams", "location": place, "latency": "10m"} for place in places]
    listed = {"project": "shop-prod", "locations": [*places, "us-east1"]}
    observations = serve({"projects": [shop], "faults": faults}).read(
        listed, seconds=SHORT, concurrency=concurrency
    )
    assert seen(observations) == {"shop-prod/us-east1": ["users"]}
    assert {each.failure.kind for each in observations.unread} == {FailureKind.TIMED_OUT}


def test_a_location_that_is_slow_is_read(serve: Serve) -> None:
    """It answers within the time for reading, late as it is."""
    slow = {"method": "ListStreams", "location": "asia-*", "latency": "3s"}
    lab = serve({"projects": [SHOP], "faults": [slow]})
    assert len(seen(lab.read(SOURCE, seconds=6))) == 3


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_location_that_hangs_keeps_no_other_from_being_read(
    serve: Serve, concurrency: int
) -> None:
    """It is given up within its own time, after a second try, even where it goes first."""
    lab = serve(hung(location="asia-*"))
    started = time.monotonic()
    observations = lab.read(SOURCE, seconds=SHORT, concurrency=concurrency)
    assert time.monotonic() - started < LATE
    assert seen(observations) == {
        "shop-prod/europe-west1": ["orders"],
        "shop-prod/us-east1": ["users"],
    }
    failure = failure_of(observations, "shop-prod", "asia-east1")
    assert failure.kind is FailureKind.TIMED_OUT
    assert "run.deadline" in failure.hint
    assert [call.location for call in lab.cloud.call_log].count("asia-east1") == 2
    assert not readers()


def test_a_discovery_that_hangs_keeps_no_other_project_from_being_read(serve: Serve) -> None:
    """It times out; what it would have found is unread, or taken from what is remembered."""
    slow = {"method": "ListLocations", "project": "shop-*", "latency": "10m"}
    world = {"projects": [SHOP, project("bank-prod", {"us-east1": ["ledger"]})], "faults": [slow]}
    observations = serve(world).read(
        SOURCE,
        {"project": "bank-prod"},
        seconds=SHORT,
        fallback={"shop-prod": ("us-east1",)},
    )
    failure = observations.failed_discoveries["shop-prod"]
    assert failure.kind is FailureKind.TIMED_OUT
    assert seen(observations) == {
        "bank-prod/us-east1": ["ledger"],
        "shop-prod/us-east1": ["users"],
    }


def test_reading_ends_by_its_deadline_when_everything_hangs(serve: Serve) -> None:
    """Each location is tried, twice at the most, however few calls may be under way at once."""
    places = {place: ["x"] for place in KNOWN[:12]}
    lab = serve(
        {
            "projects": [project("shop-prod", places)],
            "faults": [{"method": "ListStreams", "latency": "10m"}],
        }
    )
    started = time.monotonic()
    listed = {"project": "shop-prod", "locations": list(places)}
    observations = lab.read(listed, seconds=SHORT / 2, concurrency=2)
    assert time.monotonic() - started < LATE
    kinds = [each.failure.kind for each in observations.unread]
    assert kinds == [FailureKind.TIMED_OUT] * 12
    assert 12 <= lab.calls.made <= 24
    assert observations.nothing_read
    assert observations.skipped == 0


def test_a_deadline_that_has_passed_costs_no_call(serve: Serve) -> None:
    """Everything is timed out, and nothing was asked."""
    lab = serve({"projects": [SHOP]})
    listed = {"project": "shop-prod", "locations": ["us-east1"]}
    (location,) = lab.read(listed, seconds=0).unread
    assert location.failure.kind is FailureKind.TIMED_OUT
    discovery = lab.read(SOURCE, seconds=-5).failed_discoveries["shop-prod"]
    assert discovery.kind is FailureKind.TIMED_OUT
    assert lab.calls.made == 0


def test_a_stop_ends_reading_at_once_and_counts_what_was_skipped(serve: Serve) -> None:
    """What was read stands; what hangs is skipped, neither failed nor waited for."""
    lab = serve(hung(location="[ae]*"))
    stop = threading.Event()
    started = time.monotonic()
    observations = lab.read(
        {"project": "shop-prod", "locations": ["asia-east1", "europe-west1", "us-east1"]},
        stop=stop,
        progress=StopWhenRead(stop),
    )
    assert time.monotonic() - started < PLENTY / 3
    assert seen(observations) == {"shop-prod/us-east1": ["users"]}
    assert observations.skipped == 2
    assert not observations.unread
    assert not observations.nothing_read


def test_a_stop_leaves_no_thread_behind_once_the_clients_are_closed(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls under way end with their channel, silently, and no further one is begun."""
    lab = serve(hung(location="[ae]*"))
    stop = threading.Event()
    listed = {"project": "shop-prod", "locations": ["asia-east1", "europe-west1", "us-east1"]}
    lab.read(listed, stop=stop, progress=StopWhenRead(stop))
    lab.clients.close()
    started = time.monotonic()
    while readers() and time.monotonic() - started < PLENTY / 3:
        time.sleep(0.01)
    assert not readers()
    assert lab.calls.made == 3
    assert not caplog.records


def test_a_stop_before_reading_reads_nothing(serve: Serve) -> None:
    """No call is made; a discovery that did not happen is neither good nor bad."""
    lab = serve({"projects": [SHOP]})
    stop = threading.Event()
    stop.set()
    observations = lab.read(SOURCE, {"project": "bank-prod", "locations": ["us-east1"]}, stop=stop)
    assert observations.skipped == 2
    assert not observations.locations
    assert not observations.discoveries
    assert lab.calls.made == 0


def test_a_stop_after_the_last_location_starts_no_collector(serve: Serve) -> None:
    """Nothing was skipped, and nothing more is asked."""
    lab = serve({"projects": [SHOP]})
    stop = threading.Event()
    observations = lab.read(
        SOURCE,
        stop=stop,
        progress=StopWhenRead(stop, after=3),
        collect=Collect(objects=True, connections=True),
    )
    assert len(seen(observations)) == 3
    assert observations.skipped == 0
    assert not observations.objects
    assert not observations.uncollected
    assert lab.cloud.calls == {"ListLocations": 1, "ListStreams": 3}


def test_a_deadline_within_another_is_never_later() -> None:
    """Parts of a deadline end with it at the latest, and share its stop."""
    whole = Deadline.after(10)
    assert whole.within(60) == whole
    assert whole.within(2).left <= 2
    assert whole.sooner(3).ends == whole.ends - 3
    assert whole.sooner(60).left < 0
    whole.stop.set()
    assert whole.within(2).stopped
    assert whole.sooner(3).stopped
