"""How runs end: in time, when asked to stop, and where no thread can be had."""

import threading
import time
from collections.abc import Iterator, Sequence
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.config.locations import KNOWN
from exporter.google import calls
from exporter.google.clients import Identity, connect
from exporter.google.errors import CallError, FailureKind
from exporter.config import Endpoints
from exporter.memory import Memory
from exporter.names import LocationName
from exporter.terminal import Progress
from exporter.write import Written
from lab.emulator.answers import StatusError
from tests.exporter.conftest import PLENTY, Lab, Serve
from tests.exporter.worlds import (
    DISCOVERED,
    LISTED,
    Monitoring,
    Point,
    has,
    refusal,
    seen,
    world,
)

PLACES = {at: ["x"] for at in KNOWN[:12]}
MANY = {"project": "shop-prod", "locations": list(PLACES)}
OWN = "exporter/points_lost"


@pytest.fixture
def released() -> Iterator[Event]:
    """Return what holds answers back until it is set, at the latest when the test ends."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def stop() -> Event:
    """Return what asks a run to stop."""
    return Event()


def location_threads() -> list[str]:
    """Return the names of the threads of locations that are under way."""
    return [one.name for one in threading.enumerate() if one.name.startswith("location")]


# In time.


def test_reading_ends_in_time_when_everything_hangs(serve: Serve) -> None:
    """A discovery and twelve locations that never answer: all of it is said, and in time."""
    lab = serve(world(PLACES, faults=[{"method": "List*", "latency": "10m"}]))
    monitoring = Monitoring(lab.cloud)
    report = lab.run(MANY, {"project": "bank-prod"}, seconds=2)
    assert report.complete
    assert report.reached_nobody
    assert {why.kind for why in report.unread.values()} == {FailureKind.TIMED_OUT}
    assert "run.deadline" in report.failed_discoveries["bank-prod"].hint
    assert monitoring.values("location/up") == {(at, "datastream"): 0 for at in [*PLACES, "global"]}
    assert has(monitoring.batches[-1], OWN)
    assert report.seconds < PLENTY / 3


def test_the_exporters_own_points_are_written_when_all_others_hang(
    serve: Serve, released: Event
) -> None:
    """The last seconds are kept for them, and they say how much was lost."""
    lab = serve(world({at: ["x"] for at in KNOWN[:3]} | {"us-east1": []}))

    def hang(points: Sequence[Point]) -> None:
        if not has(points, OWN):
            released.wait(PLENTY)

    monitoring = Monitoring(lab.cloud, hang)
    report = lab.run(DISCOVERED, seconds=2)
    assert report.seconds < PLENTY / 3
    # What comes after a request that is lost is sent as well: four counts, four of a stream each.
    assert report.written.lost == 3 * 8 + 3
    assert report.written.accepted == 4
    assert monitoring.values(OWN) == {("global", "0"): 27}
    assert len(report.held_back) == 3
    assert not report.complete


def test_a_deadline_that_has_passed_loses_everything_without_a_call(serve: Serve) -> None:
    """Nothing hangs, and the exit code says that points were lost."""
    lab = serve(world())
    report = lab.run(LISTED, seconds=-5)
    assert lab.cloud.calls.total() == report.calls == 0
    assert set(report.unread) == {LocationName("shop-prod", at) for at in LISTED["locations"]}
    assert report.written == Written(lost=6, errors=report.written.errors)


class Timeouts:
    """Notes the timeout of each call, by its method or the first metric of a request."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[str, float] = {}
        for client, method in (
            (lab.clients.datastream, "list_locations"),
            (lab.clients.datastream, "list_streams"),
            (lab.clients.datastream, "list_private_connections"),
            (lab.clients.datastream, "list_stream_objects"),
            (lab.clients.monitoring, "create_time_series"),
        ):
            monkeypatch.setattr(client, method, self._noting(method, getattr(client, method)))

    def _noting(self, method: str, call: Any) -> Any:
        def noted(request: Any, *, timeout: float, **more: Any) -> Any:
            series = getattr(request, "time_series", None)
            name = series[0].metric.type.partition("datastream/")[2] if series else method
            self.seen[name] = timeout
            return call(request, timeout=timeout, **more)

        return noted


@pytest.mark.parametrize(
    ("seconds", "reading", "writing", "objects", "own"),
    [
        (600, 360, 12, 148.5, 12),
        (50, 30, 12, 11, 12),
        (10, 6, 8.5 / 3, 1.75, 10 / 3),
        (2, 1.2, 1, 0.35, 1),
    ],
)
def test_each_call_gets_its_share_of_the_time(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    reading: float,
    writing: float,
    objects: float,
    own: float,
) -> None:
    """Reading has 60 %; a request has a third of what is left, 1 to 12 s; the last have a reserve.

    The reserve is 15 % of the run, 3 s at most, for the exporter's own series, and as much before
    it for what the collectors read.
    """
    monkeypatch.setattr(calls, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    lab = serve(world({"europe-west1": ["orders"]}))
    noted = Timeouts(lab, monkeypatch)
    collect = {"objects": True, "private_connections": True}
    collecting = min(3, 0.15 * seconds) * 2
    at = int(time.time()) // 900 * 900
    assert lab.run(DISCOVERED, seconds=seconds, collect=collect, at=at).complete
    assert noted.seen == pytest.approx(
        {
            "list_locations": reading,
            "list_streams": reading,
            "location/up": writing,
            "stream/state": writing,
            "location/last_read": writing,
            "list_private_connections": seconds - collecting,
            "list_stream_objects": objects,
            "stream/objects": writing,
            "exporter/last_run": own,
        }
    )


def test_discovery_leaves_time_for_the_locations_that_are_known(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an earlier run found locations, discovering them again may take a third of reading."""
    monkeypatch.setattr(calls, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    lab = serve(world())
    noted, memory = Timeouts(lab, monkeypatch), Memory(60)
    memory.begin(1)
    lab.run(DISCOVERED, seconds=50, memory=memory)
    assert noted.seen.pop("list_locations") == pytest.approx(30)
    memory.begin(500)
    lab.look(DISCOVERED, seconds=50, memory=memory)
    assert "list_locations" not in noted.seen
    memory.begin(1000)
    lab.look(DISCOVERED, seconds=50, memory=memory)
    assert noted.seen["list_locations"] == pytest.approx(10)


# When asked to stop.


class StopWhenRead(Progress):
    """Asks to stop as soon as so many locations are read."""

    def __init__(self, stop: Event, after: int = 1) -> None:
        self.stop, self.after = stop, after

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Ask to stop."""
        assert task == "reading locations"
        assert total is not None
        assert done <= total
        if done == self.after:
            self.stop.set()


def test_a_stop_before_the_run_writes_nothing(serve: Serve, stop: Event) -> None:
    """Nothing is known of what was not waited for: neither failed nor unreadable."""
    lab = serve(world(faults=[{"method": "List*", "latency": "10m"}]))
    stop.set()
    report = lab.run(LISTED, {"project": "bank-prod"}, stop=stop)
    assert (report.stopped, report.complete) == (True, False)
    assert report.skipped == 3
    assert report.written == Written()
    assert not report.unread
    assert not report.discoveries
    assert "CreateTimeSeries" not in lab.cloud.calls


def test_a_stop_while_reading_leaves_what_hangs(
    serve: Serve, stop: Event, caplog: pytest.LogCaptureFixture
) -> None:
    """It is neither failed nor waited for; its threads end with the clients, without a word."""
    lab = serve(world(faults=[{"method": "ListStreams", "location": "us-*", "latency": "10m"}]))
    run = lab.prepare(LISTED, stop=stop)
    run._progress = StopWhenRead(stop)  # noqa: SLF001 - what the command line gives it
    report = run.write()
    assert report.seconds < PLENTY / 3
    assert report.skipped == 1
    assert not report.unread
    assert not report.reached_nobody
    assert list(seen(report)) == ["shop-prod/europe-west1"]
    lab.clients.close()
    ended = threading.Event()
    for _ in range(round(PLENTY / 0.01)):
        if not location_threads():
            break
        ended.wait(0.01)
    assert not location_threads()
    assert not caplog.records


@pytest.mark.parametrize("code", [None, "UNAVAILABLE"])
def test_a_stop_finishes_the_requests_under_way_and_begins_no_other(
    serve: Serve, stop: Event, code: str | None
) -> None:
    """What was answered counts, what was refused is lost, the rest is left out."""
    lab = serve(world({"europe-west1": {"streams": [{"id": "s-{}", "count": 60}]}}))

    def answer(points: Sequence[Point]) -> StatusError | None:
        if not has(points, "stream/state"):
            return None
        stop.set()
        return refusal(code) if code else None

    monitoring = Monitoring(lab.cloud, answer)
    collect = {"objects": True, "private_connections": True}
    source = {"project": "shop-prod", "locations": ["europe-west1"]}
    report = lab.run(source, stop=stop, collect=collect, at=0)
    assert [len(points) for points in monitoring.batches] == [4, 200]
    lost = 200 if code else 0
    assert (report.written.accepted, report.written.lost) == (204 - lost, lost)
    assert report.written.left_out == 40
    assert (report.stopped, report.complete) == (True, False)
    # The log says that the run was interrupted: that is why there is no last_read.
    assert report.held_back == ()
    assert lab.cloud.calls == {"ListStreams": 1, "CreateTimeSeries": 2}


@pytest.mark.parametrize("shared", [False, True])
def test_a_stop_waits_for_seconds_for_all_requests_that_hang(
    serve: Serve, stop: Event, released: Event, *, shared: bool
) -> None:
    """Cloud Run ends a process ten seconds after SIGTERM: what hangs is lost, and counted."""
    places = {at: [] if shared else ["x"] for at in KNOWN[:6]}
    lab = serve(world(places))

    def hang(_points: Sequence[Point]) -> None:
        if len(monitoring.requests) == (1 if shared else len(places)):
            stop.set()
        released.wait(PLENTY)

    monitoring = Monitoring(lab.cloud, hang)
    listed = {"project": "shop-prod", "locations": list(places)}
    report = lab.run(listed, stop=stop)
    # All of them together get three seconds.
    assert report.seconds < 8
    assert len(monitoring.requests) == (1 if shared else 6)
    assert report.written.lost == (12 if shared else 24)
    assert report.stopped


# Where no thread can be had.


class FewThreads:
    """Lets so many threads of a kind be started, and then no other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str, most: int) -> None:
        self.left = most
        start = threading.Thread.start

        def limited(thread: threading.Thread) -> None:
            if thread.name.startswith(kind):
                if self.left == 0:
                    raise RuntimeError("can't start new thread")
                self.left -= 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("source", [LISTED, DISCOVERED])
def test_without_any_thread_a_run_ends_with_a_sentence(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]
) -> None:
    """It says what is short, and what to do."""
    lab = serve(world())
    FewThreads(monkeypatch, "location", 0)
    with pytest.raises(CallError, match="this machine can start no thread") as caught:
        lab.run(source)
    assert "more processes and threads" in str(caught.value)
    assert "bug" not in str(caught.value)


def test_without_any_thread_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence is the same."""
    FewThreads(monkeypatch, "token", 0)
    with pytest.raises(CallError, match="this machine can start no thread"):
        connect(Endpoints(), {}, Identity())


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("source", [LISTED, DISCOVERED])
def test_one_thread_is_enough_for_a_whole_run(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], most: int
) -> None:
    """Locations then wait for each other, and nothing is left out."""
    lab = serve(world())
    FewThreads(monkeypatch, "location", most)
    report = lab.run(source)
    assert report.complete
    assert list(seen(report)) == ["shop-prod/europe-west1", "shop-prod/us-east1"]
    assert len(lab.cloud.points()) == len(report.samples) == (22 if source == LISTED else 23)
