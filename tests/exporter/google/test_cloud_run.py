"""What Cloud Run tells the process that it runs."""

import pytest

from exporter.google import cloud_run
from exporter.names import Task


def test_jobs_worker_pools_and_services_are_cloud_run() -> None:
    """Elsewhere none of the variables is set."""
    for name in ("CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL", "K_SERVICE"):
        assert cloud_run.here({name: "exporter"})
        assert not cloud_run.here({name: "", "HOME": "/"})


@pytest.mark.parametrize(
    ("index", "count", "task"),
    [(None, None, Task(0, 1)), ("0", "1", Task(0, 1)), ("9999", "10000", Task(9999, 10_000))],
)
def test_a_task_has_its_own_share(index: str | None, count: str | None, task: Task) -> None:
    """Outside a job, the only task has everything."""
    variables = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count}
    assert cloud_run.task({name: text for name, text in variables.items() if text}) == task


@pytest.mark.parametrize(
    ("index", "count"),
    [("1", "1"), ("-1", "2"), ("", "1"), ("0", "0"), ("0", ""), ("a", "2"), ("1.0", "2")],
)
def test_a_task_that_can_not_be(index: str, count: str) -> None:
    """Both variables stand in the sentence with their values."""
    environ = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count}
    with pytest.raises(ValueError, match="the index counts from 0") as caught:
        cloud_run.task(environ)
    assert f"CLOUD_RUN_TASK_INDEX={index} and CLOUD_RUN_TASK_COUNT={count}" in str(caught.value)


def test_an_index_without_a_count_is_a_mistake() -> None:
    """A second task that takes itself for the only one would write everything twice."""
    with pytest.raises(ValueError, match="CLOUD_RUN_TASK_INDEX=1"):
        cloud_run.task({"CLOUD_RUN_TASK_INDEX": "1"})


def test_log_lines_are_told_apart_by_execution_task_and_attempt() -> None:
    """Only what is set becomes a label."""
    assert cloud_run.log_labels({"K_SERVICE": "exporter"}) == {}
    environ = {
        "CLOUD_RUN_EXECUTION": "exporter-x7k2p",
        "CLOUD_RUN_TASK_INDEX": "0",
        "CLOUD_RUN_TASK_ATTEMPT": "1",
        "CLOUD_RUN_TASK_COUNT": "3",
    }
    labels = {"execution": "exporter-x7k2p", "task_index": "0", "attempt": "1"}
    assert cloud_run.log_labels(environ) == labels


@pytest.mark.parametrize(("text", "seconds"), [("55", 55), ("", None), ("soon", None)])
def test_the_timeout_of_a_request(text: str, seconds: int | None) -> None:
    """Google documents the variable nowhere, so what is no number is ignored."""
    assert cloud_run.request_timeout({"CLOUD_RUN_TIMEOUT_SECONDS": text}) == seconds
    assert cloud_run.request_timeout({}) is None
