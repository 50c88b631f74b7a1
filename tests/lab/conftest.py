"""The lab's command line, the project's policies and scenarios, and small scenarios.

A scenario is ``played`` once a session, for the tests of all of its processes.
"""

import fcntl
import os
import pickle
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from lab.cli.main import main
from lab.policies.files import Policy, read_policies
from lab.prove.scenarios import ScenarioResult, play_all
from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import parse_scenario, read_files
from lab.terminal import Progress
from tests.conftest import Ended, run_main

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "alerting_policies"
SCENARIOS = POLICIES / "scenarios"

# Tests compare whole outputs, which are the same on a busy machine.
Progress.tell_seconds = None

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
            "locations": [
                {"id": "europe-west1", "streams": [{"id": "orders"}, {"id": "stock"}]}
            ],
        }
    ],
}

LONGEST = 60
"""Seconds after which a test that waits has failed."""

MakeScenario = Callable[..., Scenario]
Played = Callable[[str], ScenarioResult]


def assert_nothing_running(folder: Path) -> None:
    """Fail if a process stays that names this folder."""
    until = time.monotonic() + LONGEST
    while True:
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
        )
        left = [line for line in listed.stdout.splitlines() if str(folder) in line]
        if not left or time.monotonic() > until:
            break
        time.sleep(0.01)
    assert left == []


def command(*argv: str, environ: Mapping[str, str] = {}) -> Ended:
    """Run a command line of ``datastream-lab`` in this process."""
    return run_main(main, argv, environ)


@pytest.fixture(scope="session")
def policies() -> tuple[Policy, ...]:
    """Return the project's own policies."""
    return read_policies(POLICIES)


@pytest.fixture(scope="session")
def by_name(policies: tuple[Policy, ...]) -> dict[str, Policy]:
    """Return the project's own policies by name."""
    return {policy.name: policy for policy in policies}


@pytest.fixture(scope="session")
def project_scenarios(by_name: dict[str, Policy]) -> dict[str, Scenario]:
    """Return the project's own scenarios by name."""
    return {
        scenario.name: scenario
        for scenario in read_files(SCENARIOS.glob("*.yaml"), by_name)
    }


@pytest.fixture(scope="session")
def played(
    tmp_path_factory: pytest.TempPathFactory,
    project_scenarios: dict[str, Scenario],
    policies: tuple[Policy, ...],
) -> Played:
    """Return a function that plays one of the project's scenarios with its policies.

    The first of the session's processes that asks for a scenario plays it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "played"
    folder.mkdir(exist_ok=True)

    def play(name: str) -> ScenarioResult:
        file = folder / name
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if file.exists():
                kept: ScenarioResult = pickle.loads(file.read_bytes())  # noqa: S301 - our own
                return kept
            (result,) = play_all([project_scenarios[name]], policies, Event())
            file.write_bytes(pickle.dumps(result))
            return result

    return play


@pytest.fixture(scope="session")
def make_scenario(by_name: dict[str, Policy]) -> MakeScenario:
    """Return a factory of scenarios: a small world, events, other keys of the file."""

    def make(
        *events: dict[str, Any], world: dict[str, Any] | None = None, **keys: Any
    ) -> Scenario:
        written = {
            "title": "A trial",
            "what": "To try something.",
            "lasts": "20m",
            "world": WORLD | (world or {}) | {"events": list(events)},
        }
        text = yaml.safe_dump(written | keys)
        return parse_scenario(text, "trial.yaml", by_name, name="trial")

    return make
