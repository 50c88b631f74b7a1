"""``verify --drill``, on a clock that is turned by hand."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event

import pytest

from exporter.command.findings import Finding
from exporter.config import Endpoints
from exporter.google.clients import Clients
from exporter.steps.measure import metrics
from exporter.steps.problems import LocationProblems
from lab.cli import verify
from lab.emulator.world import Fault
from lab.verify import drill
from lab.verify.drill import POLICY, STREAM, Drill
from lab.verify.rest import Rest
from lab.verify.target import Target
from tests.lab.verify.conftest import Installation

HEALTHY = "ok       drill: alert-drill is healthy again"


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
        ended = self.installed.verify("--drill", "--source", "shop-prod")
        self.code, self.log = ended.code, ended.err
        return ended.out.rpartition(" native: ")[2].splitlines()[1:]

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
        points = self.installed.emulator.points(metrics()["stream/problem"].type)
        return [
            point.value
            for point in points
            if point.metric_labels["stream_id"] == STREAM
        ]


@pytest.fixture
def stage(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return an installation whose drills take no time."""
    made = Stage(installed)

    def drill(target: Target) -> Iterator[Finding]:
        yield from Drill(target, installed.clock, made.sleep).findings()

    monkeypatch.setattr(verify, "drill", drill)
    return made


def test_a_drill_from_start_to_end(stage: Stage) -> None:
    """A drill alerts its policy alone, times each step, and leaves nothing behind."""
    seen: set[str] = set()
    stage.then = lambda: seen.update(stage.alerting())
    stage.installed.clock.now += 12
    assert stage.drill() == [
        f"ok       drill: points accepted, and found by {POLICY} after 10 s",
        "ok       drill: incident opened after 18 s, listed after 20 s",
        HEALTHY,
        "ok       policies: policies that notify #data (slack): 1",
        "ok       drill: incident closed after 30 s",
    ]
    assert seen == {POLICY}
    for hours in (1, 24):
        stage.installed.clock.now += hours * 3600
        assert not stage.alerting()


def test_an_incident_that_never_opens(stage: Stage) -> None:
    """After ten minutes without an incident, a drill says what it saw, and heals."""
    stage.installed.promql(POLICY).duration.seconds = 1200
    stage.seconds = 300
    _, never, healthy = stage.drill()
    assert never == (
        "failed   drill: no incident within 600 s. Points were accepted; the query of"
        " stream-failed-permanently finds them. Look whether it is snoozed, and at its"
        " retest window (1200 s):"
        " https://console.cloud.google.com/monitoring/alerting/policies?project=ops-prod"
    )
    assert healthy == HEALTHY
    assert stage.written() == [106, 106, 0]


def test_a_drill_that_is_interrupted(stage: Stage) -> None:
    """An interrupted drill heals the stream; its incident closes by itself."""
    stage.then = lambda: signal.raise_signal(signal.SIGINT)
    assert stage.drill()[2:] == [
        HEALTHY,
        "ok       policies: policies that notify #data (slack): 1",
        "warning  drill: incident still open",
    ]
    assert stage.code == 130
    assert stage.written() == [106, 0]


def test_a_refusal_ends_a_drill(stage: Stage) -> None:
    """A refusal ends a drill with Google's words, and the stream is healthy."""
    stuck = stage.installed.promql("stream-stuck")

    def break_a_policy() -> None:
        stuck.query = "sum("

    stage.then = break_a_policy
    assert stage.drill()[-1] == (
        "failed   drill: refused: Prometheus refuses the query: 1:5: parse error:"
        " unclosed left parenthesis. Is ops-prod the metrics project? Or try again"
        " later."
    )
    assert stage.written() == [106, 0]
    stuck.query = "absent(up) == 0"
    fault = Fault(method="CreateTimeSeries", code="PERMISSION_DENIED")
    stage.installed.emulator.add_fault(fault)
    assert stage.drill()[-1].endswith(
        "Grant roles/monitoring.metricWriter: gcloud projects add-iam-policy-binding"
        " ops-prod --member MEMBER --role ROLE"
    )


def test_an_error_for_a_point_that_was_written(stage: Stage) -> None:
    """The healthy point comes too soon then: it is written again, and that is said."""
    fault = Fault(method="CreateTimeSeries", code="UNKNOWN", when="after", times=1)
    stage.installed.emulator.add_fault(fault)
    assert stage.drill()[-1].startswith("failed   drill: refused: ")
    assert "has a point of alert-drill from just before" in stage.log
    assert stage.written() == [106, 0]


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
    assert stage.written() == [106]


def test_a_drill_that_was_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next drill makes the stream healthy, which a killed one left failed."""
    with monkeypatch.context() as patched:
        patched.setattr(drill, "_HEALTHY", LocationProblems())  # as if never written
        stage.then = lambda: signal.raise_signal(signal.SIGINT)
        stage.drill()
    assert stage.written() == [106]
    stage.then = bool
    stage.installed.clock.now += 3600
    assert stage.alerting() == {POLICY}
    assert stage.drill()[:2] == [
        (
            "warning  drill: alert-drill has an incident of a killed drill, which ends"
            " now. Drill again."
        ),
        HEALTHY,
    ]
    assert stage.written() == [106, 0, 0]
    assert not stage.alerting()


def test_a_drill_beside_another(stage: Stage) -> None:
    """No drill is made while another writes; what a killed one left is healed."""
    again: list[str] = []

    def drill_again() -> None:
        stage.then = bool
        again.extend(stage.drill())
        stage.installed.clock.now += 90
        again.extend(stage.drill())

    stage.then = drill_again
    stage.drill()
    assert again == [
        (
            "failed   drill: another drill is under way, or was killed less than a"
            " minute ago"
        ),
        (
            "warning  drill: alert-drill has an incident of a killed drill, which ends"
            " now. Drill again."
        ),
        HEALTHY,
        "ok       policies: policies that notify #data (slack): 1",
        "ok       drill: incident closed after 20 s",
    ]


def test_a_drill_without_its_policy(stage: Stage) -> None:
    """A drill writes nothing where nobody can be told."""
    stage.installed.policy(POLICY).enabled.value = False
    assert stage.drill() == [
        (
            "failed   drill: stream-failed-permanently is not deployed, or can't alert:"
            " nothing was written"
        )
    ]
    assert not stage.written()
