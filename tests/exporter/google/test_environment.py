"""What Cloud Run tells the process in its environment."""

import pytest

from exporter.google import environment
from exporter.google.environment import Task


@pytest.mark.parametrize(
    "name", ["CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL", "K_SERVICE"]
)
def test_jobs_worker_pools_and_services_are_cloud_run(name: str) -> None:
    """Each variable says Cloud Run; without one there is one task, and no limit."""
    assert environment.on_cloud_run({name: "exporter"})
    elsewhere = {name: "", "HOME": "/"}
    assert not environment.on_cloud_run(elsewhere)
    assert environment.task(elsewhere) == Task(0, 1)
    assert environment.log_labels(elsewhere) == {}
    assert environment.request_timeout(elsewhere) is None


def test_a_task_knows_its_share_its_labels_and_its_limit() -> None:
    """A task has an index and a count, labels for its log, and a limit of time."""
    environ = {
        "CLOUD_RUN_EXECUTION": "exporter-x7k2p",
        "CLOUD_RUN_TASK_INDEX": "9999",
        "CLOUD_RUN_TASK_ATTEMPT": "1",
        "CLOUD_RUN_TASK_COUNT": "10000",
        "CLOUD_RUN_TIMEOUT_SECONDS": "55",
    }
    assert environment.task(environ) == Task(9999, 10_000)
    labels = {"execution": "exporter-x7k2p", "task_index": "9999", "attempt": "1"}
    assert environment.log_labels(environ) == labels
    assert environment.request_timeout(environ) == 55
