"""What Cloud Run tells the process.

Source: https://cloud.google.com/run/docs/container-contract (environment variables of jobs, worker
pools and services, metadata server). A function is a service.
"""

from __future__ import annotations

import re
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import tenacity

from exporter.gcp.errors import Failure, FailureKind
from exporter.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB = "CLOUD_RUN_JOB"
WORKER_POOL = "CLOUD_RUN_WORKER_POOL"
SERVICE = "K_SERVICE"
EXECUTION = "CLOUD_RUN_EXECUTION"
TASK_INDEX = "CLOUD_RUN_TASK_INDEX"
TASK_COUNT = "CLOUD_RUN_TASK_COUNT"
TASK_ATTEMPT = "CLOUD_RUN_TASK_ATTEMPT"
REQUEST_TIMEOUT = "CLOUD_RUN_TIMEOUT_SECONDS"
METADATA_HOST = "GCE_METADATA_HOST"

# The metadata server is asked directly, whatever proxy the environment names.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_REGION = re.compile(r"projects/[^/]+/regions/([a-z0-9-]+)")
_METADATA_SECONDS = 2
_METADATA_TRIES = 4


def here(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs on Cloud Run."""
    return any(environ.get(name) for name in (JOB, WORKER_POOL, SERVICE))


def shard(environ: Mapping[str, str]) -> Shard:
    """Return this task's part of the locations; all of them outside a job.

    Raises:
        ValueError: The variables contradict each other; ``str()`` is a sentence.
    """
    index, count = environ.get(TASK_INDEX, "0"), environ.get(TASK_COUNT, "1")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise ValueError(
            f"{TASK_INDEX}={index} and {TASK_COUNT}={count} name no task of a job: the index "
            f"counts from 0 and is below the count"
        )
    return Shard(int(index), int(count))


def log_labels(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that identify the log lines of this task and execution."""
    labels = {"execution": EXECUTION, "task_index": TASK_INDEX, "attempt": TASK_ATTEMPT}
    return {label: environ[name] for label, name in labels.items() if environ.get(name)}


def request_timeout(environ: Mapping[str, str]) -> int | None:
    """Return how many seconds a request to a function may take, None where nothing says it.

    Google documents the variable nowhere; functions-framework reads it (``_http/gunicorn.py``).
    """
    text = environ.get(REQUEST_TIMEOUT, "")
    return int(text) if text.isdecimal() else None


def region(environ: Mapping[str, str]) -> str:
    """Return the region that this process runs in; ``global`` outside Cloud Run.

    Raises:
        OSError: The metadata server did not answer. There is no default, since another region
            would start new series and make the existing ones look silent.
    """
    if not here(environ):
        return "global"
    host = environ.get(METADATA_HOST, "metadata.google.internal")
    request = urllib.request.Request(
        f"http://{host}/computeMetadata/v1/instance/region", headers={"Metadata-Flavor": "Google"}
    )
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(OSError),
        stop=tenacity.stop_after_attempt(_METADATA_TRIES),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=1),
        reraise=True,
    ):
        with attempt:
            answer = _ask(request)
    found = _REGION.fullmatch(answer)
    if not found:
        raise OSError(f"its answer is {answer[:100]!r}")
    return found[1]


def _ask(request: urllib.request.Request) -> str:
    try:
        with _DIRECTLY.open(request, timeout=_METADATA_SECONDS) as answer:
            return str(answer.read().decode(errors="replace").strip())
    except HTTPError as error:
        # The error is the response too, and keeps its connection open.
        error.close()
        raise
    except HTTPException as error:
        raise OSError(f"its answer is not HTTP: {error!r}") from error


def no_region(error: OSError) -> Failure:
    """Return the failure for an error of :func:`region`."""
    return Failure(
        FailureKind.UNAVAILABLE,
        f"the metadata server did not return this process's region ({error})",
        "Nothing was read: without it, the exporter's own series would get another name. The next "
        "run tries again.",
    )
