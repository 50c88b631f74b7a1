"""When a request's run begins, what it is answered, and what is remembered."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Timer

import pytest

from exporter.function import Function
from exporter.google.calls import Deadline
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault
from tests.exporter.function.conftest import CONFIG, CONFIG_TEXT, POINTS, Clock, OnClock
from tests.exporter.worlds import PREFIX
from tests.tables import rows

FAILS = {
    "at": "15s",
    "stream": "stock",
    "do": "fail",
    "reason": "GONE",
    "message": "row 4711",
}


def begun(cloud: Emulator, clock: Clock) -> list[float]:
    """Return when the runs began, by their points, in seconds of the test."""
    return [
        point.time - clock.start for point in cloud.points(PREFIX + "exporter/last_run")
    ]


@pytest.mark.parametrize("cloud_at", [{"events": [FAILS]}], indirect=True)
def test_what_was_prepared_survives(
    function: Function, cloud_at: Emulator, clock: Clock, log: io.StringIO
) -> None:
    """Only now and then runs discover, write what stays the same, repeat a failure."""
    written = []
    for _ in range(12):
        written.append(function.answer("POST", "/").body["written"])
        clock.now += 60
    assert written[:5] == [POINTS, 28, 17, 16, 6]
    assert cloud_at.calls["ListLocations"] == 2
    about = [line for line in log.getvalue().splitlines() if "streams/stock" in line]
    assert len(about) == 2
    assert (
        "was RUNNING and failed; Datastream keeps retrying: GONE: row 4711" in about[0]
    )


def test_callers_that_wait_have_a_run_each(
    function: Function, cloud_at: Emulator, clock: Clock
) -> None:
    """One run is under way at a time, and the next begins ten seconds after it."""
    came = Event()
    release = Event()

    def hold(_request: object) -> bytes:
        came.set()
        release.wait()
        return b""

    cloud_at.answer("ListLocations", hold)
    with ThreadPoolExecutor(4, thread_name_prefix="caller") as pool:
        answers = [pool.submit(function.answer, "POST", "/")]
        came.wait()
        clock.now += 1
        answers += [pool.submit(function.answer, "POST", "/") for _ in range(3)]
        clock.wait_for_callers(4)
        release.set()
    assert begun(cloud_at, clock) == [0, 10, 20, 30]
    assert [answer.result().status for answer in answers] == [200] * 4


@rows
def test_waiting_and_run_together_end_before_the_requests_timeout(
    cloud_at: Emulator,
    clock: Clock,
    on_clock: OnClock,
    monkeypatch: pytest.MonkeyPatch,
    waited: float,
    begun_with: list[float],
    status: int,
) -> None:
    """A run ends 5 s before its caller's timeout; too little left is an error."""
    deadlines: list[float] = []
    after = Deadline.after

    def record(given: float) -> Deadline:
        deadlines.append(given)
        return after(given)

    monkeypatch.setattr(Deadline, "after", record)
    environ = {CONFIG_TEXT: CONFIG, "CLOUD_RUN_TIMEOUT_SECONDS": "60"}
    environ |= cloud_at.environ
    function = on_clock(environ, sleep=lambda _seconds: clock.sleep(waited))
    assert function.answer("POST", "/").status == 200
    clock.now += 1
    assert function.answer("POST", "/").status == status
    clock.now += 60
    assert function.answer("POST", "/").status == 200
    assert deadlines == begun_with


def test_the_interval_is_configs(
    cloud_at: Emulator, on_clock: OnClock, clock: Clock
) -> None:
    """At five minutes, every run writes all, and says when the next is overdue."""
    config = f"{CONFIG}run: {{interval: 5m}}\n"
    function = on_clock({CONFIG_TEXT: config, **cloud_at.environ})
    for _ in range(3):
        assert function.answer("POST", "/").body["written"] == POINTS
        clock.now += 300
    overdue = [point.value for point in cloud_at.points(PREFIX + "exporter/next_run")]
    assert overdue == [clock.start + each for each in (600, 900, 1200)]


@rows
def test_what_is_lost_is_a_500_and_what_is_unreadable_is_not(
    function: Function,
    cloud_at: Emulator,
    clock: Clock,
    log: io.StringIO,
    method: str,
    status: int,
    lost: int,
    needed: str,
) -> None:
    """The body has the numbers, the log the permission, and the next run is whole."""
    cloud_at.add_fault(Fault(method=method, code="PERMISSION_DENIED", until=1))
    answer = function.answer("POST", "/")
    assert answer.status == status
    assert answer.body["complete"] == (not lost)
    assert answer.body["lost"] == lost
    assert needed in log.getvalue()
    clock.now += 60
    answer = function.answer("POST", "/")
    assert answer.status == 200
    assert answer.body["written"] == POINTS


def test_credentials_are_asked_for_until_they_are_there(
    cloud_at: Emulator,
    on_clock: OnClock,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without credentials, the log says what to do, and the function goes on."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "gone.json")
    environ = {CONFIG_TEXT: CONFIG}
    function = on_clock(environ)
    answer = function.answer("POST", "/")
    entry = json.loads(log.getvalue())
    assert answer == (500, {})
    assert "DefaultCredentialsError" in entry["message"]
    assert "gcloud auth application-default login" in entry["message"]
    environ.update(cloud_at.environ)
    assert function.answer("POST", "/").body["streams"] == 3


def test_without_a_thread_the_watchdog_alone_is_missing(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose watchdog gets no thread is made all the same."""

    def start(_timer: Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Timer, "start", start)
    assert function.answer("POST", "/").body["written"] == POINTS


def test_an_unexpected_error(
    cloud_at: Emulator, clock: Clock, log: io.StringIO, on_clock: OnClock
) -> None:
    """An unexpected error is one log entry with its traceback; the next call runs."""
    environ = {CONFIG_TEXT: CONFIG, "K_SERVICE": "exporter", **cloud_at.environ}
    times = [clock.now]
    function = on_clock(environ, now=times.pop)
    assert function.answer("POST", "/").status == 200
    clock.now += 10
    assert function.answer("POST", "/") == (500, {})
    *_, entry = map(json.loads, log.getvalue().splitlines())
    assert entry["severity"] == "ERROR"
    assert entry["message"].endswith("IndexError: pop from empty list")
    times.append(clock.now + 10)
    assert function.answer("POST", "/").status == 200
