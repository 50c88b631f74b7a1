"""What the provider's own code, and Google behind it, refuse.

No schema tells these. Each was seen with the real provider, or stands on the page that its comment
names; only what concerns the resources of terraform/ is here.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf import json_format

from tests.terraform.forms import duration, durations, parsed_dashboard
from tests.terraform.values import UNKNOWN, Object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.schema import Block
    from tests.terraform.world import World


class Refusal(NamedTuple):
    """An error as a provider answers it."""

    summary: str
    detail: str = ""
    argument: str = ""
    """The argument that it is about, where there is one."""


def unconfigurable(block: Block, config: Object) -> Iterator[Refusal]:
    """Yield what a configuration sets that can only be read: Terraform itself lets it pass."""
    for name, attribute in block.attributes.items():
        settable = attribute.optional or attribute.required
        if config[name] is not None and not settable:
            yield Refusal(
                "Value for unconfigurable attribute",
                f'Can\'t configure a value for "{name}": its value will be decided automatically.',
                name,
            )


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
                parsed_dashboard(planned["dashboard_json"])
            except json_format.ParseError as error:
                yield Refusal("Error creating Dashboard: googleapi: Error 400", str(error))
        case "google_cloud_run_v2_job":
            containers = planned["template"][0]["template"][0]["containers"]
            yield from _refused_containers(containers, least_mebibytes=512)
        case "google_cloud_run_v2_worker_pool":
            yield from _refused_containers(planned["template"][0]["containers"])


def switched_off(kind: str, values: Object, world: World) -> Iterator[Refusal]:
    """Yield that the API is off which makes or reads something of a type."""
    project = values.get("metrics_scope") or values.get("project")
    prefix = next((each for each in _APIS if kind.startswith(each)), None)
    if prefix and f"{project}/{_APIS[prefix]}" in world.disabled:
        yield Refusal(
            "googleapi: Error 403",
            f"{_APIS[prefix]} has not been used in project {project} before or it is disabled.",
        )


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
    for text in durations(planned):
        if duration(text) is None:
            yield Refusal(
                "Error creating AlertPolicy: googleapi: Error 400",
                f'"{text}" is no duration: seconds with an s at their end, such as "60s".',
            )


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


_APIS = {
    "google_cloud_run_": "run.googleapis.com",
    "google_cloud_scheduler_": "cloudscheduler.googleapis.com",
    "google_monitoring_": "monitoring.googleapis.com",
    "google_project_iam_custom_role": "iam.googleapis.com",
    "google_secret_manager_": "secretmanager.googleapis.com",
    "google_service_account": "iam.googleapis.com",
}
