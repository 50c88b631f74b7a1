"""Fixtures: the fake google provider, and root modules that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import LIVE, copy_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.plans import Plan
    from tests.terraform.terraform_cli import RootModule


class CopyModule(Protocol):
    """Copies a directory of the project into an initialized root module."""

    def __call__(self, directory: str, /) -> RootModule:
        """Return the root module."""


class PlanModule(Protocol):
    """Plans the module from an empty state."""

    def __call__(self, **inputs: Any) -> Plan:
        """Return the plan for the tests' inputs with these changed. Equal inputs share a plan."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that need the fake provider when the real one is used."""
    if LIVE:
        fake = [each for each in items if "fake_provider" in getattr(each, "fixturenames", ())]
        config.hook.pytest_deselected(items=fake)
        items[:] = [each for each in items if each not in fake]


@pytest.fixture
def fake_provider() -> Iterator[FakeProvider]:
    """Run a fake provider on an empty project. Tests that apply must use it."""
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def terraform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> CopyModule:
    """Return a function that copies a directory of the project."""

    def copy(directory: str, /) -> RootModule:
        provider = None if LIVE else request.getfixturevalue("fake_provider")
        return copy_module(directory, tmp_path_factory.mktemp("root"), provider)

    return copy


@pytest.fixture(scope="session")
def plan_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlanModule]:
    """Return a function that plans the module."""
    plans: dict[str, Plan] = {}
    with FakeProvider() as provider:
        root = copy_module(MODULE, tmp_path_factory.mktemp("plans"), None if LIVE else provider)

        def plan(**inputs: Any) -> Plan:
            key = repr(inputs)
            if key not in plans:
                plans[key] = root.plan(**{**INPUTS, **inputs})
            return plans[key]

        yield plan
