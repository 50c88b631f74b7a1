"""What the provider's own code, and Google's APIs behind it, reject.

A schema doesn't have these rules. Each was seen with the real provider, or is documented on the
page that its comment names. Only rules for the module's resources are here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from google.protobuf import json_format

from tests.terraform.cty_values import UNKNOWN, Object
from tests.terraform.normalization import durations, normalized_duration, parse_dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.provider_schema import Block

_MEBIBYTES = {
    "Ki": 2**-10,
    "Mi": 1,
    "Gi": 2**10,
    "k": 1e3 / 2**20,
    "M": 1e6 / 2**20,
    "G": 1e9 / 2**20,
}


def config_errors(kind: str, block: Block, config: Object) -> Iterator[str]:
    """Yield what the provider rejects in a configuration, before any plan."""
    for name, attribute in block.attributes.items():
        if config[name] is not None and not attribute.flags & {"optional", "required"}:
            yield f'Can\'t configure a value for "{name}": its value is decided automatically.'
    match kind:
        case "google_monitoring_notification_channel":
            # Needed for every plan, apply and destroy: Terraform stores no write-only value.
            for labels in config["sensitive_labels"]:
                if labels["auth_token_wo"] is None:
                    yield "Invalid combination of arguments: sensitive_labels has no auth_token_wo."
        case "google_service_account":
            # https://cloud.google.com/iam/docs/service-accounts-create
            yield from _mismatch(config, "account_id", r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
        case "google_project_iam_custom_role":
            # https://cloud.google.com/iam/docs/creating-custom-roles
            yield from _mismatch(config, "role_id", r"[a-zA-Z0-9_.]{3,64}")


def api_errors(kind: str, planned: Object) -> Iterator[str]:
    """Yield what Google rejects when a resource is created or changed."""
    match kind:
        case "google_monitoring_alert_policy":
            yield from _policy_errors(planned)
        case "google_monitoring_dashboard":
            try:
                parse_dashboard(planned["dashboard_json"])
            except json_format.ParseError as error:
                yield f"Error 400: {error}"
        case "google_cloud_run_v2_job":
            containers = planned["template"][0]["template"][0]["containers"]
            yield from _container_errors(containers, min_mebibytes=512)
        case "google_cloud_run_v2_worker_pool":
            yield from _container_errors(planned["template"][0]["containers"])
        case "google_cloudfunctions2_function":
            yield from _function_errors(planned)
        case "google_pubsub_subscription":
            yield from _subscription_errors(planned)


def undeletable(kind: str, prior: Object) -> Iterator[str]:
    """Yield why the provider doesn't delete a resource."""
    # The state's value counts, so an apply with false must come first. The default is true.
    if prior.get("deletion_policy") == "PREVENT":
        yield f"Cannot destroy {kind} with deletion_policy PREVENT."
    protected = ("google_cloud_run_v2_job", "google_cloud_run_v2_worker_pool")
    if kind in protected and prior["deletion_protection"] is not False:
        yield f"Cannot destroy {kind} without setting deletion_protection=false and applying it."


def _mismatch(config: Object, argument: str, pattern: str) -> Iterator[str]:
    value = config[argument]
    if value is not UNKNOWN and not re.fullmatch(pattern, value or ""):
        yield f'"{argument}" ("{value}") doesn\'t match regexp "{pattern}"'


def _policy_errors(planned: Object) -> Iterator[str]:
    conditions = planned["conditions"]
    queries = [
        query for each in conditions for query in each["condition_prometheus_query_language"]
    ]
    # https://cloud.google.com/monitoring/promql/promql-in-alerting
    if queries and len(conditions) > 1:
        yield "Error 400: a policy with a PromQL condition can only have a single condition."
    # A new metric can be unknown to policies for ten minutes.
    if not all(query["disable_metric_validation"] for query in queries):
        yield "Error 404: Cannot find the metrics of the query; disable_metric_validation is off."
    for text in durations(planned):
        if normalized_duration(text) is None:
            yield f'Error 400: "{text}" is not a duration such as "60s".'


def _function_errors(planned: Object) -> Iterator[str]:
    (build,), (service,) = planned["build_config"], planned["service_config"]
    if not re.fullmatch(r"projects/[^/]+/serviceAccounts/[^/]+", build["service_account"] or ""):
        yield f"Error 400: {build['service_account']} isn't the name of a service account."
    # https://cloud.google.com/run/docs/configuring/services/cpu
    if float(service["available_cpu"]) < 1 < service["max_instance_request_concurrency"]:
        yield "Error 400: with less than 1 CPU, concurrency must be 1."


def _subscription_errors(planned: Object) -> Iterator[str]:
    """https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions."""
    (retry,) = planned["retry_policy"]
    durations_in_bounds = (
        (planned["message_retention_duration"], 600, 31 * 86400),
        (f"{planned['ack_deadline_seconds']}s", 10, 600),
        (retry["minimum_backoff"], 0, 600),
        (retry["maximum_backoff"], 0, 600),
    )
    for text, least, most in durations_in_bounds:
        if not least <= int(text.removesuffix("s")) <= most:
            yield f"Error 400: {text} is not between {least}s and {most}s."
    account = planned["push_config"][0]["oidc_token"][0]["service_account_email"]
    if not account.endswith(f"@{planned['project']}.iam.gserviceaccount.com"):
        yield f"Error 400: {account} is not an account of {planned['project']}."


def _container_errors(containers: list[Object], min_mebibytes: float = 0) -> Iterator[str]:
    for container in containers:
        host = container["image"].split("/")[0]
        # https://cloud.google.com/run/docs/deploying#images: without a host, it is on Docker Hub.
        has_host = "/" in container["image"] and ("." in host or ":" in host)
        if has_host and not re.fullmatch(r"docker\.io|(.+\.)?gcr\.io|.+\.pkg\.dev", host):
            yield f"Error 400: Cloud Run doesn't pull images from {host}."
        for resources in container["resources"]:
            memory = (resources["limits"] or {}).get("memory", "")
            match = re.fullmatch(r"([0-9.]+)([KMG]i|[kMG])", memory)
            if match and float(match[1]) * _MEBIBYTES[match[2]] < min_mebibytes:
                yield f"Error 400: {memory} of memory; a job needs at least {min_mebibytes}Mi."
