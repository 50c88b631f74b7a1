"""Reads what the environment says of Cloud Run, of this process's task, and of proxies.

Source: https://cloud.google.com/run/docs/container-contract. A function is a service.

gRPC reads the lower-case proxy variables alone. Of a malformed URL, gRPC and urllib3
show parts in their errors, which can be the password.
"""

import hashlib
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from exporter.documents.mistakes import InputError
from exporter.names import Name

# Of a job, a worker pool and a function, in this order
CLOUD_RUN = ("CLOUD_RUN_JOB", "CLOUD_RUN_WORKER_POOL", "K_SERVICE")
TASK_INDEX = "CLOUD_RUN_TASK_INDEX"
TASK_COUNT = "CLOUD_RUN_TASK_COUNT"
REQUEST_TIMEOUT = "CLOUD_RUN_TIMEOUT_SECONDS"
# The labels of each log entry, and the variables that have them
LABELS = {
    "execution": "CLOUD_RUN_EXECUTION",
    "task_index": TASK_INDEX,
    "attempt": "CLOUD_RUN_TASK_ATTEMPT",
}

_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy")
_PROXY_URL = re.compile(
    r"([a-z][a-z0-9]*://([\w.~!$&'()*+,;=:%-]*@)?)?"  # scheme, user and password
    r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Task:
    """One task of a Cloud Run job, which reads its share of all locations."""

    index: int = 0  # this task's number, from 0
    count: int = 1  # how many tasks there are

    def holds(self, name: Name) -> bool:
        """Return whether this task has a location, or says how a discovery went.

        Exactly one task does.
        """
        digest = hashlib.sha256(f"{name.project}/{name.location}".encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.index


def task(environ: Mapping[str, str]) -> Task:
    """Return which task of a job this process is; elsewhere there is one."""
    count = int(environ.get(TASK_COUNT) or 1)
    return Task(int(environ.get(TASK_INDEX) or 0), count)


def on_cloud_run(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs on Cloud Run."""
    return any(environ.get(name) for name in CLOUD_RUN)


def log_labels(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that identify the log lines of this task and execution."""
    return {label: environ[name] for label, name in LABELS.items() if environ.get(name)}


def request_timeout(environ: Mapping[str, str]) -> int | None:
    """Return the seconds that a request may take, if functions-framework says it."""
    seconds = environ.get(REQUEST_TIMEOUT)
    return int(seconds) if seconds else None


def let_grpc_see_proxies(environ: MutableMapping[str, str]) -> None:
    """Set https_proxy and no_proxy where only HTTPS_PROXY and NO_PROXY are set."""
    for name in ("HTTPS_PROXY", "NO_PROXY"):
        if name in environ:
            environ.setdefault(name.lower(), environ[name])


def check_proxies(environ: Mapping[str, str]) -> None:
    """Raise InputError for a proxy variable whose value is no URL of a proxy."""
    for name, value in environ.items():
        if name.lower() not in _PROXIES or not value:
            continue
        if not _PROXY_URL.fullmatch(value):
            problem = (
                "is not the URL of a proxy; write it as"
                " http://user:password@proxy.example.com:3128, and percent-encode the"
                " user and the password, such as %23 for #"
            )
            raise InputError([f"environment: {name}: {problem}"])
