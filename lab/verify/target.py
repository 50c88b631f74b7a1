"""The project that is verified, and what reads it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import Any, TypeAlias

from google.api_core.exceptions import GoogleAPICallError
from google.cloud.monitoring_v3 import AlertPolicyServiceClient

from exporter.google.clients import MONITORING_EMULATOR, Clients
from exporter.google.errors import CallError, explain_call_error
from exporter.names import StreamName
from exporter.steps.measure import RESOURCE, metrics
from lab.policies.files import Policy
from lab.policies.promql import promql_name
from lab.verify.rest import QueryResult, Rest

_SECONDS = 60.0  # for a page

# What a part of verify finds: a level of logging, and a sentence
Findings: TypeAlias = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Target:
    """A metrics project, and the policy files that should be deployed there."""

    project: str
    policies: tuple[Policy, ...]
    clients: Clients
    rest: Rest
    stop: Event
    stream: StreamName  # the drill's
    agreed: bool  # whether the drill need not ask
    owner: str = ""  # whose page the drill's is

    @cached_property
    def alert_policies(self) -> list[Any]:
        """All alert policies of the project, listed once, or raise CallError."""
        permission = "monitoring.alertPolicies.list"
        return self.listed(AlertPolicyServiceClient, "list_alert_policies", permission)

    def listed(
        self, kind: type[Any], method: str, permission: str, parent: str = "name"
    ) -> list[Any]:
        """Return all that a kind of client lists of the project, or raise CallError.

        ``parent`` is the field of the request that names the project.
        """
        call = getattr(self.clients.connect(kind, MONITORING_EMULATOR)[0], method)
        request = {parent: f"projects/{self.project}"}
        try:
            return list(call(request, retry=None, timeout=_SECONDS))
        except GoogleAPICallError as error:
            failure = explain_call_error(error, self.project, permission)
            raise CallError(failure) from error

    def query(self, promql: str) -> list[QueryResult]:
        """Return what Google's engine answers now, or raise CallError."""
        return self.rest.query(self.project, promql, time.time())

    def own(
        self, metric: str, window: str, function: str = "last_over_time", more: str = ""
    ) -> str:
        """Return a query of a function over a metric of the exporter.

        ``more`` is what its series have to match besides, after a comma.
        """
        labels = f'monitored_resource="{RESOURCE}", project_id="{self.project}"{more}'
        name = promql_name(metrics()[metric].type)
        return f"{function}({name}{{{labels}}}[{window}])"
