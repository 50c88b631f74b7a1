"""Plans as ``terraform show -json`` prints them, in the form of the google provider."""

import json
from copy import deepcopy
from typing import Any

from lab.review.plan import Plan, parse_plan
from lab.review.values import Json
from tests.tables import beside

_PARTS = beside(__file__, "plan_json.yaml")
QUERY: str = _PARTS["query"]
CHANNEL: str = _PARTS["channel"]
ADDRESS = "google_monitoring_alert_policy.failed"


def policy(**changed: Any) -> Json:
    """Return the values of a policy that alerts on a failed stream, with some replaced.

    ``query`` and ``duration`` are those of its condition, and ``content`` that of its
    text.
    """
    values: Json = deepcopy(_PARTS["policy"])
    (metric,) = values["conditions"][0]["condition_prometheus_query_language"]
    for name in {"query", "duration"} & changed.keys():
        metric[name] = changed.pop(name)
    if "content" in changed:
        values["documentation"][0]["content"] = changed.pop("content")
    return values | changed


def condition(**kind: Any) -> Json:
    """Return a condition of a type."""
    return {**_PARTS["condition"], **kind}


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
    computed = _PARTS["computed"]
    unknown = {}
    if "create" in actions:
        computed = {}
        unknown = _PARTS["unknown"]
    full_name = address.rpartition("google_monitoring_alert_policy.")[2]
    name, _, index = full_name.partition("[")
    found: Json = {
        "address": address,
        "module_address": address.rpartition(".google_monitoring")[0],
        "mode": "managed",
        "type": "google_monitoring_alert_policy",
        "name": name,
        "change": {
            "actions": list(actions),
            "before": before and _PARTS["computed"] | before,
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
    changed = [_PARTS["bucket"], *changes]
    values = {"planned_values": {}, "resource_changes": changed}
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
