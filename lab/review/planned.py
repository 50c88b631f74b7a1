"""Turns the policies of a plan into policies that scenarios can be played with."""

from pathlib import Path
from typing import NamedTuple

from google.cloud import monitoring_v3
from google.protobuf import json_format

from lab.filters.log_filter import parse_extractor, parse_log_filter
from lab.policies import promql
from lab.policies.deployment import of_no_deployment
from lab.policies.files import Policy
from lab.policies.model import DAY, INTERVAL
from lab.review.values import UNKNOWN, Json

NOBODY = "nobody"  # what a policy notifies that has no channel


class PlannedPolicy(NamedTuple):
    """A policy before or after a plan."""

    # Its values in the API's form, with placeholders for those that are sensitive
    values: Json
    # What decides when it alerts, without its texts; None if the lab can't play it
    policy: Policy | None
    problem: str  # why the lab can't play it; mostly empty

    @property
    def enabled(self) -> bool:
        """Whether it is switched on, as it is where the plan doesn't say."""
        return bool(self.values.get("enabled", True))

    @property
    def severity(self) -> str:
        """Its severity, as the plan has it."""
        return str(self.values.get("severity", "none"))


class PolicyChange(NamedTuple):
    """What a plan does with a policy."""

    # Its key in ``for_each``, else the resource's name, behind its deployment; the
    # address if that is ambiguous
    name: str
    deployment: str  # such as ``dev: ``, where there are several; else empty
    # The name of its policy file behind its deployment: what is one alert in all routes
    alert: str
    route: str  # whose channels it notifies, from the label ``route``
    # What Terraform does with it, such as ``update`` or ``delete and create``
    action: str
    before: PlannedPolicy | None  # the policy now; None if it doesn't exist yet
    # The policy in Cloud Monitoring after apply; None if there is none
    after: PlannedPolicy | None

    @property
    def placement(self) -> str:
        """Its route behind its deployment."""
        return f"{self.deployment}{self.route}"

    @property
    def file(self) -> str:
        """The name of its policy file."""
        return self.alert.removeprefix(self.deployment)

    @property
    def problem(self) -> str:
        """Why the lab can't play one of its sides; mostly empty."""
        sides = (self.after, self.before)
        return next((side.problem for side in sides if side and side.problem), "")


def playable(values: Json, deployment: str, file: str) -> Policy:
    """Return what decides when a policy alerts; ValueError if it can't be played."""
    decides = {
        key: values.get(key) for key in ("enabled", "conditions", "alertStrategy")
    }
    if UNKNOWN in str(decides):
        raise ValueError("what decides when it alerts is known only after apply")
    proto = monitoring_v3.AlertPolicy()
    pb = monitoring_v3.AlertPolicy.pb(proto)
    try:
        json_format.ParseDict(decides, pb)
    except json_format.ParseError as error:
        raise ValueError(f"Cloud Monitoring has no such policy: {error}") from None
    if len(pb.conditions) != 1:
        raise ValueError("it does not have exactly one condition")
    metric = pb.conditions[0].condition_prometheus_query_language
    log = pb.conditions[0].condition_matched_log
    query, interval = None, 0
    if metric.query:
        query = promql.read(metric.query)
        interval = metric.evaluation_interval.seconds or INTERVAL
    elif log.filter:
        parse_log_filter(log.filter)
        for extractor in log.label_extractors.values():
            parse_extractor(extractor)
        # By default: https://cloud.google.com/monitoring/alerts/incidents-events
        auto_close = pb.alert_strategy.auto_close
        auto_close.seconds = auto_close.seconds or 7 * DAY
    else:
        raise ValueError("its condition is neither PromQL nor a log match")
    if interval > DAY or interval % INTERVAL:
        raise ValueError(f"its evaluationInterval is not a multiple of {INTERVAL}s")
    return Policy(
        f"{deployment}{file}",
        Path(file),
        of_no_deployment(metric.query) or None,
        of_no_deployment(log.filter) or None,
        dict(sorted(log.label_extractors.items())),
        metric.duration.seconds,
        interval,
        proto,
        query,
    )


def notified(planned: PlannedPolicy | None) -> str:
    """Return the channels of a policy, or that it has none; empty if there is none."""
    if planned is None or not planned.enabled:
        return ""
    channels = planned.values.get("notificationChannels", [])
    if not isinstance(channels, list):
        channels = [channels]
    return ", ".join(map(str, channels)) or NOBODY
