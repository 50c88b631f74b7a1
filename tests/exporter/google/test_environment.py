"""What Cloud Run tells the process in its environment."""

import pytest

from exporter.documents.mistakes import InputError
from exporter.google import environment


@pytest.mark.parametrize(
    "name", ["CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL", "K_SERVICE"]
)
def test_each_of_three_variables_says_that_this_is_cloud_run(name: str) -> None:
    """A variable without a value says nothing, and then there is no limit."""
    assert environment.on_cloud_run({name: "exporter"})
    elsewhere = {name: "", "HOME": "/"}
    assert not environment.on_cloud_run(elsewhere)
    environment.check_task_count(elsewhere)
    assert environment.request_timeout(elsewhere) is None


@pytest.mark.parametrize("text", ["x", "0", "9", "3601", "-1", "1e1"])
def test_a_timeout_without_time_for_a_run_is_a_mistake(text: str) -> None:
    """A wrong timeout is answered with its value and what is allowed."""
    with pytest.raises(InputError) as mistake:
        environment.request_timeout({"CLOUD_RUN_TIMEOUT_SECONDS": text})
    assert str(mistake.value).startswith(
        "environment: CLOUD_RUN_TIMEOUT_SECONDS: must be a whole number from 10 to"
        f' 3600, not "{text}"; '
    )
