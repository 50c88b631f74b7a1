"""``verify --drill --pause``, on a clock that is turned by hand."""

import signal
from collections.abc import Iterator
from functools import partial

import pytest

from exporter import __version__
from exporter.config import WHOLE, Endpoints, load
from exporter.google.calls import Deadline
from exporter.google.clients import Clients
from exporter.run.run import run_once
from exporter.run.session import Session
from lab.emulator.world import Fault
from lab.verify import pause
from tests.lab.verify.conftest import Stage

PAUSE = ("--pause", "projects/shop-prod/locations/europe-west1/streams/orders")
RESUMED = "ok       pause: RUNNING in Datastream after 10 s"


@pytest.fixture
def session(stage: Stage) -> Iterator[Session]:
    """Return an exporter that runs in each step of a drill."""
    clock, environ = stage.installed.clock, stage.installed.environ
    with Clients(Endpoints(), environ) as clients:
        made = Session(load(None, environ), clients, monotonic=clock, now=clock)
        stage.then = partial(run_once, made, Deadline.after(60))
        yield made


@pytest.mark.usefixtures("session")
def test_a_pause_from_start_to_end(stage: Stage) -> None:
    """A pause is timed up to its closed incident, in a line that names nobody."""
    steps = [
        "PAUSED in Datastream after 60 s",
        "PAUSED in Cloud Monitoring after 0 s",
        "its problem in Cloud Monitoring after 120 s",
        "incident opened after 120 s, listed after 120 s",
        "RUNNING in Datastream after 60 s",
        "incident closed after 600 s",
    ]
    stage.seconds = 60
    lines = stage.drill(*PAUSE)
    assert lines.pop(5).startswith(
        "notice   pause: did the page arrive? On-call (email)"
    )
    about = f"datastream-exporter {__version__}; a run overdue after 120 s"
    found = "; ".join([about, *steps])
    steps.append(f"to paste, and add function or job: {found}")
    assert lines == [f"ok       pause: {step}" for step in steps]


@pytest.mark.usefixtures("session")
def test_a_pause_while_an_incident_is_open(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that still has the incident of another pause is not paused again."""
    monkeypatch.setattr(pause, "_CLOSE_SECONDS", 0)
    stage.drill(*PAUSE)
    (line,) = stage.drill(*PAUSE)
    assert line.startswith("failed   pause: projects/shop-prod/")
    assert "has an incident of stream-unexpected-state: wait until it closes" in line
    assert stage.installed.emulator.calls["UpdateStream"] == 2


def test_ctrl_c_resumes_the_stream(stage: Stage) -> None:
    """After Ctrl-C while it is DRAINING, the stream is resumed once it is PAUSED."""

    def press() -> None:
        stage.then = bool
        signal.raise_signal(signal.SIGINT)

    stage.then, stage.seconds = press, 5
    assert stage.drill(*PAUSE)[:2] == [
        "ok       pause: PAUSED in Datastream after 10 s",
        RESUMED,
    ]
    assert stage.code == 130


def test_a_pause_that_pages_nobody(stage: Stage, session: Session) -> None:
    """Where config expects the pause, the stream is resumed at once."""
    environ = stage.installed.environ
    expectations = "expectations: [{match: '*', states: [PAUSED]}]"
    environ[WHOLE] = f"{environ[WHOLE][:-1]}, {expectations}}}"
    session.config = load(None, environ)
    failed, resumed = stage.drill(*PAUSE)[2:4]
    told = "config expects PAUSED, so nobody is paged: name another stream"
    assert failed == f"failed   pause: {told}"
    assert resumed == RESUMED


def test_a_pause_that_is_refused(stage: Stage) -> None:
    """A refusal is told with what is needed, and how to resume the stream."""
    fault = Fault(method="UpdateStream", code="PERMISSION_DENIED")
    stage.installed.emulator.add_fault(fault)
    (line,) = stage.drill(*PAUSE)
    assert "orders is not PAUSED: 403 The caller does not have permission. " in line
    assert line.endswith(
        "orders --location=europe-west1 --project=shop-prod --state=RUNNING"
        " --update-mask=state"
    )


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        (
            "europe-west1/streams/gone",
            "does not exist: look at its name in Datastream's console",
        ),
        (
            "europe-west1/streams/carts",
            "is FAILED_PERMANENTLY, not RUNNING: start it, or name another stream.",
        ),
        (
            "us-east1/streams/planned",
            "has the label expected-state: paused, so nobody is paged:",
        ),
        (
            "us-east1/streams/unread",
            "was not seen RUNNING in the last 13 minutes by any exporter that",
        ),
    ],
)
def test_a_pause_that_would_prove_nothing(
    stage: Stage, stream: str, sentence: str
) -> None:
    """A stream whose pause would page nobody stays as it is, and the reason is said."""
    name = f"projects/shop-prod/locations/{stream}"
    (line,) = stage.drill("--pause", name)
    assert line.startswith(f"failed   pause: {name} {sentence}")
    assert not stage.installed.emulator.calls["UpdateStream"]
