"""What Cloud Run tells the process.

Source: https://cloud.google.com/run/docs/container-contract (environment variables of jobs, worker
pools and services, metadata server). A function is a service.
"""

from __future__ import annotations

import re
import urllib.request
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import tenacity

from exporter.gcp.background import in_background, result
from exporter.gcp.errors import CallError, Failure, FailureKind
from exporter.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from exporter.gcp.deadline import Deadline

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
_LONGEST_ANSWER = 1024
"""Bytes that are read of an answer; a region takes less than a hundred."""


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


class Region:
    """The region that this process runs in; the metadata server is asked in the background."""

    def __init__(self, environ: Mapping[str, str], configured: str | None = None) -> None:
        """Start asking, unless config says it or this isn't Cloud Run.

        Args:
            environ: The environment.
            configured: ``run.location`` in config.
        """
        self._host = environ.get(METADATA_HOST, "metadata.google.internal")
        self._known = configured or (None if here(environ) else "global")
        self._answer = None if self._known else self._ask()

    def get(self, deadline: Deadline) -> str:
        """Return the region.

        Raises:
            CallError: The metadata server did not return it in time. There is no default, since
                another region would start new series and make the existing ones look silent.
                The next call asks again.
        """
        if self._known is None:
            self._answer = self._answer or self._ask()
            try:
                self._known = result(self._answer, deadline)
            except OSError as error:
                if self._answer.done():
                    self._answer = None
                raise CallError(_no_region(self._host, error)) from error
        return self._known

    def _ask(self) -> Future[str]:
        return in_background(partial(_ask_repeatedly, self._host))


def _ask_repeatedly(host: str) -> str:
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
        # It can be anything that this server gives out, a token included.
        raise OSError(f"its answer is no region ({len(answer)} characters)")
    return found[1]


def _ask(request: urllib.request.Request) -> str:
    try:
        with _DIRECTLY.open(request, timeout=_METADATA_SECONDS) as answer:
            return str(answer.read(_LONGEST_ANSWER).decode(errors="replace").strip())
    except HTTPError as error:
        # The error is the response too, and keeps its connection open.
        error.close()
        raise
    except HTTPException as error:
        raise OSError(f"its answer is not HTTP ({type(error).__name__})") from error


def _no_region(host: str, error: OSError) -> Failure:
    return Failure(
        FailureKind.UNAVAILABLE,
        f"the metadata server at {host} did not return this process's region ({error})",
        "The exporter's own series need it and are not written; everything else is. Set "
        "run.location in config.yaml, or DATASTREAM_EXPORTER_RUN__LOCATION, to the region.",
    )
