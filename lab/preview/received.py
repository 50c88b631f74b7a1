"""Lists the notifications that one person gets in a scenario, in order."""

from collections.abc import Sequence
from typing import NamedTuple

from google.cloud.monitoring_v3 import AlertPolicy

from lab.policies.files import Policy
from lab.preview.notification import Notification, notification
from lab.prove.incidents import Incident
from lab.prove.scenarios import ScenarioResult

OPENED, CLOSED = "opened", "closed"  # an incident of a policy on metrics
MESSAGE, NOT_SENT = "message", "not sent"  # an incident of a policy on a log
# The most that Cloud Monitoring sends a day for a policy on a log. Its notificationRateLimit counts
# too: https://cloud.google.com/monitoring/quotas
MOST_A_DAY = 20


class Received(NamedTuple):
    """A notification."""

    at: float  # seconds after the scenario's start
    kind: str  # opened, closed, message or not sent
    notification: Notification  # its text


def received(result: ScenarioResult, policies: Sequence[Policy]) -> list[Received]:
    """Return what policies notify of in their first evaluation phase, in order."""
    by_time = sorted(result.incidents, key=lambda each: (each.opened, each.about))
    found = []
    for policy in policies:
        strategy = AlertPolicy.pb(policy.proto).alert_strategy
        sent: list[float] = []
        for each in by_time:
            if each.policy != policy.name or each.phase:
                continue
            shown = notification(policy, each.labels, _project(policy, each, result))
            if not policy.is_log:
                found.append(Received(each.opened, OPENED, shown))
                prompts = strategy.notification_prompts
                if each.closed and AlertPolicy.AlertStrategy.NotificationPrompt.CLOSED in prompts:
                    found.append(Received(each.closed, CLOSED, shown))
                continue
            apart = strategy.notification_rate_limit.period.seconds
            too_soon = sent and each.opened - sent[-1] < apart
            if too_soon or len(sent) >= MOST_A_DAY:
                found.append(Received(each.opened, NOT_SENT, shown))
            else:
                sent.append(each.opened)
                found.append(Received(each.opened, MESSAGE, shown))
    return sorted(found, key=lambda each: each.at)


def _project(policy: Policy, incident: Incident, result: ScenarioResult) -> str:
    """Return the project that a policy lives in: that of the metrics, or of the log."""
    if policy.is_log and "project" not in incident.labels:
        return incident.about.split("/")[1]
    return incident.labels.get("project_id") or result.scenario.configs[0].metrics.project
