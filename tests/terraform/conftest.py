"""Root modules to run Terraform on, and the stand-in that they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.terraform.core import Root, root_of, root_with
from tests.terraform.process import LIVE
from tests.terraform.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.terraform.answers import Plan


class Terraform(Protocol):
    """Makes root modules, each in a folder of its own."""

    def __call__(self, directory: str = "", /, *, files: Mapping[str, str] | None = None) -> Root:
        """Return one of the project, in a copy of it, or one of these files; init has run."""


class Planned(Protocol):
    """Plans root modules of the project from nothing, each once for all tests."""

    def __call__(self, directory: str, /, **variables: Any) -> Plan:
        """Return the plan."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, with the real provider, what only a stand-in can do."""
    if LIVE:
        alone = [each for each in items if "standin" in getattr(each, "fixturenames", ())]
        config.hook.pytest_deselected(items=alone)
        items[:] = [each for each in items if each not in alone]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """Return the stand-in of one test, with an empty world.

    With the real provider, a test that asks for this is left out: it applies, or needs a world.
    """
    with StandIn() as running:
        yield running


@pytest.fixture
def terraform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Terraform:
    """Return what makes root modules, which meet :func:`standin`, or the real provider."""

    def made(directory: str = "", /, *, files: Mapping[str, str] | None = None) -> Root:
        provider = None if LIVE else request.getfixturevalue("standin")
        folder = tmp_path_factory.mktemp("root")
        if directory:
            return root_of(directory, folder, provider)
        return root_with(files or {}, folder, provider)

    return made


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """Return what plans root modules of the project from nothing, each once for all tests."""
    roots: dict[str, Root] = {}
    plans: dict[str, Plan] = {}
    with StandIn() as running:

        def plan(directory: str, /, **variables: Any) -> Plan:
            if directory not in roots:
                folder = tmp_path_factory.mktemp("planned")
                roots[directory] = root_of(directory, folder, None if LIVE else running)
            key = repr((directory, variables))
            if key not in plans:
                plans[key] = roots[directory].plan(**variables)
            return plans[key]

        yield plan
