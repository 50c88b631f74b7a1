"""Fixtures: the fake google provider, and root modules that use it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from tests.terraform.fake_project import FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import CHANNELS, INPUTS, MODULE, SECRETS, STREAMS
from tests.terraform.terraform_cli import Plan, RootModule, copy_module

CopyModule: TypeAlias = Callable[..., RootModule]
"""Copies a directory of the project into a root module, as ``copy_module`` does."""

PlanModule: TypeAlias = Callable[..., Plan]
"""Plans the module with changes to the tests' inputs. Equal inputs share a plan."""


@pytest.fixture
def fake_provider() -> Iterator[FakeProvider]:
    """Run a fake provider on projects that have channels, a secret and streams."""
    project = FakeProject(channels=CHANNELS, secrets=SECRETS, streams=[*STREAMS])
    with FakeProvider(project) as provider:
        yield provider


@pytest.fixture
def terraform(
    fake_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> CopyModule:
    """Return a function that copies a directory of the project."""

    def copy(directory: str, *, sources: bool = False) -> RootModule:
        target = tmp_path_factory.mktemp("root")
        return copy_module(directory, target, fake_provider, sources=sources)

    return copy


@pytest.fixture(scope="session")
def plan_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlanModule]:
    """Return a function that plans the module."""
    plans: dict[str, Plan] = {}
    with FakeProvider() as provider:
        root = copy_module(MODULE, tmp_path_factory.mktemp("plans"), provider)

        def plan(**inputs: Any) -> Plan:
            key = repr(inputs)
            if key not in plans:
                plans[key] = root.plan(**(INPUTS | inputs))
            return plans[key]

        yield plan
