"""The module, applied once with a fake google provider, and reviews of its plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.outputs import OUTPUTS
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import REPOSITORY, RootModule, copy_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Command, Ended


POLICIES = REPOSITORY / "alerting_policies"
SCENARIOS = Path(__file__).parent / "scenarios"
"""Short scenarios that only these tests use."""


class Reviewed(Protocol):
    """Reviews a plan."""

    def __call__(self, document: Any, /, *words: str) -> Ended:
        """Review a plan with further arguments."""


class Replanned(Protocol):
    """Plans the applied module with changed inputs."""

    def __call__(self, **changed: Any) -> dict[str, Any]:
        """Return the plan as JSON."""


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootModule]:
    """Return the module, applied."""
    with FakeProvider() as running:
        root = copy_module(MODULE, tmp_path_factory.mktemp("applied"), running)
        root.apply(**INPUTS)
        yield root


@pytest.fixture
def replanned(applied: RootModule) -> Replanned:
    """Return a function that plans the applied module with changed inputs."""

    def plan(**changed: Any) -> dict[str, Any]:
        return applied.plan(**{**INPUTS, **changed}).json

    return plan


@pytest.fixture
def reviewed(command: Command, tmp_path: Path) -> Reviewed:
    """Return a function that reviews a plan with the scenarios in this directory."""

    def run(document: Any, /, *words: str) -> Ended:
        text = document if isinstance(document, bytes) else json.dumps(document)
        file = OUTPUTS.write_input(tmp_path / "plan.json", text)
        folders = ["--policies", str(POLICIES), "--scenarios", str(SCENARIOS)]
        return command("review", str(file), *folders, *words)

    return run
