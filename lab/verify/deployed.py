"""Reads the alert policies as they are deployed, and whom they would tell.

https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from logging import ERROR, INFO, WARNING
from typing import Any, NamedTuple

from google.cloud import monitoring_v3

from exporter.command.findings import Finding
from lab.policies.deployment import canonical
from lab.policies.files import Policy
from lab.verify.target import Target

_PART = "policies"
_CHANNELS = "https://console.cloud.google.com/monitoring/alerting/notifications"
_UNVERIFIED = monitoring_v3.NotificationChannel.VerificationStatus.UNVERIFIED


class DeployedPolicy(NamedTuple):
    """A policy as Cloud Monitoring has it, and the file with its name."""

    file: Policy
    policy: Any  # the AlertPolicy

    @property
    def name(self) -> str:
        """Its name for people: the file's, and its route."""
        route = self.policy.user_labels.get("route")
        return f"{self.file.name} ({route})" if route else self.file.name

    @property
    def promql(self) -> Any:
        """Its condition on metrics, which is empty in a policy on a log."""
        return self.policy.conditions[0].condition_prometheus_query_language

    @property
    def works(self) -> bool:
        """Whether it opens incidents."""
        return self.policy.enabled is not False and not self.policy.validity.code


def deployed_policies(target: Target) -> list[DeployedPolicy]:
    """Return the deployed policies that have a file, by name; raise CallError."""
    files = {policy.name: policy for policy in target.policies}
    service = target.clients.another(monitoring_v3.AlertPolicyServiceClient)
    found = []
    for policy in target.listed(
        service.list_alert_policies,
        "monitoring.alertPolicies.list",
        name=f"projects/{target.project}",
    ):
        file = files.get(policy.user_labels.get("policy", ""))
        if file and policy.conditions:
            found.append(DeployedPolicy(file, policy))
    return sorted(found, key=lambda each: each.name)


def policies(target: Target) -> Iterator[Finding]:
    """Yield what is not deployed, can't alert or differs; raise CallError."""
    deployed = deployed_policies(target)
    names = {each.file.name for each in deployed}
    missing = [file for file in target.policies if file.name not in names]
    if missing:
        text = (
            f"not in projects/{target.project}:"
            f" {', '.join(file.name for file in missing)}. Terraform deploys what is"
            " on and config collects, and a policy on a log where the log is"
        )
        is_critical = "CRITICAL" in [each.severity for each in missing if each.enabled]
        yield Finding(ERROR if is_critical else INFO, _PART, text)
    for each in deployed:
        if texts := ", ".join(_differences(each)):
            text = f"{each.name} differs from its file: {texts}"
            yield Finding(INFO, _PART, text)
        if each.policy.validity.code:
            reason = each.policy.validity.message
            text = f"{each.name} is invalid, so it never alerts. Apply again: {reason}"
            yield Finding(ERROR, _PART, text)
        elif each.file.enabled and not each.works:
            text = f"{each.name} is disabled, so it never alerts"
            yield Finding(WARNING, _PART, text)
    yield from told(target, [each for each in deployed if each.works])


def _differences(each: DeployedPolicy) -> Iterator[str]:
    """Yield how a policy differs from what Terraform makes of its file."""
    file = each.file
    compared: list[tuple[str, object, object]] = [
        ("severity", each.policy.severity.name, file.severity)
    ]
    if file.query:
        promql = each.promql
        window, interval = promql.duration, promql.evaluation_interval
        compared.append(("retest window", window.seconds, file.retest_window))
        compared.append(("interval", interval.seconds, file.interval))
        if canonical(promql.query) != canonical(file.query):
            yield "its query"
    for what, deployed, written in compared:
        if deployed != written:
            yield f"{what} {deployed} instead of {written}"


def told(target: Target, working: list[DeployedPolicy]) -> Iterator[Finding]:
    """Yield which channels are told, and which policies tell none; raise CallError."""
    service = target.clients.another(monitoring_v3.NotificationChannelServiceClient)
    channels = {}
    for channel in target.listed(
        service.list_notification_channels,
        "monitoring.notificationChannels.list",
        name=f"projects/{target.project}",
    ):
        channels[id_of(channel.name)] = channel
    used = {name for each in working for name in each.policy.notification_channels}
    heard = set()
    for name in sorted(used):
        names = [e.name for e in working if name in e.policy.notification_channels]
        channel = channels.get(id_of(name))
        title = f"{channel.display_name} ({channel.type_})" if channel else name
        level, text = INFO, f"policies that notify {title}: {len(names)}"
        if problem := _problem(channel):
            level = ERROR
            text = (
                f"{title} {problem}, so it is not notified of {', '.join(names)}:"
                f" {_CHANNELS}?project={target.project}"
            )
        else:
            heard.update(names)
        yield Finding(level, _PART, text)
    unheard = [each.name for each in working if each.name not in heard]
    if unheard:
        text = f"nobody is notified of {', '.join(unheard)}: set notification_channels"
        yield Finding(ERROR, _PART, text)


def _problem(channel: Any) -> str:
    """Return why a channel tells nobody; empty if it does."""
    if channel is None:
        return "does not exist"
    if channel.enabled is False:
        return "is disabled"
    # Most types need no verification, and have no status.
    if channel.verification_status == _UNVERIFIED:
        return "is not verified"
    return ""


def snoozes(target: Target) -> Iterator[Finding]:
    """Yield which policies are snoozed now; raise CallError."""
    service = target.clients.another(monitoring_v3.SnoozeServiceClient)
    now = datetime.now(UTC)
    active = [
        snooze
        for snooze in target.listed(
            service.list_snoozes,
            "monitoring.snoozes.list",
            parent=f"projects/{target.project}",
        )
        if snooze.interval.start_time <= now < snooze.interval.end_time
    ]
    deployed = deployed_policies(target) if active else []
    for snooze in active:
        ids = set(map(id_of, snooze.criteria.policies))
        for each in deployed:
            if id_of(each.policy.name) in ids:
                end = f"{snooze.interval.end_time:%Y-%m-%dT%H:%M:%SZ}"
                text = f"{each.name} is snoozed until {end}: {snooze.display_name}"
                yield Finding(WARNING, _PART, text)


def id_of(name: str) -> str:
    """Return the end of a name, which has its project's id or its number."""
    return name.rpartition("/")[2]
