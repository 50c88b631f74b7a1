"""The lab's command line, the project's policies, and a factory of small scenarios."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
import yaml

from lab.cli.main import main
from lab.policies.files import Policy, read_policies
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import parse_scenario
from tests.outputs import Printed

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "alerting_policies"
SCENARIOS = POLICIES / "scenarios"

START = 1_767_571_200.0
"""Midnight of a Monday in UTC, unix seconds."""

WORLD: dict[str, Any] = {
    "config": {
        "metrics": {"project": "shop-prod"},
        "sources": [{"project": "shop-prod", "locations": ["europe-west1"]}],
    },
    "projects": [
        {
            "id": "shop-prod",
            "number": 1,
            "locations": [{"id": "europe-west1", "streams": [{"id": "orders"}, {"id": "stock"}]}],
        }
    ],
}

MakeScenario = Callable[..., Scenario]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Command(Protocol):
    """Runs a command line in this process."""

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        """Return how it ended."""


class Terminal(Printed):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture
def command() -> Command:
    """Return a function that runs ``datastream-lab``."""

    def run(*argv: str, environ: Mapping[str, str] | None = None) -> Ended:
        out, err = Printed(), Printed()
        code = main([*argv], environ or {}, out, err)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def policies() -> tuple[Policy, ...]:
    """Return the project's own policies."""
    return read_policies(POLICIES)


@pytest.fixture(scope="session")
def by_name(policies: tuple[Policy, ...]) -> dict[str, Policy]:
    """Return the project's own policies by name."""
    return {policy.name: policy for policy in policies}


@pytest.fixture(scope="session")
def make_scenario(by_name: dict[str, Policy]) -> MakeScenario:
    """Return a factory of scenarios: a small world with events, and other keys of the file."""

    def make(*events: dict[str, Any], world: dict[str, Any] | None = None, **keys: Any) -> Scenario:
        written = {
            "title": "A trial",
            "what": "To try something.",
            "lasts": "20m",
            "world": WORLD | (world or {}) | {"events": list(events)},
        }
        return parse_scenario(yaml.safe_dump(written | keys), "trial.yaml", by_name, name="trial")

    return make
