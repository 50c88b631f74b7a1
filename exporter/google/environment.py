"""Reads what the environment says of Cloud Run and of proxies.

Source: https://cloud.google.com/run/docs/container-contract. A function is a service.

gRPC reads the lower-case proxy variables alone. Of a malformed URL, gRPC and urllib3
show parts in their errors, which can be the password.
"""

import re
from collections.abc import Mapping, MutableMapping

from exporter.config.load import CLOUD_RUN
from exporter.documents.mistakes import InputError
from exporter.text import quote

TASK_COUNT = "CLOUD_RUN_TASK_COUNT"
REQUEST_TIMEOUT = "CLOUD_RUN_TIMEOUT_SECONDS"

# Seconds that a request may take: less leaves no time for a run, and Cloud Run allows
# an hour at most
_TIMEOUTS = range(10, 3601)

_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy")
_PROXY_URL = re.compile(
    r"([a-z][a-z0-9]*://([\w.~!$&'()*+,;=:%-]*@)?)?"  # scheme, user and password
    r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?",
    re.ASCII | re.IGNORECASE,
)


def on_cloud_run(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs on Cloud Run."""
    return any(map(environ.get, CLOUD_RUN))


def request_timeout(environ: Mapping[str, str]) -> int | None:
    """Return the seconds that a request may take, or None if nobody says it.

    Raise InputError for what is no number of seconds that a run fits into.
    """
    text = environ.get(REQUEST_TIMEOUT)
    if not text:
        return None
    if re.fullmatch("[0-9]{1,4}", text) and int(text) in _TIMEOUTS:
        return int(text)
    raise InputError(
        f"environment: {REQUEST_TIMEOUT}: must be a whole number from 10 to 3600, not"
        f" {quote(text)}; Cloud Run sets it to the service's timeout: correct that"
    )


def check_task_count(environ: Mapping[str, str]) -> None:
    """Raise InputError in a job of several tasks."""
    count = environ.get(TASK_COUNT) or "1"
    if count != "1":
        raise InputError(
            f"environment: {TASK_COUNT}: must be 1, not {quote(count)}; each task would"
            " write the same series: give the job one task"
        )


def let_grpc_see_proxies(environ: MutableMapping[str, str]) -> None:
    """Set https_proxy and no_proxy where only HTTPS_PROXY and NO_PROXY are set."""
    for name in ("HTTPS_PROXY", "NO_PROXY"):
        if name in environ:
            environ.setdefault(name.lower(), environ[name])


def check_proxies(environ: Mapping[str, str]) -> None:
    """Raise InputError for a proxy variable whose value is no URL of a proxy."""
    for name, value in environ.items():
        if name.lower() in _PROXIES and value and not _PROXY_URL.fullmatch(value):
            raise InputError(
                f"environment: {name}: is not the URL of a proxy; write it as"
                " http://user:password@proxy.example.com:3128, and percent-encode the"
                " user and the password, such as %23 for #"
            )
