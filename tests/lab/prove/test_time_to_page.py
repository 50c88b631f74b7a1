"""How long a page takes, measured at every moment that counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.prove.paging import CHANGES, MODES, dying, time_to_page, trials
from lab.prove.proof import filled
from tests.lab.conftest import START

if TYPE_CHECKING:
    from lab.policies.files import Policy
    from lab.prove import paging


@pytest.fixture(scope="module")
def measured(policies: tuple[Policy, ...]) -> dict[tuple[str, str], paging.TimeToPage]:
    """Return each time by change and mode."""
    played = trials(START)
    with filled([trial.recording for trial in played]) as engine:
        found = time_to_page(played, policies, engine)
    return {(each.change.title, each.mode): each for each in found}


def test_every_page_comes_within_its_bound(
    measured: dict[tuple[str, str], paging.TimeToPage],
) -> None:
    """The worst of every moment of change, run and evaluation keeps what is promised."""
    assert set(measured) == {(change.title, mode) for change in CHANGES for mode in MODES}
    assert {key: each.worst for key, each in measured.items() if not each.kept} == {}
    assert all(each.median < each.worst for each in measured.values())


def test_the_worst_is_looked_for_where_it_is(
    measured: dict[tuple[str, str], paging.TimeToPage],
) -> None:
    """A change just after a look, the next run as late as it can be, an evaluation just before."""
    permanently = measured["FAILED_PERMANENTLY", "scheduled"]
    # 90 s between two looks, a run of 1 s, 7 s to become visible, 30 s to the evaluation.
    assert permanently.worst == pytest.approx(90 + 1 + 7 + 30, abs=3)
    assert permanently.measured > 1000
    continuous = measured["FAILED_PERMANENTLY", "continuous"]
    assert continuous.worst == pytest.approx(10 + 1 + 7 + 30, abs=3)


def test_a_change_that_does_not_page_is_an_error(policies: tuple[Policy, ...]) -> None:
    """A policy that never fires has no time to page."""
    trial = dying("continuous", START)
    silenced = [replace(policy, query="last_over_time(a:b[1h])") for policy in policies]
    with (
        filled([trial.recording]) as engine,
        pytest.raises(ValueError, match="exporter dead, continuous: not every change pages"),
    ):
        time_to_page([trial], silenced, engine)
