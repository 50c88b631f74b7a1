"""How long a page takes, measured at every moment that counts."""

from dataclasses import replace

import pytest

from lab.policies.files import Policy
from lab.prove.time_to_page import (
    TimeToPage,
    measure,
    promises,
    record_death,
)
from lab.prove.time_to_page import times_to_page as longest
from tests.lab.conftest import FEW_MOMENTS


def test_every_time_to_page_is_within_its_bound(
    times_to_page: list[TimeToPage],
) -> None:
    """The worst case over moments of change, runs and evaluations keeps the promise."""
    measured = {(each.change.title, each.mode): each for each in times_to_page}
    assert set(measured) == {
        (change.title, mode) for change in promises().changes for mode in change.bounds
    }
    assert {key: each.worst for key, each in measured.items() if not each.kept} == {}
    assert all(each.median < each.worst for each in measured.values())
    # 90 s between two runs, a run of 1 s, 7 s until it is visible, 30 s between two
    # evaluations
    permanently = measured["FAILED_PERMANENTLY", "job"]
    assert permanently.worst == pytest.approx(128, abs=3)
    # A few random moments, ten after runs, each at thirty evaluations
    assert permanently.measured == (FEW_MOMENTS + 10) * 30
    # The same, with 10 s between two runs
    pool = measured["FAILED_PERMANENTLY", "worker_pool"]
    assert pool.worst == pytest.approx(48, abs=3)


def test_a_change_without_an_incident_is_a_failure(
    policies: tuple[Policy, ...],
) -> None:
    """A policy that never fires exceeds every bound."""
    silenced = [replace(policy, query="last_over_time(a:b[1h])") for policy in policies]
    times = measure(*record_death("worker_pool"), silenced)
    (measured,) = longest(times)
    assert measured.change.title == "exporter dead"
    assert not measured.opens
    assert not measured.kept
