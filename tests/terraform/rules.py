"""What the provider's own code, and Google behind it, refuse or write in another way.

No schema tells these. Each was seen with the real provider, or stands on the page that its comment
names; only what concerns the resources of terraform/ is here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from tests.terraform.values import UNKNOWN, Object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.terraform.world import World


class Refusal(NamedTuple):
    """An error as a provider answers it."""

    summary: str
    detail: str = ""
    argument: str = ""
    """The argument that it is about, where there is one."""


def invalid(kind: str, config: Object) -> Iterator[Refusal]:
    """Yield what the provider itself refuses in a configuration, before any plan."""
    match kind:
        case "google_monitoring_notification_channel":
            # One of the ways to give a secret, whenever the block is there: on each plan, apply and
            # destroy. Terraform keeps no write-only value that could stand in.
            for labels in _blocks(config, "sensitive_labels"):
                secrets = ("auth_token", "auth_token_wo", "password", "password_wo")
                if all(labels.get(name) is None for name in secrets):
                    yield Refusal(
                        "Invalid combination of arguments",
                        "sensitive_labels: one of auth_token, auth_token_wo, password, "
                        "password_wo, … must be specified.",
                        "sensitive_labels",
                    )
        case "google_service_account":
            # https://cloud.google.com/iam/docs/service-accounts-create
            yield from _unlike(config, "account_id", r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")
        case "google_project_iam_custom_role":
            # https://cloud.google.com/iam/docs/creating-custom-roles
            yield from _unlike(config, "role_id", r"[a-zA-Z0-9_.]{3,64}")
        case "google_monitoring_dashboard":
            text = config.get("dashboard_json")
            if isinstance(text, str) and not _is_json(text):
                yield Refusal(
                    '"dashboard_json" contains an invalid JSON', text[:80], "dashboard_json"
                )


def refused(kind: str, planned: Object) -> Iterator[Refusal]:
    """Yield what Google refuses to make or change at an apply."""
    match kind:
        case "google_monitoring_alert_policy":
            yield from _refused_policy(planned)
        case "google_monitoring_dashboard":
            try:
                _parsed_dashboard(planned["dashboard_json"])
            except json_format.ParseError as error:
                yield Refusal("Error creating Dashboard: googleapi: Error 400", str(error))
        case "google_cloud_run_v2_job":
            containers = planned["template"][0]["template"][0]["containers"]
            yield from _refused_containers(containers, least_mebibytes=512)
        case "google_cloud_run_v2_worker_pool":
            yield from _refused_containers(planned["template"][0]["containers"])


def undeletable(kind: str, prior: Object) -> Iterator[Refusal]:
    """Yield why the provider does not delete a resource."""
    # deletion_protection is true where nothing is set, and what the state says counts: an apply
    # with false comes first.
    protected = ("google_cloud_run_v2_job", "google_cloud_run_v2_worker_pool")
    if kind in protected and prior.get("deletion_protection") is not False:
        yield Refusal(
            f"cannot destroy {kind} without setting deletion_protection=false "
            "and running `terraform apply`"
        )


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


def _blocks(values: Object, name: str) -> list[Object]:
    found = values.get(name)
    return [each for each in found if each is not UNKNOWN] if isinstance(found, list) else []


def _unlike(config: Object, argument: str, form: str) -> Iterator[Refusal]:
    value = config.get(argument)
    if isinstance(value, str) and not re.fullmatch(form, value):
        yield Refusal(f'"{argument}" ("{value}") doesn\'t match regexp "{form}"', "", argument)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _refused_policy(planned: Object) -> Iterator[Refusal]:
    conditions = planned["conditions"]
    queries = [
        query for each in conditions for query in each["condition_prometheus_query_language"]
    ]
    # https://cloud.google.com/monitoring/promql/promql-in-alerting
    if queries and len(conditions) > 1:
        yield Refusal(
            "Error creating AlertPolicy: googleapi: Error 400",
            "An alert policy with a PromQL condition can only have a single condition.",
        )
    for query in queries:
        # A metric can be unknown to policies for ten minutes after its descriptor was made.
        if query["disable_metric_validation"] is not True:
            yield Refusal(
                "Error creating AlertPolicy: googleapi: Error 404",
                "Cannot find the metrics of a PromQL query: disable_metric_validation is not true.",
            )
        yield from _refused_duration(query["duration"])
        yield from _refused_duration(query["evaluation_interval"])
    for strategy in planned["alert_strategy"]:
        yield from _refused_duration(strategy["auto_close"])
        for limit in strategy["notification_rate_limit"]:
            yield from _refused_duration(limit["period"])
        for channels in strategy["notification_channel_strategy"]:
            yield from _refused_duration(channels["renotify_interval"])


def _refused_duration(text: str | None) -> Iterator[Refusal]:
    if text is not None and _duration(text) is None:
        yield Refusal(
            "Error creating AlertPolicy: googleapi: Error 400",
            f'"{text}" is no duration: seconds with an s at their end, such as "60s".',
        )


def _duration(text: str | None) -> str | None:
    """Return a duration as Google writes it; None where it is none."""
    duration = Duration()
    try:
        duration.FromJsonString(text or "")
    except ValueError:
        return None
    return duration.ToJsonString()


def _refused_containers(containers: list[Object], least_mebibytes: float = 0) -> Iterator[Refusal]:
    for container in containers:
        host = container["image"].split("/")[0]
        # https://cloud.google.com/run/docs/deploying#images: a name without a host, and docker.io,
        # are Docker Hub's.
        named = "/" in container["image"] and ("." in host or ":" in host)
        if named and not re.fullmatch(r"docker\.io|(.+\.)?gcr\.io|.+\.pkg\.dev", host):
            yield Refusal(
                "Error creating: googleapi: Error 400",
                f"Cloud Run takes no image from {host}: Artifact Registry and Docker Hub alone.",
            )
        for resources in container["resources"]:
            memory = (resources["limits"] or {}).get("memory")
            if memory and _mebibytes(memory) < least_mebibytes:
                yield Refusal(
                    "Error creating Job: googleapi: Error 400",
                    f"Memory of {memory}: a job has {least_mebibytes:.0f}Mi at least.",
                )


def _mebibytes(memory: str) -> float:
    found = re.fullmatch(r"([0-9.]+)(Ki|Mi|Gi|K|M|G)?", memory)
    if not found:
        return 0
    units = {None: 1, "K": 1e3, "Ki": 2**10, "M": 1e6, "Mi": 2**20, "G": 1e9, "Gi": 2**30}
    return float(found[1]) * units[found[2]] / 2**20


def _stored_policy(values: Object) -> Object:
    def query(given: Object) -> Object:
        return {
            **given,
            "duration": _duration(given["duration"]),
            # Where nothing is given, what Google takes comes back.
            "evaluation_interval": _duration(given["evaluation_interval"]) or "30s",
        }

    def strategy(given: Object) -> Object:
        return {
            **given,
            "auto_close": _duration(given["auto_close"]),
            "notification_rate_limit": [
                {**each, "period": _duration(each["period"])}
                for each in given["notification_rate_limit"]
            ],
            "notification_channel_strategy": [
                {**each, "renotify_interval": _duration(each["renotify_interval"])}
                for each in given["notification_channel_strategy"]
            ],
        }

    return {
        **values,
        "conditions": [
            {
                **condition,
                "condition_prometheus_query_language": [
                    query(each) for each in condition["condition_prometheus_query_language"]
                ],
            }
            for condition in values["conditions"]
        ],
        # An empty strategy is none.
        "alert_strategy": [
            strategy(each) for each in values["alert_strategy"] if any(each.values())
        ],
    }


def _stored_dashboard(values: Object) -> Object:
    # Google stores a proto: what is not set, or zero, is left out of its JSON, and numbers of 64
    # bits are strings in it.
    parsed = _parsed_dashboard(values["dashboard_json"])
    written = json_format.MessageToDict(parsed)
    return {**values, "dashboard_json": json.dumps({**written, "etag": "0"})}


def _parsed_dashboard(text: str) -> Any:
    return json_format.Parse(text, Dashboard.pb()())


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


def unread(kind: str, config: Object, world: World) -> Iterator[Refusal]:
    """Yield why a data source cannot be read, whatever it asks for."""
    if kind == "google_monitoring_notification_channel":
        project = config.get("project")
        if f"{project}/monitoring.googleapis.com" in world.disabled:
            yield Refusal(
                "Error retrieving NotificationChannels: googleapi: Error 403",
                f"Cloud Monitoring API has not been used in project {project} before or it is "
                "disabled.",
            )
