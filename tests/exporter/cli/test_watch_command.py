"""``watch``: the beat, what is remembered between runs, and how it ends."""

from __future__ import annotations

import itertools
import re
import signal
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import config
from exporter.cli import commands
from exporter.cli import parser
from exporter.google.clients import Clients, Identity, connect
from exporter.google.calls import Deadline
from exporter.logs import Text, logging_to
from exporter.measure import ExporterName
from exporter.task import Task
from exporter.runs import REMEMBERED_SECONDS, Runs, run_every
from lab.emulator.world import Fault
from tests.outputs import Printed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import SignalWhen
    from tests.exporter.cli.conftest import Command, Serve, World

DISCOVERING = "metrics: {project: metrics-prod}\nsources: [{project: shop-prod}]\n"


class Clock:
    """Monotonic seconds that pass only when told to."""

    def __init__(self) -> None:
        """Start anywhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Stop(threading.Event):
    """An event whose waits make a clock's time pass, and none of anybody else's."""

    def __init__(self, clock: Clock, late: Iterable[float] = ()) -> None:
        """Take the clock, and how much too long each wait lasts."""
        super().__init__()
        self._clock = clock
        self._late = iter(late)

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass."""
        assert timeout is not None
        assert timeout >= 0
        self._clock.now += timeout + next(self._late, 0)
        return self.is_set()


def begun(took: Iterable[float], seconds: float = 10, late: Iterable[float] = ()) -> list[float]:
    """Return when each piece of work began, given how long each takes and each wait overruns."""
    clock = Clock()
    stop = Stop(clock, late)
    start, began, left = clock.now, [], list(took)

    def work() -> None:
        began.append(clock.now - start)
        clock.now += left.pop(0)
        if not left:
            stop.set()

    run_every(work, seconds, stop, monotonic=clock)
    return began


def test_a_beat_does_not_drift() -> None:
    """However long the work takes within its beat, the next one begins on the multiple."""
    assert begun([0.1, 9.9, 3, 0]) == [0, 10, 20, 30]


def test_a_beat_does_not_overlap() -> None:
    """Work that outlasts its beat makes the beats pass that fall into it, and the log says so."""
    log = Printed()
    with logging_to(log, Text()):
        assert begun([12, 35, 1, 1]) == [0, 20, 60, 70]
    first, second = log.getvalue().splitlines()
    assert first == (
        "warning: A run took 12.0 s, longer than the 10 s between runs: 1 run is left out. Raise "
        "the interval, or split the work."
    )
    assert "35.0 s, longer than the 10 s between runs: 3 runs are left out." in second


def test_a_process_that_stood_still_goes_on_without_starts_that_are_too_close() -> None:
    """It was stopped from 0 to 28 s: a start at 30 s would have its points refused."""
    log = Printed()
    with logging_to(log, Text()):
        assert begun([1, 1, 1, 0], late=[18]) == [0, 28, 40, 50]
    assert log.getvalue() == (
        "warning: A run began 18.0 s late, as this process or its machine stood still: "
        "2 runs are left out.\n"
    )
    assert begun([1, 1, 1, 0], late=[15]) == [0, 25, 30, 40], "five seconds are enough"


@given(
    late=st.lists(st.floats(0, 100), max_size=8),
    took=st.lists(st.floats(0, 60), min_size=9, max_size=9),
    seconds=st.integers(10, 60),
)
def test_two_starts_are_never_closer_than_cloud_monitoring_takes_points(
    late: list[float], took: list[float], seconds: int
) -> None:
    """For any work and any standstill: at least five seconds, and on a multiple unless late."""
    began = begun(took, seconds, late)
    assert all(after - before >= 5 - 1e-6 for before, after in itertools.pairwise(began))
    for start, overrun in itertools.zip_longest(began[1:], late, fillvalue=0):
        on_time = start - overrun
        assert on_time / seconds == pytest.approx(round(on_time / seconds))


def test_a_process_that_stays_says_when() -> None:
    """The lines of `watch` at a terminal begin with the time of day."""
    log = Printed()
    with logging_to(log, Text(times=True)):
        begun([12, 1])
    assert re.match(r"\d\d:\d\d:\d\d warning: A run took 12\.0 s", log.getvalue())


@given(took=st.lists(st.floats(0, 60), min_size=1, max_size=10), seconds=st.integers(10, 60))
def test_every_beat_is_a_multiple_and_the_first_that_can_be(
    took: list[float], seconds: int
) -> None:
    """For any work: it begins on a multiple, when the last one is done, and no later than that."""
    began = begun(took, seconds)
    assert began[0] == 0
    for before, spent, after in zip(began, took, began[1:], strict=False):
        assert after / seconds == pytest.approx(round(after / seconds))
        assert before + spent <= after + 1e-6
        assert after - (before + spent) <= seconds + 1e-6


def test_the_work_under_way_is_finished() -> None:
    """A stop in the middle of the work begins no further one, and cuts nothing off."""
    assert begun([3]) == [0]


def runs(environ: dict[str, str], clock: Clock) -> Runs:
    """Return the runs of a task that has everything."""
    loaded = config.load(None, environ).config
    clients, _ = connect(loaded.endpoints, environ, Identity())
    task = Task(ExporterName("global", "datastream-exporter", "0"))
    return Runs(clients, loaded, task, lambda _: None, monotonic=clock)


def test_what_was_discovered_is_remembered_for_a_while(serve: Serve, shop: World) -> None:
    """Locations are listed once in ten minutes, streams in every run."""
    cloud, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = DISCOVERING
    clock = Clock()
    watching = runs(environ, clock)
    for _ in range(3):
        watching.once(Deadline.after(10))
        clock.now += 10
    assert (cloud.calls["ListLocations"], cloud.calls["ListStreams"]) == (1, 6)
    clock.now += REMEMBERED_SECONDS
    watching.once(Deadline.after(10))
    watching.once(Deadline.after(10))
    assert (cloud.calls["ListLocations"], cloud.calls["ListStreams"]) == (2, 10)


def test_a_failed_discovery_falls_back_on_what_was_known(serve: Serve, shop: World) -> None:
    """Locations found earlier are still read, `global` is down, and every run tries again."""
    cloud, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = DISCOVERING
    clock = Clock()
    watching = runs(environ, clock)
    watching.once(Deadline.after(10))
    clock.now += REMEMBERED_SECONDS
    cloud.add_fault(Fault(method="ListLocations", code="PERMISSION_DENIED"))
    watching.once(Deadline.after(10))
    watching.once(Deadline.after(10))
    assert (cloud.calls["ListLocations"], cloud.calls["ListStreams"]) == (3, 6)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (-3600, "set 3600 s back: Cloud Monitoring rejects points until it has caught up"),
        (3600, "set 3600 s forward, or the machine was suspended"),
        (-2, "set 2 s back: Cloud Monitoring rejects points until it has caught up"),
        (2, "set 2 s forward, or the machine was suspended"),
        (1.9, None),
    ],
)
def test_a_step_of_the_clock_is_logged_once(
    serve: Serve, shop: World, caplog: pytest.LogCaptureFixture, step: float, words: str | None
) -> None:
    """By how much and which way, so that nobody looks for a second exporter."""
    _, environ = serve(shop)
    loaded = config.load(None, environ).config
    clients, _ = connect(loaded.endpoints, environ, Identity())
    task = Task(ExporterName("global", "datastream-exporter", "0"))
    clock, wall = Clock(), Clock()
    watching = Runs(clients, loaded, task, lambda _: None, monotonic=clock, now=wall)
    with clients, caplog.at_level("WARNING", logger="exporter"):
        for moved in (0.0, step, 0.0):
            clock.now += 10
            wall.now += 10 + moved
            watching.once(Deadline.after(10))
    told = [record.getMessage() for record in caplog.records]
    assert told == ([f"The clock of this machine was {words}."] if words else [])


@pytest.mark.parametrize(
    ("fault", "stopped", "opened"),
    [
        (None, False, 1),
        (Fault(method="ListStreams", code="PERMISSION_DENIED"), False, 2),
        (Fault(method="CreateTimeSeries", code="PERMISSION_DENIED"), False, 2),
        (Fault(method="ListStreams", code="PERMISSION_DENIED"), True, 1),
    ],
    ids=["all went well", "nothing was read", "nothing was written", "it is ending"],
)
def test_a_run_that_reached_nobody_is_followed_by_new_connections(
    serve: Serve, shop: World, fault: Fault | None, *, stopped: bool, opened: int
) -> None:
    """On the old ones, every call may fail for ever, and gRPC stays on them."""
    cloud, environ = serve(shop)
    if fault:
        cloud.add_fault(fault)
    opening: list[None] = []

    def channels() -> tuple[grpc.Channel, grpc.Channel]:
        opening.append(None)
        return grpc.insecure_channel(cloud.datastream), grpc.insecure_channel(cloud.monitoring)

    stop = threading.Event()
    if stopped:
        cloud.answer("CreateTimeSeries", lambda _request: stop.set())
    task = Task(ExporterName("global", "datastream-exporter", "0"))
    with Clients(channels) as clients:
        watching = Runs(clients, config.load(None, environ).config, task, lambda _: None)
        watching.once(Deadline.after(10, stop))
    assert len(opening) == opened


def test_objects_have_a_beat_and_a_name_of_their_own(
    command: Command, serve: Serve, shop: World, signal_when: SignalWhen
) -> None:
    """The frequent run leaves objects to the other one; neither writes the other's series."""
    cloud, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_COLLECT__OBJECTS"] = "true"
    signal_when(signal.SIGTERM, lambda: cloud.calls["CreateTimeSeries"] >= 6)
    code, _, err = command("watch", environ=environ)
    assert code == 143
    assert cloud.calls == Counter(ListStreams=4, ListStreamObjects=3, CreateTimeSeries=6)
    own = Counter(
        point.resource_labels["node_id"]
        for point in cloud.points()
        if "/exporter/" in point.metric_type
    )
    assert own == {"0": 4, "objects-0": 3}
    assert "3 streams in 2 locations" in err
    assert "Objects of 3 streams in 2 locations" in err


class Failing:
    """Runs where the first fails unexpectedly; the others wait for the end."""

    failed = threading.Lock()

    def __init__(self, *_given: object, interval: float) -> None:
        """Take what a run takes."""
        assert interval >= 10

    def once(self, deadline: Deadline) -> None:
        """Fail, or wait."""
        if self.failed.acquire(blocking=False):
            raise ZeroDivisionError
        assert deadline.stop.wait(10)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the first run fail."""
    monkeypatch.setattr(Failing, "failed", threading.Lock())
    monkeypatch.setattr(commands, "Runs", Failing)


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("objects", ["false", "true"])
def test_a_beat_that_fails_ends_the_process(
    command: Command, serve: Serve, shop: World, on_cloud_run: dict[str, str], objects: str
) -> None:
    """No schedule runs on without the other: the process exits with 1, to be restarted."""
    _, environ = serve(shop)
    environ |= {**on_cloud_run, "DATASTREAM_EXPORTER_COLLECT__OBJECTS": objects}
    ended = command("watch", environ=environ)
    assert ended.code == 1
    assert ended.log[-1]["severity"] == "ERROR"
    assert "ZeroDivisionError" in ended.log[-1]["message"]


@pytest.mark.usefixtures("failing")
def test_a_beat_that_fails_at_a_terminal_shows_where(
    command: Command, serve: Serve, shop: World
) -> None:
    """A person gets Python's own traceback, and the code that goes with it."""
    _, environ = serve(shop)
    with pytest.raises(ZeroDivisionError):
        command("watch", environ=environ)


@pytest.mark.parametrize("text", ["10s", "5m", "2h"])
def test_intervals_are_written_as_durations(text: str) -> None:
    """Both cadences are written as everywhere else."""
    args = parser().parse_args(["watch", "--interval", text, "--objects-interval", text])
    expected = {"10s": 10, "5m": 300, "2h": 7200}[text]
    assert args.interval == args.objects_interval == timedelta(seconds=expected)


@pytest.mark.parametrize("flag", ["--interval", "--objects-interval"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9s", "9s is too short; at least 10s is allowed"),
        ("0s", "0s is too short"),
        ("999999999h", "999999999h is too long; at most 24h is allowed"),
        ("10", '"10" is not a duration; write a number and its unit, such as 30s, 15m or 2h'),
        ("-10s", "expected one argument"),
        ("", '"" is not a duration'),
        ("1d", '"1d" is not a duration'),
    ],
)
def test_an_invalid_interval_is_a_usage_error(
    command: Command, flag: str, text: str, sentence: str
) -> None:
    """Shorter than ten seconds or no duration at all: one sentence, exit 2."""
    code, out, err = command("watch", flag, text)
    assert (code, out) == (2, "")
    assert f"error: argument {flag}: {sentence}" in err
