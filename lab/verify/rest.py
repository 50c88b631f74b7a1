"""Asks Google what the clients have no methods for: PromQL, incidents, log metrics.

https://cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui and
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alerts
https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics/get
"""

from collections.abc import Mapping
from datetime import datetime
from threading import Event
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from exporter.documents.mistakes import InputError
from exporter.google.calls import Calls, Deadline, call_with_retry
from exporter.google.clients import Clients
from exporter.google.errors import CallError, FailureKind, explain_call_error
from exporter.logger import LOGGER

REST_EMULATOR = "MONITORING_REST_EMULATOR_HOST"
_SECONDS = 60.0  # for a call, retries included


class QueryResult(NamedTuple):
    """One series of what a query returns."""

    labels: dict[str, str]
    value: float


class Alert(NamedTuple):
    """An incident."""

    name: str  # ``projects/P/alerts/ID``
    policy: str  # the policy's name, ``projects/P/alertPolicies/ID``
    opened: float  # unix seconds
    # Those of its resource and of its metric: Google doesn't say which of the two has
    # the labels of a PromQL condition
    labels: Mapping[str, str]


class Rest:
    """Calls Google's REST APIs; a method raises CallError."""

    def __init__(
        self, clients: Clients, environ: Mapping[str, str], stop: Event
    ) -> None:
        """Call Google as the clients do, or an emulator; ``stop`` ends retries.

        Raise InputError where only the clients call an emulator.
        """
        self._stop = stop
        self._emulator = ""
        self._session = AuthorizedSession(clients.credentials)
        if address := environ.get(REST_EMULATOR):
            self._emulator = f"http://{address}"
            self._session.credentials = AnonymousCredentials()
            # A proxy can't reach this machine.
            self._session.trust_env = False
            LOGGER.warning(
                "An emulator answers queries and lists incidents, without credentials"
                " or encryption: %s is %s.",
                REST_EMULATOR,
                address,
            )
        elif clients.credentials is None:
            raise InputError(
                f"environment: set {REST_EMULATOR} too, or unset the others"
            )

    def query(self, project: str, promql: str, at: float) -> list[QueryResult]:
        """Return what Google's engine answers to a query at a unix time."""
        asked = {"query": promql, "time": f"{at:.3f}"}
        path = f"v1/projects/{project}/location/global/prometheus/api/v1/query"
        answer = self._get(project, path, asked, "monitoring.timeSeries.list")
        return [
            QueryResult(series["metric"], float(series["value"][1]))
            for series in answer["data"]["result"]
        ]

    def open_alerts(self, project: str) -> list[Alert]:
        """Return the open incidents of a project: the newest thousand, no more."""
        path = f"v3/projects/{project}/alerts"
        asked = {"filter": "state=OPEN", "pageSize": "1000"}
        answer = self._get(project, path, asked, "monitoring.alerts.list")
        found = []
        for each in answer.get("alerts", ()):
            labels = each.get("resource", {}).get("labels", {})
            labels |= each.get("metric", {}).get("labels", {})
            opened = datetime.fromisoformat(each["openTime"]).timestamp()
            name = each.get("name", "")
            found.append(Alert(name, each["policy"]["name"], opened, labels))
        return found

    def lacks_log_metric(self, project: str, name: str) -> bool:
        """Return whether Cloud Logging says that a project has no such metric."""
        path = f"v2/projects/{project}/metrics/{name}"
        try:
            self._get(project, path, {}, "logging.logMetrics.get")
        except CallError as error:
            return error.failure.kind == FailureKind.NOT_FOUND
        return False

    def _get(
        self, project: str, path: str, asked: Mapping[str, str], permission: str
    ) -> Any:
        """Return an answer's JSON; ``permission`` is the one that the call needs."""
        api = permission.partition(".")[0]
        base = self._emulator or f"https://{api}.googleapis.com"

        def attempt(timeout: float) -> Any:
            url = f"{base}/{path}"
            try:
                response = self._session.get(url, params=asked, timeout=timeout)
            except (GoogleAuthError, OSError) as error:  # all that it raises
                text = f"no connection to {base} ({type(error).__name__})"
                raise exceptions.ServiceUnavailable(text) from error
            answer = response.json()
            if response.ok:
                return answer
            said = answer["error"]
            if isinstance(said, str):  # as Prometheus says it
                said = {"message": said}
            refusal = exceptions.format_http_response_error(
                response, "GET", "", {"error": said}
            )
            refusal.message = said["message"]
            raise refusal

        try:
            deadline = Deadline.after(_SECONDS, self._stop)
            return call_with_retry(attempt, deadline, Calls(), what=f"GET {path}")
        except exceptions.GoogleAPICallError as error:
            failure = explain_call_error(error, project, permission)
            raise CallError(failure) from error
