"""Converts a policy in a Terraform plan to the API's form.

A plan keeps what is unknown or sensitive in trees of the same shape as the values:
https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

import itertools
import json
from typing import Any, TypeAlias

from pydantic.alias_generators import to_camel

from lab.policies import promql

Json: TypeAlias = dict[str, Any]

SENSITIVE = "(sensitive value)"
# Placeholders for values that can't be shown, as in Terraform's own plans
UNKNOWN = "(known after apply)"
# Blocks that the API has as lists. The provider represents every block as a list
_LISTS = {
    "aggregations",
    "conditions",
    "denominator_aggregations",
    "links",
    "notification_channel_strategy",
}
# Maps whose keys are the user's own
_USER_KEYS = {"user_labels", "label_extractors", "labels"}
# Set by Cloud Monitoring or the provider, or meaningful to Terraform only
_COMPUTED = {"creation_record", "deletion_policy", "id", "name", "timeouts"}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def with_unknown(value: Any, unknown: Any) -> Any:
    """Return a value with placeholders for what is known only after apply."""
    match unknown, value:
        case True, _:
            return UNKNOWN
        case dict(), dict() | None:
            found = dict(value or {})
            for key, mark in unknown.items():
                found[key] = with_unknown(found.get(key), mark)
            return found
        case list(), list() | None:
            pairs = itertools.zip_longest(value or (), unknown)
            return [with_unknown(item, mark) for item, mark in pairs]
    return value


def without_sensitive(values: Json, change: Json, side: str) -> Json:
    """Return a side of a change with a placeholder for what is sensitive in any part.

    The placeholder says if the value differs from the one before the change.
    """
    sensitive = change.get(f"{side}_sensitive")
    before = change["before"] or {}
    shown = dict(values)
    for key, value in values.items():
        mark = sensitive.get(key) if isinstance(sensitive, dict) else sensitive
        if value not in _EMPTY and "true" in json.dumps(mark):
            same = before.get(key) in (None, value)
            shown[key] = SENSITIVE if same else f"{SENSITIVE}, changed"
    return shown


def api_form(value: Any) -> Any:
    """Return a provider's value as the API has it, without empty or computed parts."""
    if isinstance(value, list):
        return [api_form(item) for item in value]
    if isinstance(value, str):
        # YAML shows a text line by line only if no line ends in white space.
        return "\n".join(line.rstrip() for line in value.rstrip().split("\n"))
    if not isinstance(value, dict):
        return value
    found = {}
    for key, inner in value.items():
        converted = inner if key in _USER_KEYS else api_form(inner)
        match inner:
            case [dict()] if key not in _LISTS:
                converted = converted[0]
        if key == "query":
            # Terraform has it on one line, in which nobody sees what differs.
            converted = promql.pretty(converted)
        if key not in _COMPUTED and converted not in _EMPTY:
            found[to_camel(key)] = converted
    return found
