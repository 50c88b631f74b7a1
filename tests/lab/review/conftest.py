"""The module, applied once with a fake google provider, and reviews of its plans."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ended
from tests.lab.conftest import POLICIES, command
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import RootModule, copy_module

SCENARIOS = Path(__file__).parent / "scenarios"
"""Short scenarios that only these tests use."""

Reviewed = Callable[..., Ended]
Replanned = Callable[..., dict[str, Any]]


def lines_not_folded(page: str) -> int:
    """Return how many lines of a review are seen before anything is unfolded."""
    shown = re.sub(r"\n\n.*?</details>", "", page, flags=re.DOTALL)
    return len([line for line in shown.splitlines() if line])


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
    return lambda **changed: applied.plan(**{**INPUTS, **changed}).json


@pytest.fixture
def reviewed(tmp_path: Path) -> Reviewed:
    """Return a function that reviews a plan with the scenarios in this directory."""

    def run(document: Any, *words: str) -> Ended:
        if not isinstance(document, bytes):
            document = json.dumps(document).encode()
        file = tmp_path / "plan.json"
        file.write_bytes(document)
        folders = ["--policies", str(POLICIES), "--scenarios", str(SCENARIOS)]
        return command("review", str(file), *folders, *words)

    return run
