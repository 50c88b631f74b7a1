"""``verify --drill``, on a clock that is turned by hand."""

import os
import pty
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from threading import Event
from types import SimpleNamespace

import pytest

from exporter.config import Endpoints
from exporter.google.clients import Clients
from exporter.steps.measure import metrics
from exporter.steps.problems import LocationProblems
from lab.cli.main import main
from lab.emulator.world import Fault
from lab.verify import drill, target
from lab.verify.drill import POLICY, STREAM
from lab.verify.rest import Rest
from tests.conftest import Terminal
from tests.lab.conftest import POLICIES
from tests.lab.verify.conftest import Installation

HEALTHY = "ok       drill: this-is-a-drill is healthy again"
ARRIVED = (
    "yours    drill: did the page arrive? #data (slack) is notified of"
    " stream-failed-permanently. Open:"
    " https://console.cloud.google.com/monitoring/alerting/alerts/…?project=ops-prod"
)
QUESTION = "Page now? [y/N] "


class Person(Terminal):
    """A terminal, and somebody who does something when the drill asks."""

    answer: Callable[[], object]

    def write(self, text: str) -> int:
        """Take a text; answer a question."""
        if text == QUESTION:
            self.answer()
        return super().write(text)


@dataclass
class Stage:
    """An installation, and what happens in each step of a drill."""

    installed: Installation
    seconds: float = 10  # how long a step takes
    then: Callable[[], object] = bool
    code: int = 0
    log: str = ""

    def sleep(self, _seconds: float) -> None:
        """Let a step pass."""
        self.installed.clock.now += self.seconds
        self.then()

    def drill(self) -> list[str]:
        """Return the lines of a drill, without those of the rest."""
        ended = self.installed.verify("--drill", "--yes", "--source", "shop-prod")
        self.code, self.log = ended.code, ended.err
        return ended.out.rpartition(" native: ")[2].splitlines()[1:]

    def ask(self, answer: Callable[[], object]) -> str:
        """Drill at a terminal, where somebody answers; return what it shows."""
        person = Person()
        person.answer = answer
        argv = f"verify --drill --project ops-prod --policies {POLICIES}".split()
        self.code = main(argv, self.installed.environ, StringIO(), person)
        return person.getvalue()

    def alerting(self) -> set[str]:
        """Return the policies that have an incident of a stream."""
        environ = self.installed.environ
        with Clients(Endpoints(), environ) as clients:
            alerts = Rest(clients, environ, Event()).open_alerts("ops-prod")
        named = self.installed.alerting.alert_policies
        labels = {each.name: each.user_labels["policy"] for each in named}
        return {
            labels[alert.policy]
            for alert in alerts
            if alert.labels.get("stream_id") == STREAM
        }

    def written(self) -> list[int]:
        """Return each value of the stream's problem."""
        points = self.installed.emulator.points(metrics()["stream/problem_state"].type)
        return [
            point.value
            for point in points
            if point.metric_labels["stream_id"] == STREAM
        ]


@pytest.fixture
def stage(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return an installation whose drills take no time."""
    made = Stage(installed)
    clock = SimpleNamespace(time=installed.clock, sleep=made.sleep)
    for module in (drill, target):
        monkeypatch.setattr(module, "time", clock)
    return made


@pytest.fixture
def keyboard() -> Iterator[int]:
    """Return the keyboard of a terminal that is standard input."""
    keyboard, terminal = pty.openpty()
    before = os.dup(0)
    os.dup2(terminal, 0)
    yield keyboard
    os.dup2(before, 0)
    for each in (keyboard, terminal, before):
        os.close(each)


def test_a_drill_from_start_to_end(stage: Stage) -> None:
    """A drill alerts its policy alone, times each step, and leaves nothing behind."""
    seen: set[str] = set()
    stage.then = lambda: seen.update(stage.alerting())
    stage.installed.clock.now += 12
    assert stage.drill() == [
        "ok       drill: incident opened after 18 s, listed after 20 s",
        HEALTHY,
        ARRIVED,
        "ok       drill: incident closed after 30 s",
    ]
    assert seen == {POLICY}
    assert "\nWaiting for the incident: 600 s at most.\n" in stage.log
    assert stage.log.endswith(
        "checks: none failed, no warnings.\nYours among them: did the page arrive?\n"
    )
    for hours in (1, 24):
        stage.installed.clock.now += hours * 3600
        assert not stage.alerting()


def test_an_incident_that_never_opens(stage: Stage) -> None:
    """After ten minutes without an incident, a drill says what it saw, and heals."""
    stage.installed.promql(POLICY).duration.seconds = 1200
    stage.seconds = 300
    never, healthy = stage.drill()
    assert never == (
        "failed   drill: no incident within 600 s. Points were accepted; the query of"
        " stream-failed-permanently finds them. Look whether it is snoozed, and at its"
        " retest window (1200 s):"
        " https://console.cloud.google.com/monitoring/alerting/policies?project=ops-prod"
    )
    assert healthy == HEALTHY
    assert stage.written() == [6, 6, 0]


def test_a_drill_that_is_interrupted(stage: Stage) -> None:
    """An interrupted drill heals the stream; its incident closes by itself."""
    stage.then = lambda: signal.raise_signal(signal.SIGINT)
    assert stage.drill()[1:] == [
        HEALTHY,
        ARRIVED,
        "warning  drill: incident still open",
    ]
    assert stage.code == 130
    assert stage.written() == [6, 0]


def test_a_refusal_ends_a_drill(stage: Stage) -> None:
    """A refusal ends a drill with Google's words, and the stream is healthy."""
    fault = Fault(method="CreateTimeSeries", code="PERMISSION_DENIED", times=1)
    stage.then = lambda: stage.installed.emulator.add_fault(fault)
    stage.installed.clock.now += 12  # The incident comes after the second point.
    assert stage.drill()[-1].endswith("--role roles/monitoring.metricWriter")
    assert stage.written() == [6, 0]


def test_an_error_for_a_point_that_was_written(stage: Stage) -> None:
    """A healthy point that comes too soon after a written one is written again."""
    fault = Fault(method="CreateTimeSeries", code="UNKNOWN", when="after", times=1)
    stage.installed.emulator.add_fault(fault)
    assert stage.drill()[-1].startswith("failed   drill: refused: ")
    assert stage.written() == [6, 0]


def test_a_clock_that_stands_still(stage: Stage) -> None:
    """A drill that can't make the stream healthy gives up, and says what to do."""

    def interrupt() -> None:
        stage.then = bool
        signal.raise_signal(signal.SIGINT)

    stage.seconds, stage.then = 0, interrupt
    assert (
        "as Cloud Monitoring has newer points of it: check this machine's"
        in stage.drill()[-1]
    )
    assert stage.written() == [6]


def test_a_drill_that_was_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next drill makes the stream healthy, which a killed one left failed."""
    with monkeypatch.context() as patched:
        patched.setattr(drill, "_HEALTHY", LocationProblems())  # as if never written
        stage.then = lambda: signal.raise_signal(signal.SIGINT)
        stage.drill()
    assert stage.written() == [6]
    stage.then = bool
    stage.installed.clock.now += 3600
    assert stage.alerting() == {POLICY}
    assert stage.drill()[:2] == [
        (
            "warning  drill: the stream has an incident of another drill, which ends"
            " now. Drill again."
        ),
        HEALTHY,
    ]
    assert stage.written() == [6, 0, 0]
    assert not stage.alerting()


def test_a_person_who_agrees(
    stage: Stage, keyboard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill says first whom it pages, without a secret; then it counts down."""
    monkeypatch.setenv("TERM", "xterm")
    channel = stage.installed.alerting.notification_channels[0]
    channel.labels.update({"channel_name": "#data-alerts", "auth_token": "xoxb-1"})
    shown = stage.ask(partial(os.write, keyboard, b"Yes\n"))
    assert f"#data (slack, #data-alerts) is notified of {POLICY}.\n{QUESTION}" in shown
    assert "look for its page): 890 s at most\n" in shown
    assert "xoxb-1" not in shown


def test_a_person_who_does_not_agree(stage: Stage, keyboard: int) -> None:
    """After Enter alone or Ctrl-C, nothing is written."""
    stage.ask(partial(os.write, keyboard, b"\n"))
    assert stage.code == 0
    stage.ask(partial(signal.raise_signal, signal.SIGINT))
    assert stage.code == 130
    assert not stage.written()


def test_a_drill_without_a_terminal(stage: Stage) -> None:
    """Without a terminal and --yes, nothing is read or written, and that is said."""
    error = "error: --drill asks before it pages: without a terminal, add --yes\n"
    assert stage.installed.verify("--drill") == (2, "", error)


def test_a_drill_without_its_policy(stage: Stage) -> None:
    """A drill writes nothing where nobody can be told."""
    stage.installed.policy(POLICY).enabled.value = False
    assert stage.drill() == [
        (
            "failed   drill: stream-failed-permanently is not deployed, or can't alert:"
            " nothing was changed"
        )
    ]
    assert not stage.written()
