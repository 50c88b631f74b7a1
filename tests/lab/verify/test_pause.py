"""``verify --drill --pause``, on a clock that is turned by hand."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import yaml
from google.cloud.datastream_v1 import Stream

from exporter import __version__
from exporter.config import WHOLE, Endpoints, from_data, load
from exporter.google.calls import Deadline
from exporter.google.clients import Clients
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.states import StreamState
from lab.emulator.world import Fault
from lab.verify import drill, target
from tests.lab.verify.conftest import Installation

LOCATION = "projects/shop-prod/locations/europe-west1"


@dataclass
class Stage:
    """An installation whose exporter runs once a minute."""

    installed: Installation
    session: Session
    then: Callable[[], object] = bool  # what happens in each step

    def sleep(self, seconds: float) -> None:
        """Let a step pass."""
        minute = self.installed.emulator.seconds() // 60
        self.installed.clock.now += seconds
        if self.installed.emulator.seconds() // 60 > minute:
            run_once(self.session, Deadline.after(60))
        self.then()

    def drill(self, stream: str = "orders") -> list[str]:
        """Return the lines of a drill, without those of the rest."""
        name = f"{LOCATION}/streams/{stream}"
        ended = self.installed.verify("--drill", "--yes", "--pause", name)
        return ended.out.rpartition(" native: ")[2].splitlines()[1:]


@pytest.fixture
def stage(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return an installation whose drills take no time."""
    clock, environ = installed.clock, installed.environ
    with Clients(Endpoints(), environ) as clients:
        config = load(None, environ)
        made = Stage(installed, Session(config, clients, monotonic=clock, now=clock))
        turned = SimpleNamespace(time=clock, sleep=made.sleep)
        for module in (drill, target):
            monkeypatch.setattr(module, "time", turned)
        yield made


def test_a_pause_from_start_to_end(stage: Stage) -> None:
    """A pause is timed up to its closed incident, in a line that names nobody."""
    steps = [
        "PAUSED in Datastream after 10 s",
        "exporter's sighting readable after 50 s",
        "problem's point readable after 50 s",
        "incident opened after 170 s, listed after 170 s",
        "RUNNING in Datastream after 10 s",
        "incident closed after 50 s",
    ]
    lines = stage.drill()
    assert lines.pop(5).startswith("yours    drill: did the page arrive? #data (slack)")
    about = f"datastream-exporter {__version__}; an interval of 60 s"
    pasted = (
        f"to paste into an issue, with function or job: {'; '.join([about, *steps])}"
    )
    assert lines == [f"ok       drill: {step}" for step in (*steps, pasted)]


def interrupt(stage: Stage) -> None:
    """Press Ctrl-C while the stream is DRAINING."""

    def press() -> None:
        stage.then = bool
        signal.raise_signal(signal.SIGINT)

    stage.then = press


def refuse(stage: Stage) -> None:
    """Refuse the pause."""
    fault = Fault(method="UpdateStream", code="PERMISSION_DENIED", times=1)
    stage.installed.emulator.add_fault(fault)


def expect(stage: Stage) -> None:
    """Let config expect the pause."""
    world = yaml.safe_load(stage.installed.environ[WHOLE])
    world["expectations"] = [{"match": "*", "states": ["PAUSED"]}]
    stage.session.config = from_data(world, "config", {})


@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (interrupt, "RUNNING in Datastream after 10 s"),
        (refuse, "is not PAUSED: The caller does not have permission. That needs"),
        (expect, "config expects it PAUSED, so nobody is paged: name another"),
    ],
)
def test_the_stream_is_resumed(
    stage: Stage, happens: Callable[[Stage], None], sentence: str
) -> None:
    """After Ctrl-C, a refusal or a failed step, the stream is RUNNING again."""
    happens(stage)
    assert any(sentence in line for line in stage.drill())
    fleet = stage.installed.emulator.fleet()
    assert fleet.locations[LOCATION].streams["orders"].state == StreamState.RUNNING


@pytest.mark.parametrize(
    ("name", "labels", "sentence"),
    [
        ("gone", None, "can't be read: Resource"),
        ("carts", None, "is FAILED, not RUNNING: start it, or name another."),
        ("orders", {"expected-state": "paused"}, "has the label expected-state: pa"),
        ("unread", {}, "was not seen RUNNING for 13 minutes by an exporter"),
    ],
)
def test_a_pause_that_would_prove_nothing(
    stage: Stage, name: str, labels: dict[str, str] | None, sentence: str
) -> None:
    """A stream whose pause would page nobody stays as it is, and the reason is said."""
    emulator = stage.installed.emulator
    if labels is not None:
        running = Stream.pb(Stream(state=StreamState.RUNNING, labels=labels))
        emulator.answer("GetStream", lambda _request: running)
    (line,) = stage.drill(name)
    assert line.startswith(f"failed   drill: {LOCATION}/streams/{name} {sentence}")
    assert not emulator.calls["UpdateStream"]
