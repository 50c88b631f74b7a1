"""Fixtures: the fake google provider, and root modules that use it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from tests.terraform import module_inputs as given
from tests.terraform.fake_project import FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, INPUTS, MODULE
from tests.terraform.terraform_cli import Plan, RootModule, copy_module

CopyModule: TypeAlias = Callable[..., RootModule]  # as ``copy_module`` does
PlanModule: TypeAlias = Callable[..., Plan]  # with changes to INPUTS
Called: TypeAlias = Callable[..., RootModule]  # with changes to FUNCTION


@pytest.fixture
def fake_provider() -> Iterator[FakeProvider]:
    """Run a fake provider on projects that have channels, a secret and streams."""
    project = FakeProject(given.CHANNELS, given.SECRETS, [*given.STREAMS])
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
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootModule]:
    """Return the module itself as a root module, of which nothing is applied."""
    with FakeProvider() as provider:
        yield copy_module(MODULE, tmp_path_factory.mktemp("plans"), provider)


@pytest.fixture(scope="session")
def plan_module(module: RootModule) -> PlanModule:
    """Return a function that plans the module; equal inputs share a plan."""
    plans: dict[str, Plan] = {}

    def plan(**inputs: Any) -> Plan:
        whole = INPUTS | inputs
        key = repr(whole)
        if key not in plans:
            plans[key] = module.plan(**whole)
        return plans[key]

    return plan


@pytest.fixture(scope="session")
def called(module: RootModule) -> Called:
    """Return a function that writes the call with changes to a function's inputs."""
    root = RootModule(module.directory.parent, module.provider)

    def call(**inputs: Any) -> RootModule:
        root.call(**FUNCTION | inputs)
        return root

    call()
    root.init()
    return call
