"""What Google, and the provider's own code, write in another way than it was given.

No schema tells it. Each was seen with the real provider; only what concerns the resources of
terraform/ is here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.terraform.values import Object


def stored(kind: str, values: Object) -> Object:
    """Return a resource as Google has it, and the provider reads it.

    Where this is not what was given, each plan shows a difference that no apply ends.
    """
    change = _STORED.get(kind)
    return change(values) if change else values


def unchanged(kind: str, argument: str, prior: Any, planned: Any) -> bool:
    """Tell whether the provider takes a new value for the one that is there."""
    if kind != "google_monitoring_dashboard" or argument != "dashboard_json":
        return False
    if not (isinstance(prior, str) and isinstance(planned, str)):
        return False
    # It looks at keys of the new text alone: Google adds a name, an etag, …
    new = json.loads(planned)
    return bool(_common(json.loads(prior), new) == new)


def duration(text: str) -> str | None:
    """Return a duration as Google writes it, ``60s``; None where the text is none."""
    parsed = Duration()
    try:
        parsed.FromJsonString(text)
    except ValueError:
        return None
    return parsed.ToJsonString()


def durations(values: Any) -> Iterator[str]:
    """Yield the durations in a policy's values."""
    if isinstance(values, list):
        for each in values:
            yield from durations(each)
    elif isinstance(values, dict):
        for name, value in values.items():
            if name in _DURATIONS and value is not None:
                yield value
            yield from durations(value)


def parsed_dashboard(text: str) -> Any:
    """Return a dashboard's JSON as Google's own proto.

    Raises:
        google.protobuf.json_format.ParseError: It is none.
    """
    return json_format.Parse(text, Dashboard.pb()())


_DURATIONS = ("auto_close", "duration", "evaluation_interval", "period", "renotify_interval")


def _stored_policy(values: Object) -> Object:
    new = {name: _with_durations(value) for name, value in values.items()}
    # An empty strategy is none.
    new["alert_strategy"] = [each for each in new["alert_strategy"] if any(each.values())]
    return new


def _with_durations(values: Any) -> Any:
    if isinstance(values, list):
        return [_with_durations(each) for each in values]
    if not isinstance(values, dict):
        return values
    new = {
        name: duration(value) if name in _DURATIONS and value else _with_durations(value)
        for name, value in values.items()
    }
    if "evaluation_interval" in new:
        # Where nothing is given, what Google takes comes back.
        new["evaluation_interval"] = new["evaluation_interval"] or "30s"
    return new


def _stored_dashboard(values: Object) -> Object:
    # Google stores a proto: what is not set, or zero, is left out of its JSON, and numbers of 64
    # bits are strings in it.
    parsed = parsed_dashboard(values["dashboard_json"])
    written = json_format.MessageToDict(parsed)
    return {**values, "dashboard_json": json.dumps({**written, "etag": "0"})}


def _stored_schedule(values: Object) -> Object:
    return {
        **values,
        # Google's own default, where none is given.
        "http_target": [
            {**each, "http_method": each["http_method"] or "POST"} for each in values["http_target"]
        ],
        # A retry_config that says no more than this is never sent.
        **(
            {"retry_config": []}
            if [_said(each) for each in values.get("retry_config", [])] == [{"retry_count": 0}]
            else {}
        ),
    }


def _said(values: Object) -> Object:
    return {name: value for name, value in values.items() if value is not None}


_STORED: dict[str, Callable[[Object], Object]] = {
    "google_cloud_scheduler_job": _stored_schedule,
    "google_monitoring_alert_policy": _stored_policy,
    "google_monitoring_dashboard": _stored_dashboard,
}


def _common(old: Any, new: Any) -> Any:
    """Return the old value without the keys that the new one does not have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _common(value, new[key]) for key, value in old.items() if key in new}
    if isinstance(old, list) and isinstance(new, list):
        tail = old[len(new) :]
        return [_common(a, b) for a, b in zip(old, new, strict=False)] + tail
    return old
