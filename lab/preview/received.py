"""Lists the notifications that one person gets in a scenario, in order."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from google.cloud.monitoring_v3 import AlertPolicy

from lab.policies.checks import VALUE
from lab.policies.files import Policy
from lab.preview.notification import Notification, notification
from lab.prove.scenarios import ScenarioResult

OPENED, CLOSED = "opened", "closed"  # an incident of a policy on metrics
MESSAGE, NOT_SENT = "message", "not sent"  # an incident of a policy on a log
# The most that Cloud Monitoring sends a day for a policy on a log. Its
# notificationRateLimit counts too: https://cloud.google.com/monitoring/quotas
MOST_A_DAY = 20


class Received(NamedTuple):
    """A notification."""

    at: float  # seconds after the scenario's start
    kind: str  # opened, closed, message or not sent
    notification: Notification  # its text


def received(result: ScenarioResult, policies: Sequence[Policy]) -> list[Received]:
    """Return what policies notify of in their first evaluation phase, in order."""
    found = []
    for policy in policies:
        strategy = AlertPolicy.pb(policy.proto).alert_strategy
        prompts = strategy.notification_prompts
        closes = AlertPolicy.AlertStrategy.NotificationPrompt.CLOSED in prompts
        apart = strategy.notification_rate_limit.period.seconds
        sent: list[float] = []
        for each in sorted(result.incidents, key=attrgetter("opened", "about")):
            if each.policy != policy.name or each.phase:
                continue
            project = result.scenario.configs[0].metrics.project
            project = each.labels.get("project_id") or project
            if policy.is_log and "project" not in each.labels:
                # It lives in the project of the log.
                project = each.about.split("/")[1]
            shown = notification(policy, {**each.labels, VALUE: each.value}, project)
            is_too_soon = sent and each.opened - sent[-1] < apart
            kind = OPENED
            if policy.is_log and (is_too_soon or len(sent) >= MOST_A_DAY):
                kind = NOT_SENT
            elif policy.is_log:
                kind = MESSAGE
                sent.append(each.opened)
            found.append(Received(each.opened, kind, shown))
            if closes and each.closed:
                found.append(Received(each.closed, CLOSED, shown))
    return sorted(found, key=attrgetter("at"))
