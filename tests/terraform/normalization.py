"""What Google's APIs, and the provider's own code, store differently from what they were given.

Where the stored value differs from the configured one, every plan shows a difference. Each case was
seen with the real provider. Only cases of the module's resources are here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.cty_values import Object

_DURATIONS = ("auto_close", "duration", "evaluation_interval", "period", "renotify_interval")


def stored(kind: str, values: Object) -> Object:
    """Return a resource as the API stores it and the provider reads it."""
    match kind:
        case "google_cloud_scheduler_job":
            targets = [
                {**each, "http_method": each["http_method"] or "POST"}
                for each in values["http_target"]
            ]
            return {**values, "http_target": targets}
        case "google_monitoring_alert_policy":
            new: Object = _normalized_durations(values)
            # An empty strategy is dropped.
            strategy = [each for each in new["alert_strategy"] if any(each.values())]
            return {**new, "alert_strategy": strategy}
        case "google_monitoring_dashboard":
            # The API stores a proto. Its JSON leaves out unset and zero values, and writes 64-bit
            # numbers as strings.
            message = json_format.MessageToDict(parse_dashboard(values["dashboard_json"]))
            return {**values, "dashboard_json": json.dumps({**message, "etag": "0"})}
    return values


def equal(argument: str, prior: Any, proposed: Any) -> bool:
    """Return whether the provider keeps the stored value instead of the proposed one."""
    if argument != "dashboard_json" or not isinstance(proposed, str):
        return False
    # The provider compares the keys of the new JSON only: the API adds a name, an etag and more.
    new = json.loads(proposed)
    return bool(_common(json.loads(prior), new) == new)


def normalized_duration(text: str) -> str | None:
    """Return a duration as the API writes it, such as ``60s``; None for an invalid one."""
    duration = Duration()
    try:
        duration.FromJsonString(text)
    except ValueError:
        return None
    return duration.ToJsonString()


def durations(values: Any) -> Iterator[str]:
    """Yield every duration in a policy."""
    if isinstance(values, list):
        for each in values:
            yield from durations(each)
    elif isinstance(values, dict):
        for name, value in values.items():
            if name in _DURATIONS and value is not None:
                yield value
            yield from durations(value)


def parse_dashboard(text: str) -> Any:
    """Parse a dashboard's JSON into the API's message.

    Raises:
        google.protobuf.json_format.ParseError: A field is unknown or has the wrong type.
    """
    return json_format.Parse(text, Dashboard.pb()())


def _normalized_durations(values: Any) -> Any:
    if isinstance(values, list):
        return [_normalized_durations(each) for each in values]
    if not isinstance(values, dict):
        return values
    new = {
        name: normalized_duration(value)
        if name in _DURATIONS and value
        else _normalized_durations(value)
        for name, value in values.items()
    }
    if "evaluation_interval" in new:
        # The API's default.
        new["evaluation_interval"] = new["evaluation_interval"] or "30s"
    return new


def _common(old: Any, new: Any) -> Any:
    """Return the old value without keys that the new one doesn't have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _common(value, new[key]) for key, value in old.items() if key in new}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_common(a, b) for a, b in zip(old, new, strict=True)]
    return old
