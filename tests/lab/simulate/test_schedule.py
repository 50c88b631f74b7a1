"""When an exporter runs."""

from itertools import pairwise
from typing import Any

from lab.simulate.scenario import Deployment
from lab.simulate.schedule import ScheduledRun, scheduled_runs


def runs(lasts: float = 300, seed: str = "seed", **keys: Any) -> list[ScheduledRun]:
    """Return the runs of one exporter."""
    return scheduled_runs([Deployment.model_validate(keys)], lasts, seed)


def starts(*how: Any, **keys: Any) -> list[float]:
    """Return when the runs of one exporter start."""
    return [run.at for run in runs(*how, **keys)]


def test_a_run_of_the_job_starts_up_to_half_a_minute_late() -> None:
    """Each run's start is its own, the same each time, and no earlier than its tick."""
    late = [run.at % 60 for run in runs(3600)]
    assert len(late) == 60
    assert all(0 <= each < 30 for each in late)
    assert min(late) < 5
    assert max(late) > 25
    assert runs(3600) == runs(3600)
    assert starts(3600, "another") != starts(3600)
    assert starts(delays=[0, 30]) == [0, 90, 120, 210, 240]


def test_a_function_starts_late_only_where_it_is_cold() -> None:
    """A function starts up to ten seconds late where it is cold, else on time."""
    warm = starts(31, mode="function", every=10)
    assert [after - before for before, after in pairwise(warm)] == [10, 10]
    delayed = starts(mode="function", delays=[0, 10])
    assert delayed == [0, 70, 120, 190, 240]
    late = [run.at % 60 for run in runs(3600, mode="function")]
    assert 8 < max(late) <= 10


def test_each_call_of_a_function_has_a_run_of_its_own() -> None:
    """A run begins at least ten seconds after the last one, which another call has."""
    assert starts(31, mode="function", every=5, delay=0) == [0, 10, 20, 30]
