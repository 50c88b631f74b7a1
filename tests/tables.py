"""Tables of values: a test runs with each row of the one that has its name."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

Test = TypeVar("Test", bound=Callable[..., None])


def rows(test: Test) -> Test:
    """Run a test with each row of its table, as :func:`table` returns it."""
    found = table(inspect.getfile(test), test.__name__)
    mark: Callable[[Test], Test] = pytest.mark.parametrize(*found)
    return mark(test)


def table(module: str, name: str) -> tuple[list[str], list[Any]]:
    """Return a table of the YAML file beside a test's module.

    Its first row has the names of the arguments; the others follow.
    """
    names, *rest = beside(module, Path(module).with_suffix(".yaml").name)[name]
    return names, rest


def beside(module: str, name: str) -> Any:
    """Return what a YAML file beside a module holds."""
    text = Path(module).with_name(name).read_text("utf-8")
    # In C, it takes a tenth of the time, and each worker reads all tables.
    return yaml.load(text, yaml.CSafeLoader)
