"""Reads what Cloud Run tells the process in its environment.

Source: https://cloud.google.com/run/docs/container-contract. A function is a service.
"""

from collections.abc import Mapping

from exporter.names import Task

JOB = "CLOUD_RUN_JOB"
WORKER_POOL = "CLOUD_RUN_WORKER_POOL"
SERVICE = "K_SERVICE"
EXECUTION = "CLOUD_RUN_EXECUTION"
TASK_INDEX = "CLOUD_RUN_TASK_INDEX"
TASK_COUNT = "CLOUD_RUN_TASK_COUNT"
TASK_ATTEMPT = "CLOUD_RUN_TASK_ATTEMPT"
REQUEST_TIMEOUT = "CLOUD_RUN_TIMEOUT_SECONDS"
_LABELS = {
    "execution": EXECUTION,
    "task_index": TASK_INDEX,
    "attempt": TASK_ATTEMPT,
}


def here(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs on Cloud Run."""
    return any(environ.get(name) for name in (JOB, WORKER_POOL, SERVICE))


def task(environ: Mapping[str, str]) -> Task:
    """Return which task of a job this process is; elsewhere there is one."""
    index = environ.get(TASK_INDEX, "0")
    count = environ.get(TASK_COUNT, "1")
    return Task(int(index), int(count))


def log_labels(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that identify the log lines of this task and execution."""
    labels = {}
    for label, name in _LABELS.items():
        if environ.get(name):
            labels[label] = environ[name]
    return labels


def request_timeout(environ: Mapping[str, str]) -> int | None:
    """Return the seconds that a request may take, if functions-framework says it."""
    text = environ.get(REQUEST_TIMEOUT)
    return int(text) if text else None
