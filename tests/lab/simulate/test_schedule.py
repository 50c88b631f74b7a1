"""When an exporter runs."""

from __future__ import annotations

from typing import Any

import pytest

from lab.simulate.scenario import Deployment
from lab.simulate.schedule import ScheduledRun, scheduled_runs


def runs(lasts: float = 300, **keys: Any) -> list[ScheduledRun]:
    """Return the runs of one exporter."""
    return scheduled_runs([Deployment.model_validate(keys)], lasts, "seed")


def test_a_run_of_the_job_starts_up_to_half_a_minute_late() -> None:
    """Each run's start is its own, the same each time, and no earlier than its tick."""
    late = [run.at - run.tick * 60 for run in runs(3600)]
    assert len(late) == 60
    assert all(0 <= each < 30 for each in late)
    assert max(late) > 25
    assert min(late) < 5
    assert runs(3600) == runs(3600)
    other = scheduled_runs([Deployment()], 3600, "another seed")
    assert [run.at for run in other] != [run.at for run in runs(3600)]


def test_one_that_runs_on_is_on_time() -> None:
    """Every ten seconds, to the second."""
    assert [run.at for run in runs(40, mode="worker_pool")] == [0, 10, 20, 30]


def test_a_function_starts_late_only_where_it_is_cold() -> None:
    """A minute after a run it may be cold; an instance that ran seconds ago is there at once."""
    assert [run.at for run in runs(mode="function", delays=[0, 10])] == [0, 70, 120, 190, 240]
    late = [run.at - run.tick * 60 for run in runs(3600, mode="function")]
    assert 8 < max(late) <= 10


@pytest.mark.parametrize(
    ("logged", "triggered"),
    [
        pytest.param([20], [25], id="a log's way to a warm instance takes five seconds"),
        pytest.param([1], [16], id="a run that has just begun refuses it, and it comes again"),
        pytest.param([14, 15], [19, 40], id="triggered runs are twenty seconds apart"),
        pytest.param([49], [64], id="a cold start takes ten seconds, and the tick is left out"),
        pytest.param([], [], id="nothing is logged"),
    ],
)
def test_a_log_entry_calls_a_function_with_log_triggers(
    logged: list[float], triggered: list[float]
) -> None:
    """As the function and Pub/Sub do it, next to the call of each minute."""
    keys = {"mode": "function", "delay": 10, "delays": [0]}
    with_triggers = Deployment.model_validate(keys | {"log_triggers": True})
    found = scheduled_runs([with_triggers], 110, "seed", logged)
    assert [run.at for run in found if run.tick < 0] == triggered
    without = scheduled_runs([Deployment.model_validate(keys)], 110, "seed", logged)
    assert [run.at for run in without] == [0, 60]


def test_late_starts_can_be_given() -> None:
    """They are taken over and over, run by run."""
    assert [run.at for run in runs(delays=[0, 30])] == [0, 90, 120, 210, 240]


def test_an_exporter_begins_late_and_ends() -> None:
    """Its first tick may come later, and no run starts once it is taken away."""
    assert [run.at for run in runs(first=100, ends=230, delay=0)] == [100, 160, 220]


def test_missed_runs_do_not_happen() -> None:
    """A tick within a silence is left out, for all tasks or for one."""
    silent = [{"from": 60, "until": 120}, {"from": 180, "until": 240, "task": 1}]
    found = runs(tasks=2, delay=0, silent=silent)
    assert [(run.at, run.task) for run in found] == [
        (0, 0),
        (0, 1),
        (120, 0),
        (120, 1),
        (180, 0),
        (240, 0),
        (240, 1),
    ]


def test_objects_have_a_schedule_of_their_own() -> None:
    """The job that collects them runs beside the other one."""
    found = runs(delay=0, objects_every=150)
    assert [run.at for run in found if run.objects] == [0, 150]
    assert len([run for run in found if not run.objects]) == 5


@pytest.mark.parametrize(
    ("keys", "skew"), [({}, 0), ({"clock_ahead": 40}, 40), ({"clock_behind": "40s"}, -40)]
)
def test_a_clock_may_be_wrong(keys: dict[str, Any], skew: float) -> None:
    """By so many seconds ahead of the true time, or behind it."""
    assert Deployment.model_validate(keys).skew == skew
