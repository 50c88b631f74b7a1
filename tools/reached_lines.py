"""A plugin of pytest for code_mutants.py: which tests reach a line, and how long each takes.

Coverage has to measure the run, with ``context = ${REACHED_BY-}`` for programs that tests start.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = "TEST_SECONDS"
"""The environment variable with the file that the tests' durations are written to."""

_seconds: defaultdict[str, float] = defaultdict(float)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Name the test as the context of all lines that it and its fixtures reach."""
    os.environ["REACHED_BY"] = item.nodeid
    measured = coverage.Coverage.current()
    if measured is None:
        raise pytest.UsageError("Measure the run with coverage.")
    measured.switch_context(item.nodeid)
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the duration of a test's part."""
    _seconds[report.nodeid] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the durations, in the process that has them all."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ[SECONDS]).write_text(json.dumps(_seconds), "utf-8")
