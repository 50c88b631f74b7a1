"""An emulator in which the exporter has run once, and its policies are deployed."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from google.cloud import monitoring_v3

from exporter.command.cli import main
from exporter.config import Endpoints, load
from exporter.google.clients import Clients
from exporter.steps.measure import metrics
from lab.cli.main import main as lab_main
from lab.emulator.emulator import Emulator
from lab.emulator.stored_series import MetricsProject, StoredSeries
from lab.emulator.world import config_environ, read_world
from lab.emulator.write_rules import SECOND
from lab.policies.files import Policy
from lab.simulate.simulation import Clock
from lab.verify import drill, incident, pause, queries, target
from lab.verify.drill import STREAM
from lab.verify.emulated import deploy, serve_rest
from lab.verify.rest import Rest
from tests.conftest import Ended, Terminal
from tests.lab.conftest import POLICIES, command

HERE = Path(__file__).parent
QUESTION = "Page now? [y/N] "
# What depends on the second at which a test runs
_TIMED = re.compile(r"\d+(?= s (?:ago|overdue))|20\d\d-\S+Z|(?<=alerts/)\d+")


@dataclass(frozen=True)
class Installation:
    """An installation, and what verifies it."""

    emulator: Emulator
    clock: Clock  # the emulator's
    environ: dict[str, str]

    @property
    def alerting(self) -> MetricsProject:
        """What is deployed for alerts."""
        return self.emulator.metrics_project("ops-prod")

    def policy(self, name: str) -> Any:
        """Return a deployed policy, to be changed."""
        listed = self.alerting.alert_policies
        return next(each for each in listed if each.user_labels["policy"] == name)

    def promql(self, name: str) -> Any:
        """Return a deployed policy's condition on metrics, to be changed."""
        return self.policy(name).conditions[0].condition_prometheus_query_language

    def verify(self, *argv: str) -> Ended:
        """Run the command; what depends on the time is left out of its output."""
        options = ("--project", "ops-prod", "--policies", str(POLICIES))
        ended = command("verify", *options, *argv, environ=self.environ)
        return ended._replace(out=timeless(ended.out))


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

    def drill(self, *argv: str) -> list[str]:
        """Return the lines of a drill, without those of the rest."""
        argv = argv or ("--source", "shop-prod")
        ended = self.installed.verify("--drill", "--yes", *argv)
        self.code, self.log = ended.code, ended.err
        return ended.out.rpartition(" native: ")[2].splitlines()[1:]

    def ask(self, answer: Callable[[], object]) -> str:
        """Drill at a terminal, where somebody answers; return what it shows."""
        person = Person()
        person.answer = answer
        argv = f"verify --drill --project ops-prod --policies {POLICIES}".split()
        self.code = lab_main(argv, self.installed.environ, StringIO(), person)
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

    def written(self, metric: str = "stream/problem_state") -> list[int]:
        """Return each value of the stream's problem."""
        points = self.installed.emulator.points(metrics()[metric].type)
        return [
            point.value
            for point in points
            if point.metric_labels["stream_id"] == STREAM
        ]


def timeless(text: str) -> str:
    """Return a text with … for what depends on the time."""
    return _TIMED.sub("…", text)


def seed(to: Installation, name: str) -> None:
    """Add the series that series.yaml has under a name."""
    now = time.time() // 1
    listed = yaml.safe_load((HERE / "series.yaml").read_text("utf-8"))
    for each in listed[name]:
        points = {}
        for minute in range(each.get("points", 1)):
            end = now - each.get("ago", 0) - 60 * minute
            value = each.get("value", end)
            if "due" in each:
                value = now + each["due"]
            points[end - each.get("length", 0), end] = float(value)
        store(
            to.emulator,
            points,
            resource={
                "type": each.get("resource", "generic_node"),
                "labels": each["labels"],
            },
            metric={"type": each["type"]},
            metric_kind=each.get("kind", "GAUGE"),
        )


def store(to: Emulator, points: Mapping[tuple[float, float], Any], **keys: Any) -> None:
    """Add a series that nobody writes: its values by when they begin and end."""
    keys = {"metric_kind": "GAUGE", "value_type": "DOUBLE", **keys}
    header = monitoring_v3.TimeSeries.pb(monitoring_v3.TimeSeries(keys))
    stored = StoredSeries(header, f"{keys['value_type'].lower()}_value")
    for (begins, ends), value in sorted(points.items()):
        stored.add(round(begins * SECOND), round(ends * SECOND), value)
    to.metrics_project("ops-prod").seeded.append(stored)


@pytest.fixture
def empty() -> Iterator[Installation]:
    """Return an emulator without an installation; its clock stands, a minute ahead."""
    clock = Clock(time.time() // 1 + 60)
    world = read_world(str(HERE / "world.yaml"))
    with Emulator(world, clock=clock) as emulator, serve_rest(emulator) as rest:
        environ = emulator.environ | config_environ(world, "world") | rest
        yield Installation(emulator, clock, environ)


@pytest.fixture
def installed(
    empty: Installation, policies: tuple[Policy, ...], monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """Return an emulator in which the exporter has run, with deployed policies."""
    monkeypatch.setattr(queries, "READABLE_SECONDS", 0)
    assert main(["run"], empty.environ, StringIO(), StringIO()) == 0
    deploy(empty.emulator, load(None, empty.environ), policies)
    seed(empty, "native")
    seed(empty, "latencies")
    return empty


@pytest.fixture
def stage(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return an installation whose drills take no time."""
    made = Stage(installed)
    clock = SimpleNamespace(time=installed.clock, sleep=made.sleep)
    for module in (drill, incident, pause, target):
        monkeypatch.setattr(module, "time", clock)
    return made
