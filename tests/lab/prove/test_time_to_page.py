"""How long a page takes, measured at every moment that counts."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import pytest

from lab.prove.scenarios import engine_for
from lab.prove.time_to_page import (
    CHANGES,
    Measurements,
    TimeToPage,
    measure,
    measure_all,
    record_death,
)

if TYPE_CHECKING:
    from lab.policies.files import Policy


@pytest.fixture(scope="module")
def measured(policies: tuple[Policy, ...]) -> dict[tuple[str, str], TimeToPage]:
    """Return each time by change and mode."""
    found = Measurements()
    for part in measure_all(policies, Event()):
        found.add(part)
    assert found.failures == []
    return {(each.change.title, each.mode): each for each in found.times}


def test_every_time_to_page_is_within_its_bound(
    measured: dict[tuple[str, str], TimeToPage],
) -> None:
    """The worst case over all moments of change, runs and evaluations keeps the promise."""
    assert set(measured) == {(change.title, mode) for change in CHANGES for mode in change.bounds}
    assert {key: each.worst for key, each in measured.items() if not each.kept} == {}
    assert all(each.median < each.worst for each in measured.values())


def test_the_worst_case_is_measured(
    measured: dict[tuple[str, str], TimeToPage],
) -> None:
    """A change just after a poll, the next run as late as possible, the evaluation too."""
    permanently = measured["FAILED_PERMANENTLY", "job"]
    # 90 s between two polls, a run of 1 s, 7 s to become visible, 30 s to the evaluation.
    assert permanently.worst == pytest.approx(90 + 1 + 7 + 30, abs=3)
    assert permanently.measured > 1000
    pool = measured["FAILED_PERMANENTLY", "worker_pool"]
    assert pool.worst == pytest.approx(10 + 1 + 7 + 30, abs=3)


def test_a_change_without_an_incident_is_a_failure(policies: tuple[Policy, ...]) -> None:
    """A policy that never fires has no time to page."""
    timed = record_death("worker_pool")
    silenced = [replace(policy, query="last_over_time(a:b[1h])") for policy in policies]
    with engine_for([timed.recording]) as engine:
        measured = measure(timed, silenced, engine)
    assert measured == Measurements(
        [], ["exporter dead, worker_pool: not every change opens an incident"]
    )
    assert not measured.kept
