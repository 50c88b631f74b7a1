"""Plans as ``terraform show -json`` prints them, in the form of the google provider."""

import json
from typing import Any

from lab.plans.plan import Plan, parse_plan
from lab.plans.values import Json

QUERY = (
    'last_over_time(custom_googleapis_com:datastream_stream_state{monitored_resource="generic_node"}[1h])'
    " == 5"
)
CHANNEL = "projects/orders-prod/notificationChannels/1"
ADDRESS = "google_monitoring_alert_policy.failed"

_COMPUTED = {
    "creation_record": [{"mutated_by": "terraform@example.com"}],
    "deletion_policy": "DELETE",
    "id": "projects/orders-prod/alertPolicies/1234567890",
    "name": "projects/orders-prod/alertPolicies/1234567890",
    "timeouts": None,
}
_UNKNOWN = {
    "creation_record": True,
    "id": True,
    "name": True,
    "conditions": [{"name": True}],
}


def policy(**changed: Any) -> Json:
    """Return the values of a policy that alerts on a failed stream, with some replaced.

    ``query`` and ``duration`` are those of its condition, and ``content`` that of its
    text.
    """
    metric = {
        "alert_rule": "",
        "disable_metric_validation": True,
        "duration": changed.pop("duration", "60s"),
        "evaluation_interval": "30s",
        "labels": None,
        "query": changed.pop("query", QUERY),
    }
    text = {"content": changed.pop("content", "A stream failed."), "subject": "Failed"}
    return {
        "alert_strategy": [{"auto_close": "86400s", "notification_rate_limit": []}],
        "combiner": "OR",
        "conditions": [condition(condition_prometheus_query_language=[metric])],
        "display_name": "Stream failed",
        "documentation": [text],
        "enabled": True,
        "notification_channels": [CHANNEL],
        "project": "orders-prod",
        "severity": "CRITICAL",
        "user_labels": {"policy": "failed"},
        **changed,
    }


def condition(**kind: Any) -> Json:
    """Return a condition of a type."""
    none: Json = {"condition_absent": [], "condition_threshold": []}
    return {**none, "display_name": "State is FAILED", "name": "", **kind}


def on_log(wanted: str, **extractors: str) -> Json:
    """Return a condition on log entries."""
    return condition(
        condition_matched_log=[{"filter": wanted, "label_extractors": extractors}]
    )


def change(
    *actions: str,
    before: Json | None = None,
    after: Json | None = None,
    sensitive: Any = False,
    address: str = ADDRESS,
    **marks: Any,
) -> Json:
    """Return a resource change: Terraform's actions, and values before and after.

    ``sensitive`` marks fields before and after; ``marks`` are fields that are known
    after apply.
    """
    is_new = "create" in actions
    computed: Json = {} if is_new else _COMPUTED
    unknown: Json = _UNKNOWN if is_new else {}
    full_name = address.rpartition("google_monitoring_alert_policy.")[2]
    name, _, index = full_name.partition("[")
    found: Json = {
        "address": address,
        "mode": "managed",
        "type": "google_monitoring_alert_policy",
        "name": name,
        "change": {
            "actions": list(actions),
            "before": before and _COMPUTED | before,
            "after": after and computed | after,
            "after_unknown": unknown | marks,
            "before_sensitive": sensitive,
            "after_sensitive": sensitive,
        },
    }
    if index:
        found["index"] = json.loads(index.removesuffix("]"))
    return found


def plan(*changes: Json, **more: Any) -> Json:
    """Return a plan with changes of policies and of an unrelated bucket."""
    bucket = {
        "address": "google_storage_bucket.other",
        "mode": "managed",
        "type": "google_storage_bucket",
        "name": "other",
        "change": {"actions": ["create"], "before": None, "after": {"name": "other"}},
    }
    values = {"planned_values": {}, "resource_changes": [bucket, *changes]}
    return {"format_version": "1.2", **values, **more}


def exporter(before: str, after: str, **marks: Any) -> Json:
    """Return the change of a function with these texts of config; empty for none."""
    sides: Json = dict.fromkeys(("before", "after"))
    for side, text in zip(sides, (before, after), strict=True):
        variables = {"DATASTREAM_EXPORTER_CONFIG": text}
        if text:
            sides[side] = {"service_config": [{"environment_variables": variables}]}
    return {
        "address": "google_cloudfunctions2_function.exporter",
        "mode": "managed",
        "type": "google_cloudfunctions2_function",
        "change": {"actions": ["update"], **sides, **marks},
    }


def planned(*changes: Json, **more: Any) -> Plan:
    """Return a plan as the review reads it."""
    return parse_plan(json.dumps(plan(*changes, **more)).encode(), "plan.json")


def created(**changed: Any) -> Json:
    """Return the change of a new policy."""
    return change("create", after=policy(**changed))
