"""Plans as ``terraform show -json`` prints them, in the form of the google provider."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lab.review.plan import parse_plan
from lab.review.playing import PlayedChange, trigger_changes
from lab.review.review import review_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.review.incident_changes import IncidentChange
    from lab.review.plan import PolicyChange
    from lab.review.review import Review

QUERY = (
    'last_over_time(custom_googleapis_com:datastream_stream_state{monitored_resource="generic_node"}'
    "[1h]) == 5"
)
CHANNEL = "projects/orders-prod/notificationChannels/1"

_COMPUTED = {
    "creation_record": [
        {"mutate_time": "2026-02-03T04:05:06.789Z", "mutated_by": "terraform@example.com"}
    ],
    "deletion_policy": "DELETE",
    "id": "projects/orders-prod/alertPolicies/1234567890",
    "name": "projects/orders-prod/alertPolicies/1234567890",
    "project": "orders-prod",
    "timeouts": None,
}
_UNKNOWN = {"creation_record": True, "deletion_policy": True, "id": True, "name": True}


def policy(**changed: Any) -> dict[str, Any]:
    """Return the values of a policy that alerts on a failed stream.

    Args:
        changed: Arguments that replace the defaults, also ``query``, ``duration`` and
            ``evaluation_interval`` of its condition, and ``content`` and ``subject``.
    """
    metric = {
        "alert_rule": "",
        "disable_metric_validation": True,
        "duration": changed.pop("duration", "60s"),
        "evaluation_interval": changed.pop("evaluation_interval", "30s"),
        "labels": None,
        "query": changed.pop("query", QUERY),
        "rule_group": "",
    }
    texts = {
        "content": changed.pop("content", "A stream failed."),
        "links": [],
        "mime_type": "text/markdown",
        "subject": changed.pop("subject", "Failed"),
    }
    strategy = {
        "auto_close": "86400s",
        "notification_channel_strategy": [],
        "notification_prompts": ["OPENED", "CLOSED"],
        "notification_rate_limit": [],
    }
    return {
        "alert_strategy": [strategy],
        "combiner": "OR",
        "conditions": [condition(condition_prometheus_query_language=[metric])],
        "display_name": "Stream failed",
        "documentation": [texts],
        "enabled": True,
        "notification_channels": [CHANNEL],
        "severity": "CRITICAL",
        "user_labels": {"policy": "failed"},
        **changed,
    }


def condition(**kind: Any) -> dict[str, Any]:
    """Return a condition of a type."""
    none: dict[str, Any] = {
        "condition_absent": [],
        "condition_matched_log": [],
        "condition_monitoring_query_language": [],
        "condition_prometheus_query_language": [],
        "condition_sql": [],
        "condition_threshold": [],
    }
    return {**none, "display_name": "State is FAILED", "name": "", **kind}


def on_log(wanted: str, **extractors: str) -> dict[str, Any]:
    """Return a condition on log entries."""
    matched = {"filter": wanted, "label_extractors": extractors or None}
    return condition(condition_matched_log=[matched])


def change(
    *actions: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    unknown: dict[str, Any] | None = None,
    sensitive: Any = False,
    address: str = "google_monitoring_alert_policy.failed",
    **more: Any,
) -> dict[str, Any]:
    """Return a resource change.

    Args:
        actions: Terraform's actions, such as ``update``.
        before: The values now, without computed fields.
        after: The values after apply, without computed fields.
        unknown: Further fields that are known only after apply.
        sensitive: Sensitive fields, before and after.
        address: The resource's address.
        more: Other keys of the resource change.
    """
    new = "create" in actions
    computed = {} if new else _COMPUTED
    name, _, index = address.rpartition("google_monitoring_alert_policy.")[2].partition("[")
    return {
        "address": address,
        "mode": "managed",
        "type": "google_monitoring_alert_policy",
        "name": name,
        **({"index": json.loads(index.removesuffix("]"))} if index else {}),
        "provider_name": "registry.terraform.io/hashicorp/google",
        "change": {
            "actions": list(actions),
            "before": None if before is None else {**_COMPUTED, **before},
            "after": None if after is None else {**computed, **after},
            "after_unknown": {**(_UNKNOWN if new else {}), **(unknown or {})},
            "before_sensitive": sensitive if before else False,
            "after_sensitive": sensitive if after else False,
        },
        **more,
    }


def plan(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a plan with changes of policies and of an unrelated bucket."""
    bucket = {
        "address": "google_storage_bucket.other",
        "mode": "managed",
        "type": "google_storage_bucket",
        "name": "other",
        "change": {"actions": ["create"], "before": None, "after": {"name": "other"}},
    }
    return {
        "format_version": "1.2",
        "terraform_version": "1.13.4",
        "planned_values": {"root_module": {}},
        "resource_changes": [bucket, *changes],
        "configuration": {"root_module": {}},
        "timestamp": "2026-02-03T04:05:06Z",
        "applyable": True,
        "complete": True,
        "errored": False,
        **more,
    }


def written(document: Any) -> bytes:
    """Return a plan as bytes of JSON."""
    return json.dumps(document).encode()


def only_change(*changes: dict[str, Any]) -> PolicyChange:
    """Return the only change of a policy in a plan."""
    (found,) = parse_plan(written(plan(*changes)), "plan.json").changes
    return found


def reviewed(
    content: bytes,
    incidents: Sequence[IncidentChange] = (),
    errors: tuple[str, ...] = (),
    titles: Mapping[str, str] | None = None,
) -> Review:
    """Return the review of a plan whose changes change these incidents in every scenario."""
    parsed = parse_plan(content, "plan.json")
    titles = titles or {"lags": "A stream lags"}
    changes, unplayed = trigger_changes(parsed.changes)
    results = [
        PlayedChange(name, change, tuple(incidents), bool(incidents), errors)
        for name in titles
        for change in changes
    ]
    return review_plan(parsed, changes, unplayed, titles, results)


def channels(names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a state with channels, each a full name and a display name."""
    resources = [
        {
            "address": f"module.notify.data.google_monitoring_notification_channel.of[{number}]",
            "mode": "data",
            "type": "google_monitoring_notification_channel",
            "values": {"name": name, "display_name": display},
            "sensitive_values": {},
        }
        for number, (name, display) in enumerate(names)
    ]
    module = {"child_modules": [{"address": "module.notify", "resources": resources}]}
    return {"format_version": "1.0", "values": {"root_module": module}}
