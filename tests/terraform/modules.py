"""What tests give to the module, and what it makes of it in the API's own form."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.terraform.core import REPOSITORY
from tests.terraform.world import Channel

MODULE = "terraform"
EXAMPLES = tuple(
    sorted(
        str(each.parent.relative_to(REPOSITORY))
        for each in (REPOSITORY / MODULE / "examples").glob("*/main.tf")
    )
)
IMAGE = (
    "europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:"
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)
CHANNEL = "projects/orders-prod/notificationChannels/1"
CONFIG = """\
# One project whose locations are discovered, one whose locations are listed.
metrics: {project: orders-prod}
sources:
  - project: orders-prod
  - project: billing-prod
    locations: [europe-west1]
"""
GIVEN: dict[str, Any] = {
    "region": "europe-west1",
    "image": IMAGE,
    "config": CONFIG,
    "notification_channels": {each: [CHANNEL] for each in ("CRITICAL", "ERROR", "WARNING")},
}
"""Inputs that look nothing up, so that a plan needs nothing to exist."""

CHANNELS = [
    Channel("orders-prod", "Data platform on-call"),
    Channel("orders-prod", "Data platform mailbox"),
    Channel("orders-prod", "Orders team"),
    Channel("data-platform-prod", "Data platform on-call"),
    Channel("data-platform-prod", "Data platform Slack"),
    Channel("payments-prod", "On-call"),
]
"""What the examples look up."""

TOKEN = "xoxb-not-to-be-seen"  # noqa: S105 - the tests look for it where it must not be
SECRETS = {"projects/orders-prod/secrets/slack-bot-token": TOKEN}

# What the API has once, and the provider as a list of one.
_ONCE = {
    "alert_strategy",
    "condition_matched_log",
    "condition_prometheus_query_language",
    "documentation",
    "notification_rate_limit",
}
# The API's answer, not its input.
_ANSWERED = {"creation_record", "deletion_policy", "id", "name", "project", "timeouts"}


def files() -> dict[str, dict[str, Any]]:
    """Return the project's policies as their files have them, by name."""
    folder = REPOSITORY / "alerting_policies"
    return {each.stem: yaml.safe_load(each.read_text("utf-8")) for each in folder.glob("*.yaml")}


def as_policy(values: Any) -> Any:
    """Return what Terraform plans for a policy in the API's own form, as the files have it."""
    if isinstance(values, list):
        return [as_policy(each) for each in values]
    if not isinstance(values, dict):
        return values
    policy = {}
    for name, value in values.items():
        if name in _ANSWERED or value in (None, [], {}):
            continue
        # User labels and extractors have keys of their own.
        same = name in {"user_labels", "label_extractors"}
        one = value[0] if name in _ONCE else value
        policy[_camel(name)] = one if same else as_policy(one)
    return policy


def policies_of(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return planned or applied policies by their key, without the module's path."""
    kind = re.compile(r'google_monitoring_alert_policy\.\w+\["(.+)"\]$')
    return {
        found[1]: values for address, values in resources.items() if (found := kind.search(address))
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)
