"""``verify --drill``, on a clock that is turned by hand."""

import os
import pty
import signal
from collections.abc import Iterator
from functools import partial

import pytest

from exporter.steps.measure import metrics
from lab.emulator.world import Fault
from lab.verify import drill
from lab.verify.drill import POLICY
from tests.lab.verify.conftest import QUESTION, Stage

HEALTHY = "ok       drill: this-is-a-drill is healthy again"
ARRIVED = (
    "notice   drill: did the page arrive? On-call (email) is notified of"
    " stream-failed-permanently. Open:"
    " https://console.cloud.google.com/monitoring/alerting/alerts/…?project=ops-prod"
)


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
    assert stage.drill("--owner", "<!subteam^S012ABC>") == [
        "ok       drill: incident opened after 18 s, listed after 20 s",
        HEALTHY,
        ARRIVED,
        "ok       drill: incident closed after 30 s",
    ]
    assert seen == {POLICY}
    points = stage.installed.emulator.points(metrics()["stream/problem_state"].type)
    assert points[-1].metric_labels["owner"] == "<!subteam^S012ABC>"
    assert stage.written()[-1] == stage.written("stream/problem_since")[-1] == 0
    assert "\nWaiting for the incident: 600 s at most.\n" in stage.log
    assert stage.log.endswith(
        "checks: none failed, no warnings.\n"
        "Only you can answer one of them: did the page arrive?\n"
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
        "failed   drill: no incident within 600 s. Points were accepted, and the query"
        " of stream-failed-permanently finds them. Look whether it is snoozed, and at"
        " its retest window (1200 s):"
        " https://console.cloud.google.com/monitoring/alerting/policies?project=ops-prod"
    )
    assert healthy == HEALTHY
    assert stage.written() == [1, 0]


def test_a_drill_that_is_interrupted(stage: Stage) -> None:
    """An interrupted drill heals the stream; its incident closes by itself."""
    stage.then = lambda: signal.raise_signal(signal.SIGINT)
    assert stage.drill()[1:] == [
        HEALTHY,
        ARRIVED,
        "warning  drill: incident still open",
    ]
    assert stage.code == 130
    assert stage.written() == [1, 0]


@pytest.mark.parametrize(
    ("begins", "written", "sentence"),
    [
        (0, [0], "denied: The caller does not have permission. The account needs"),
        (
            1,
            [1],
            "is not healthy again: if a point of its failure was written, its policy",
        ),
    ],
)
def test_a_refusal_ends_a_drill(
    stage: Stage, begins: int, written: list[int], sentence: str
) -> None:
    """A refusal ends a drill with Google's words, and what the stream is left as."""
    fault = {"method": "CreateTimeSeries", "code": "PERMISSION_DENIED", "times": 1}
    refusal = Fault.model_validate({**fault, "from": begins})
    stage.installed.emulator.add_fault(refusal)
    line = stage.drill()[-1]
    assert sentence in line
    assert line.endswith("--role roles/monitoring.metricWriter")
    assert stage.written() == written


def test_an_error_for_a_point_that_was_written(stage: Stage) -> None:
    """A healthy point that comes too soon after a written one is written again."""
    fault = Fault(method="CreateTimeSeries", code="UNKNOWN", when="after", times=1)
    stage.installed.emulator.add_fault(fault)
    assert stage.drill()[-1].startswith("failed   drill: refused: ")
    assert stage.written() == [1, 0]


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
    assert stage.written() == [1]


def test_a_drill_that_was_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next drill makes the stream healthy, which a killed one left failed."""
    with monkeypatch.context() as patched:
        patched.setattr(drill, "_heal", lambda *_: None)
        stage.then = lambda: signal.raise_signal(signal.SIGINT)
        stage.drill()
    assert stage.written() == [1]
    stage.then = bool
    stage.installed.clock.now += 3600
    assert stage.alerting() == {POLICY}
    assert stage.drill()[:2] == [
        "warning  drill: an incident of another drill ends now: drill again",
        HEALTHY,
    ]
    assert stage.written() == [1, 0]
    assert not stage.alerting()


def test_a_person_who_agrees(
    stage: Stage, keyboard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill says first whom it pages, without a secret; then it counts down."""
    monkeypatch.setenv("TERM", "xterm")
    channel = stage.installed.alerting.notification_channels[0]
    channel.labels.update({"email_address": "a@example.com", "auth_token": "xoxb-1"})
    shown = stage.ask(partial(os.write, keyboard, b"Yes\n"))
    assert (
        f"On-call (email, a@example.com) is notified of {POLICY}.\n{QUESTION}" in shown
    )
    assert "look for its page): 890 s at most\n" in shown
    assert "xoxb-1" not in shown


def test_a_person_who_does_not_agree(stage: Stage, keyboard: int) -> None:
    """After Enter alone or Ctrl-C, nothing is written."""
    stage.ask(partial(os.write, keyboard, b"\n"))
    assert stage.code == 0
    stage.ask(partial(signal.raise_signal, signal.SIGINT))
    assert stage.code == 130
    assert not stage.written()


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--drill", "--drill asks before it pages: without a terminal, add --yes"),
        (
            "--yes --pause projects/shop-prod/locations/europe-west1/streams/orders",
            "--pause, --source and --owner are about a drill: add --drill",
        ),
        (
            "--source shop-prod",
            "--pause, --source and --owner are about a drill: add --drill",
        ),
    ],
)
def test_a_drill_that_was_not_asked_for(stage: Stage, argv: str, sentence: str) -> None:
    """Without --drill, or --yes or a terminal, nothing is read or written."""
    error = f"error: {sentence}\n"
    assert stage.installed.verify(*argv.split()) == (2, "", error)


def test_a_drill_that_reaches_nobody(stage: Stage) -> None:
    """A drill writes nothing where its policy is off, or a quiet route has it."""
    policy = stage.installed.policy(POLICY)
    promql = policy.conditions[0].condition_prometheus_query_language
    promql.query = promql.query.replace("{", '{stream_id!~"this-.*", ', 1)
    refused = [
        (
            "failed   drill: stream-failed-permanently is not deployed, can't alert, or"
            " leaves projects/shop-prod/locations/global/streams/this-is-a-drill to a"
            " quiet route: nothing was changed"
        )
    ]
    assert stage.drill() == refused
    promql.query = promql.query.replace("this-.*", "dev-.*")
    policy.enabled.value = False
    assert stage.drill() == refused
    assert not stage.written()
