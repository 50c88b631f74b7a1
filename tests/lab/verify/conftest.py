"""An emulator in which the exporter has run once, and its policies are deployed."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.command.cli import main
from lab.emulator.emulator import Emulator
from lab.emulator.stored_series import MetricsProject
from lab.emulator.world import config_environ, read_world
from lab.policies.files import Policy
from lab.simulate.simulation import Clock
from lab.verify import queries
from lab.verify.emulated import deploy, serve_rest
from tests.lab.conftest import POLICIES, Command, Ended
from tests.lab.history.conftest import raw
from tests.lab.history.conftest import seed as seed_series

HERE = Path(__file__).parent
# What depends on the second at which a test runs
_TIMED = re.compile(
    r"\d+(?= s (?:ago|overdue))|\d+(?= events,)|(?<=time\(\) )\d+|20\d\d-\S+Z"
    r"|(?<=alerts/)\d+"
)


@dataclass(frozen=True)
class Installation:
    """An installation, and what verifies it."""

    emulator: Emulator
    clock: Clock  # the emulator's
    environ: dict[str, str]
    command: Command

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
        ended = self.command("verify", *options, *argv, environ=self.environ)
        return ended._replace(out=timeless(ended.out))


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
        series = raw(
            each.get("resource", "generic_node"),
            each["labels"],
            points,
            metric={"type": each["type"]},
            metric_kind=each.get("kind", "GAUGE"),
        )
        seed_series(to.emulator, series)


@pytest.fixture
def empty(command: Command) -> Iterator[Installation]:
    """Return an emulator without an installation; its clock stands, a minute ahead."""
    clock = Clock(time.time() // 1 + 60)
    world = read_world(str(HERE / "world.yaml"))
    with Emulator(world, clock=clock) as emulator, serve_rest(emulator) as rest:
        environ = emulator.environ | config_environ(world, "world") | rest
        yield Installation(emulator, clock, environ, command)


@pytest.fixture
def installed(
    empty: Installation, policies: tuple[Policy, ...], monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """Return an emulator in which the exporter has run, with deployed policies."""
    monkeypatch.setattr(queries, "READABLE_SECONDS", 0)
    assert main(["run"], empty.environ, StringIO(), StringIO()) == 0
    deploy(empty.emulator, empty.environ, policies)
    seed(empty, "native")
    seed(empty, "latencies")
    return empty
