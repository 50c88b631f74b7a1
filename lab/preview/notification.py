"""Fills the variables in a policy's texts.

https://cloud.google.com/monitoring/alerts/doc-variables#using-markdown
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from exporter.text import printable
from lab.policies.checks import LOG_LABEL, METRIC_LABEL, PROJECT, USER_LABEL, VALUE
from lab.policies.deployment import EXPORTER, Deployed
from lab.policies.files import Policy

# What Cloud Monitoring writes for a label that it doesn't find in the incident, as
# reported by users of PromQL conditions. Its docs say "(none)"
EMPTY = "null"

# The labels of an example
EXAMPLE_LABELS = {
    "stream_id": "orders-to-bigquery",
    "location": "europe-west1",
    "namespace": "shop-prod",
    "project": "shop-prod",
    "kind": "failed",
    "streams": (
        "carts-to-bigquery, orders-to-bigquery, stock-to-bigquery, users-to-bigquery,"
        " visits-to-bigquery"
    ),
    "object_name": "public.orders",
    "error_code": "UNSUPPORTED_DATA_TYPE",
    "reason": "POSTGRES_CONNECTION_FAILURE",
    "owner": "Payments",
    "who": "operator@example.com",
    "method": "Update",
    "state": "NOT_STARTED",
}

# Reasons that the problems of other policies have
_REASONS = {
    "stream-failed-permanently": "POSTGRESQL_REPLICATION_SLOT_LOST",
    "stream-unexpected-state": "PAUSED",
    "streams-unexpected-together": "PAUSED",
}
_STREAM = "projects/{namespace}/locations/{location}/streams/{stream_id}".format(
    **EXAMPLE_LABELS
)
_VARIABLE = re.compile(r"\$\{([^{}$]+)\}")
LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


class Notification(NamedTuple):
    """What a channel gets when an incident opens."""

    policy: Policy  # the policy
    # The values of the variables in its texts, by the variable's name
    values: Mapping[str, str]
    deployed: Deployed  # what the words in capitals are

    def fill(self, text: str, shown: Callable[[str], str] = printable) -> str:
        """Return a text with the variables filled, each value changed by ``shown``."""
        return _VARIABLE.sub(
            lambda found: shown(self.values.get(found[1], EMPTY)),
            self.deployed.fill_in(text),
        )

    def url(self, address: str) -> str:
        """Return an address with the variables filled and encoded."""
        return self.fill(address, lambda value: quote(value, safe="@"))


def notification(
    policy: Policy,
    labels: Mapping[str, str] | None = None,
    project: str = "shop-monitoring",
) -> Notification:
    """Return a policy's notification about an incident.

    ``labels`` are the incident's and its VALUE, None for an example; the policy is in
    ``project``.
    """
    texts = [policy.subject, policy.content]
    for link in policy.links:
        texts += (link.display_name, link.url)
    prefix = LOG_LABEL if policy.is_log else METRIC_LABEL
    always = {PROJECT: project}
    for key, value in policy.proto.user_labels.items():
        always[f"{USER_LABEL}{key}"] = value
    values = {}
    for name in _VARIABLE.findall("\n".join(texts)):
        key = name.removeprefix(prefix)
        value = _example(policy, key) if labels is None else labels.get(key, "")
        values[name] = always.get(name) or value or EMPTY
    deployed = Deployed(project, EXPORTER, EXPORTER, EXAMPLE_LABELS["location"])
    return Notification(policy, values, deployed)


def _example(policy: Policy, key: str) -> str:
    """Return an example of a label; a log policy has the keys that its author chose."""
    if key == "namespace" and policy.watches_exporter:
        return EXPORTER
    if key == VALUE:
        # Just above the threshold; 7, the state STARTING, where there is none
        return str(int(policy.threshold or 5) * 51 // 50 + 2)
    if key == "stream":
        is_full = "resourceName" in policy.extractors.get(key, "")
        return _STREAM if is_full else EXAMPLE_LABELS["stream_id"]
    if key == "reason" and policy.name in _REASONS:
        return _REASONS[policy.name]
    return EXAMPLE_LABELS.get(key, f"example-{key}")
