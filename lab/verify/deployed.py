"""Reads the alert policies as they are deployed, and whom they would notify.

https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import filter as matching
from logging import ERROR, INFO, WARNING
from typing import Any, NamedTuple

from google.cloud import monitoring_v3

from exporter.log.summary import name_first
from lab.policies.deployment import IN_EACH_ROUTE, canonical, routed
from lab.policies.files import Policy
from lab.verify.target import Findings, Target

# Labels of a channel that say where it leads; others may hold a token
_ADDRESSES = ("channel_name", "email_address", "number")
# A single service of Google's delivers to these types of channels:
# https://cloud.google.com/monitoring/support/notification-options
_ONE_SERVICE = re.compile("slack|pagerduty|webhook|mobile")
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
    found = []
    for policy in target.alert_policies:
        file = files.get(policy.user_labels.get("policy", ""))
        if file and policy.conditions:
            found.append(DeployedPolicy(file, policy))
    return sorted(found, key=lambda each: each.name)


def policies(target: Target) -> Findings:
    """Yield what is not deployed, can't alert or differs; raise CallError."""
    deployed = deployed_policies(target)
    names = {each.file.name for each in deployed}
    missing = [file for file in target.policies if file.name not in names]
    text = f"all {len(names)} policies are in projects/{target.project}"
    if missing:
        text = (
            f"{len(missing)} of {len(target.policies)} policies are not in"
            f" projects/{target.project}: {', '.join(file.name for file in missing)}."
            " That is right if they are off, or if config doesn't ask for them"
        )
    yield INFO, text
    pages = [each for each in missing if each.enabled and each.severity == "CRITICAL"]
    if pages:
        text = f"CRITICAL, but not there: {', '.join(file.name for file in pages)}"
        yield ERROR, f"{text}. Apply Terraform"
    for each in deployed:
        if texts := ", ".join(_differences(each)):
            yield INFO, f"{each.name} differs from its file: {texts}"
        if each.policy.validity.code:
            text = f"{each.name} is invalid, so it never alerts. Apply again"
            yield ERROR, f"{text}: {each.policy.validity.message}"
        elif each.file.enabled and not each.works:
            yield WARNING, f"{each.name} is disabled, so it never alerts"
    yield from channels(target, [each for each in deployed if each.works])
    yield from _unmatched(target, deployed)


def _differences(each: DeployedPolicy) -> Iterator[str]:
    """Yield how a policy differs from what Terraform makes of its file."""
    file, severity = each.file, each.policy.severity.name
    if severity != file.severity:
        yield f"severity {severity} instead of {file.severity}"
    if file.query:
        window = each.promql.duration.seconds
        if window != file.retest_window:
            yield f"retest window {window} instead of {file.retest_window}"
        interval = each.promql.evaluation_interval.seconds
        if interval != file.interval:
            yield f"interval {interval} instead of {file.interval}"
        if canonical(each.promql.query) != canonical(file.query):
            yield "its query"


def channels(target: Target, working: list[DeployedPolicy]) -> Findings:
    """Yield what each channel is notified of, and what none is; raise CallError."""
    listed = target.listed(
        monitoring_v3.NotificationChannelServiceClient,
        "list_notification_channels",
        "monitoring.notificationChannels.list",
    )
    known = {id_of(channel.name): channel for channel in listed}
    used = {name for each in working for name in each.policy.notification_channels}
    notifying: set[str] = set()
    apart: set[str] = set()  # also notified by another service
    for name in sorted(used):
        names = [e.name for e in working if name in e.policy.notification_channels]
        channel: Any = known.get(id_of(name))
        title = name
        if channel:
            about = [channel.type_, *map(channel.labels.get, _ADDRESSES)]
            title = f"{channel.display_name} ({', '.join(filter(None, about))})"
        if problem := _problem(channel):
            text = (
                f"{title} {problem}, so it is not notified of {', '.join(names)}:"
                " https://console.cloud.google.com/monitoring/alerting/notifications"
                f"?project={target.project}"
            )
            yield ERROR, text
            continue
        notifying.update(names)
        if not _ONE_SERVICE.search(channel.type_):
            apart.update(names)
        yield INFO, f"{title} is notified of {name_first(names)}"
    # A list of WARNING may be empty on purpose.
    for level, severities in ((ERROR, ["CRITICAL", "ERROR"]), (WARNING, ["WARNING"])):
        of_these = [each.name for each in working if each.file.severity in severities]
        if silent := ", ".join(name for name in of_these if name not in notifying):
            yield level, f"nobody is notified of {silent}: set notification_channels"
    critical = {each.name for each in working if each.file.severity == "CRITICAL"}
    if alone := critical & notifying - apart:
        text = (
            f"{', '.join(sorted(alone))} notify by Slack, PagerDuty, webhooks or the"
            " mobile app alone. A single service of Google's delivers all of these: add"
            " a channel of e-mail, SMS or Pub/Sub"
        )
        yield WARNING, text


def _unmatched(target: Target, deployed: list[DeployedPolicy]) -> Findings:
    """Yield the routes' globs that match no stream; raise CallError."""
    routes: dict[str, str] = {}
    for each in deployed:
        if each.file.name == IN_EACH_ROUTE:
            # The others leave out what a route reads; a quiet one has no policy.
            for glob in routed(each.promql.query, "stream_id", "!~"):
                routes.setdefault(glob, "a quiet route")
            for glob in routed(each.promql.query, "stream_id", "=~"):
                routes[glob] = f"route {each.policy.user_labels.get('route')}"
    if not routes:
        return
    found = target.query(target.own("stream/last_seen", "1d"))
    ids = [each.labels["stream_id"] for each in found]
    for glob, route in sorted(routes.items()):
        if not matching(ids, glob):
            yield WARNING, f'"{glob}" of {route} matches no stream of the last day'


def _problem(channel: Any) -> str:
    """Return why a channel notifies nobody; empty if it works."""
    if channel is None:
        return "does not exist"
    if channel.enabled is False:
        return "is disabled"
    # Most types need no verification, and have no status.
    if channel.verification_status == _UNVERIFIED:
        return "is not verified"
    return ""


def snoozes(target: Target) -> Findings:
    """Yield which policies are snoozed now; raise CallError."""
    now = datetime.now(UTC)
    listed = target.listed(
        monitoring_v3.SnoozeServiceClient,
        "list_snoozes",
        "monitoring.snoozes.list",
        "parent",
    )
    deployed = deployed_policies(target)
    for snooze in listed:
        if not snooze.interval.start_time <= now < snooze.interval.end_time:
            continue
        ids = set(map(id_of, snooze.criteria.policies))
        for each in deployed:
            if id_of(each.policy.name) in ids:
                end = f"{snooze.interval.end_time:%Y-%m-%dT%H:%M:%SZ}"
                labels = snooze.criteria.filter
                which = f" with {labels}" if labels else ""
                text = f"incidents of {each.name}{which} are snoozed until {end}"
                yield WARNING, f"{text}: {snooze.display_name}"


def id_of(name: str) -> str:
    """Return the end of a name, which has its project's id or its number."""
    return name.rpartition("/")[2]
