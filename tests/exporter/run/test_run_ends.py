"""How runs end: in time, when asked to stop, and where no thread can be had."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from google.cloud import monitoring_v3

from exporter.config.locations import KNOWN
from exporter.google.calls import ENDLESS, MOST_PAGES, Deadline
from exporter.google.errors import MORE_THREADS, NOBODY
from exporter.run import run, threads
from lab.emulator.answers import StatusError
from lab.simulate.simulation import Clock
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.worlds import (
    AMERICA,
    DISCOVERED,
    EUROPE,
    IN_EUROPE,
    LISTED,
    Monitoring,
    Points,
    has,
    refusal,
    seen,
    world,
)
from tests.tables import rows

PLACES = {at: ["x"] for at in KNOWN[:6]}
SOURCE = {"project": "shop-prod", "locations": list(PLACES)}
OWN = "exporter/points_lost"


@pytest.fixture
def released() -> Iterator[Event]:
    """Return what holds answers back until it is set, or the test ends."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def stop() -> Event:
    """Return what asks a run to stop."""
    return Event()


# In time.


def test_the_exporters_own_points_are_written_when_all_others_hang(
    serve: Serve, released: Event
) -> None:
    """The last seconds are kept for the own points, which say how much was lost."""
    lab = serve(world(PLACES | {"us-east1": []}))

    def hang(points: Points) -> None:
        if not has(points, OWN):
            released.wait(PLENTY)

    monitoring = Monitoring(lab.cloud, hang)
    report = lab.run(DISCOVERED, seconds=6)
    assert report.seconds < PLENTY / 3
    # What comes after a request that is lost is lost as well: three of it, four of its
    # stream.
    assert report.written.lost == 45
    assert report.written.accepted == 6
    assert monitoring.values(OWN) == {("global", "0"): 45}
    assert not report.complete


@pytest.mark.parametrize(("seconds", "most"), [(1, 0.075), (50, 1.0)])
def test_a_late_call_leaves_time_for_the_exporters_own_points(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, seconds: float, most: float
) -> None:
    """A call may be late by half of what is reserved for them, a second at most."""
    made: list[float] = []

    def record(caller: Any, pool: Any, grace_seconds: float) -> threads.Threads:
        made.append(grace_seconds)
        return threads.Threads(caller, pool, grace_seconds)

    monkeypatch.setattr(run, "Threads", record)
    serve(world()).run(IN_EUROPE, seconds=seconds)
    (grace,) = made
    assert 0 < grace <= most


def test_a_deadline_holds_while_other_parts_have_results(released: Event) -> None:
    """At its deadline, a part uses what is there, and waits for nothing that comes."""
    begun = Event()
    results: list[Any] = []
    others: list[int] = []

    def hang() -> None:
        begun.set()
        released.wait(PLENTY)

    def bring_another() -> None:
        others.append(1)
        if len(others) < 1000:
            made.results.put(bring_another)

    with ThreadPoolExecutor(1) as pool:
        made = threads.Threads(NOBODY, pool, 0)
        made.results.put(bring_another)
        part = threads.Part(made, Deadline.after(0))
        part.start("comes", lambda: True, results.append)
        # The one thread begins this when the other result is there.
        part.start("hangs", hang, results.append)
        part.start("waits for a thread", hang, results.append)
        assert begun.wait(PLENTY)
        part.wait()
        released.set()
    assert len(others) == 1
    came, hung, waited = results
    assert came is True
    assert hung.message == "there was no answer by the run's deadline"
    assert waited.hint == MORE_THREADS


def test_a_run_that_waits_says_how_long(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While Google is waited for, the log has a line now and then."""
    monkeypatch.setattr(threads, "_TELL_SECONDS", 0.0)
    lab = serve(world(faults=[{"method": "ListStreams", "latency": 1}]))
    with caplog.at_level(logging.INFO, "exporter"):
        assert lab.run(LISTED).complete
    assert caplog.messages[0].startswith("Waiting for Google: 0 s, for at most 1")


def test_problems_whose_list_never_ends_are_read_back_once(serve: Serve) -> None:
    """The run goes on without them, and each location with streams loses a point."""
    places = {"europe-west1": ["orders"], "us-east1": ["users"], "asia-east1": []}
    lab = serve(world(places))
    endless = monitoring_v3.ListTimeSeriesResponse.pb()(next_page_token="more")  # noqa: S106 - a page's
    lab.cloud.answer("ListTimeSeries", lambda _request: endless)
    report = lab.run(DISCOVERED)
    assert report.problems_unread == ENDLESS
    assert lab.cloud.calls["ListTimeSeries"] == MOST_PAGES
    assert report.written.lost == 2
    assert list(seen(report)) == [f"shop-prod/{at}" for at in sorted(places)]


# When asked to stop.


def test_a_stop_while_reading_leaves_what_hangs(
    serve: Serve, stop: Event, caplog: pytest.LogCaptureFixture
) -> None:
    """What hangs is not failed; its thread ends with the clients, without a word."""
    hanging = [
        {"method": "ListStreams", "location": "us-*", "latency": "10m"},
        {"method": "ListLocations", "latency": "10m"},
    ]
    lab = serve(world(faults=hanging))

    def answer(points: Points) -> None:
        if has(points, "location/last_read"):
            stop.set()

    Monitoring(lab.cloud, answer)
    report = lab.run(LISTED, {"project": "bank-prod"}, stop=stop)
    assert report.seconds < PLENTY / 3
    assert not report.reached_nobody
    assert not report.unread
    assert not report.discovered
    assert list(seen(report)) == ["shop-prod/europe-west1"]
    lab.clients.__exit__()
    for thread in threading.enumerate():
        if thread.name.startswith("location"):
            thread.join(PLENTY)
            assert not thread.is_alive()
    assert not caplog.records


@pytest.mark.parametrize(
    ("refused", "accepted"), [(None, 200), (refusal("UNAVAILABLE"), 0)]
)
def test_a_stop_finishes_the_requests_under_way_and_begins_no_other(
    serve: Serve, stop: Event, refused: StatusError | None, accepted: int
) -> None:
    """What was answered counts, what was refused or not sent is lost."""
    lab = serve(world({"europe-west1": {"streams": [{"id": "s-{}", "count": 60}]}}))

    def answer(points: Points) -> StatusError | None:
        if not has(points, "stream/state"):
            return None
        stop.set()
        return refused

    monitoring = Monitoring(lab.cloud, answer)
    report = lab.run(IN_EUROPE, stop=stop, clock=Clock(0))
    assert [len(points) for points in monitoring.batches] == [200]
    assert report.written.accepted == accepted
    assert report.written.lost == 243 - accepted
    assert report.stopped
    assert not report.complete
    assert lab.cloud.calls == {
        "ListStreams": 1,
        "CreateTimeSeries": 1,
        "ListTimeSeries": 3,
    }


@rows
def test_a_stop_waits_for_seconds_for_all_requests_that_hang(
    serve: Serve,
    stop: Event,
    released: Event,
    streams: list[str],
    hanging: int,
    lost: int,
) -> None:
    """What hangs is lost, as Cloud Run ends a process ten seconds after SIGTERM."""
    lab = serve(world(dict.fromkeys(PLACES, streams)))

    def hang(_points: Points) -> None:
        if len(monitoring.requests) == hanging:
            stop.set()
        released.wait(PLENTY)

    monitoring = Monitoring(lab.cloud, hang)
    report = lab.run(SOURCE, stop=stop)
    # All of them together get three seconds.
    assert report.seconds < 8
    assert report.stopped
    assert len(monitoring.requests) == hanging
    assert report.written.lost == lost


# Where no thread can be had.


def allow_threads(monkeypatch: pytest.MonkeyPatch, kind: str, most: int) -> None:
    """Let so many threads of a kind be started, and then no other."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if thread.name.startswith(kind):
            if len(started) == most:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


@rows
def test_one_thread_is_enough_for_a_whole_run(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], points: int
) -> None:
    """With one thread, locations wait for each other, and nothing is left out."""
    lab = serve(world())
    allow_threads(monkeypatch, "location", 1)
    report = lab.run(source)
    assert report.complete
    assert list(seen(report)) == ["shop-prod/europe-west1", "shop-prod/us-east1"]
    assert len(lab.cloud.points()) == report.written.accepted == points


def test_a_location_that_waits_for_problems_holds_no_thread(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside locations and lists that hang, four threads read and write all others."""
    lists = {"method": "ListTimeSeries", "latency": "10m"}
    reads = {"method": "ListStreams", "latency": "10m"}
    hanging = [reads | {"location": at} for at in KNOWN[1:6:2]]
    lab = serve(world(PLACES, faults=[lists, *hanging]))
    monitoring = Monitoring(lab.cloud)
    allow_threads(monkeypatch, "location", 4)
    report = lab.run(SOURCE, seconds=8)
    assert report.problems_unread
    assert {at for at, _ in monitoring.values("location/last_read")} == {*KNOWN[:6:2]}
    assert {at for at, _ in monitoring.values("location/up")} == {*PLACES}


def test_a_location_without_a_thread_is_unreadable_and_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only thread is held by a location that hangs: the other isn't healthy."""
    lab = serve(world(faults=[{"method": "ListStreams", "latency": "10m"}]))
    monitoring = Monitoring(lab.cloud)
    allow_threads(monkeypatch, "location", 1)
    report = lab.run(LISTED, seconds=4)
    assert report.unread.keys() == {EUROPE, AMERICA}
    assert report.unread[AMERICA].message.endswith("passed before this call started")
    assert set(monitoring.values("location/up").values()) == {0}
    assert len(monitoring.values("location/up")) == 2
