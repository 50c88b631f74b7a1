"""What decides when a planned policy alerts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from google.cloud import monitoring_v3
from google.protobuf.duration_pb2 import Duration

from lab.filters.log_filter import parse_extractor, parse_log_filter
from lab.policies.files import HeaderComment, Policy
from lab.policies.model import DAY, INTERVAL
from lab.simulate.scenario import Deployment

if TYPE_CHECKING:
    from lab.review.values import PolicyValues

JOB = str(Deployment.model_fields["job"].default)
"""The name of the exporter's job or function in the scenarios."""

_PROMQL = "condition_prometheus_query_language"
_LOG = "condition_matched_log"
_DEFAULT_AUTO_CLOSE = 7 * DAY
"""Seconds. https://cloud.google.com/monitoring/alerts/incidents-events"""
_JOB_NAME = re.compile(r'\b((?:service|job|worker_pool)_name=)"[^"\\]*"')


class UnsupportedTriggerError(Exception):
    """The scenarios cannot show when a policy alerts; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What decides when a policy alerts.

    Attributes:
        query: The PromQL query; None for a policy on logs.
        filter: The filter on log entries; None for a policy on metrics.
        extractors: The label extractors of a policy on logs.
        retest_window: Seconds.
        interval: Seconds between evaluations; 0 for a policy on logs.
        auto_close: Seconds without a further log entry after which an incident closes.
        sensitive: Whether the query or filter must not be shown.
    """

    query: str | None = None
    filter: str | None = None
    extractors: tuple[tuple[str, str], ...] = ()
    retest_window: int = 0
    interval: int = 0
    auto_close: int = 0
    sensitive: bool = field(default=False, compare=False)

    def as_policy(self, name: str, *, enabled: bool = True) -> Policy:
        """Return a policy with this trigger and no texts."""
        proto = monitoring_v3.AlertPolicy(enabled=enabled)
        strategy = monitoring_v3.AlertPolicy.pb(proto).alert_strategy
        strategy.auto_close.CopyFrom(Duration(seconds=self.auto_close))
        return Policy(
            name=name,
            path=Path(name),
            display_name=name,
            severity="",
            query=self.query,
            filter=self.filter,
            extractors=dict(self.extractors),
            retest_window=self.retest_window,
            interval=self.interval,
            threshold=None,
            yields_to=None,
            subject="",
            content="",
            links=(),
            header=HeaderComment(),
            parsed_query=None,
            proto=proto,
        )


def trigger_of(values: PolicyValues | None) -> Trigger | None:
    """Return the trigger of a policy; None if it does not exist or is disabled.

    Raises:
        UnsupportedTriggerError: The scenarios cannot show when it alerts.
    """
    if values is None or values.get("enabled").value is False:
        return None
    return trigger_if_enabled(values)


def trigger_if_enabled(values: PolicyValues) -> Trigger:
    """Return the trigger that a policy has when it is enabled.

    Raises:
        UnsupportedTriggerError: The scenarios cannot show when it alerts.
    """
    if values.get("enabled").unknown or values.get("conditions").unknown:
        raise UnsupportedTriggerError("its condition is known only after apply")
    conditions = values.conditions()
    if len(conditions) != 1:
        raise UnsupportedTriggerError("it does not have exactly one condition")
    (condition,) = conditions
    types = values.condition_types(condition)
    if types == (_PROMQL,):
        return _metric_trigger(values, f"{condition}.{_PROMQL}")
    if types == (_LOG,):
        return _log_trigger(values, f"{condition}.{_LOG}")
    raise UnsupportedTriggerError("its condition is neither PromQL nor a log match")


def _metric_trigger(values: PolicyValues, path: str) -> Trigger:
    query = values.get(f"{path}.query")
    if not isinstance(query.value, str):
        raise UnsupportedTriggerError("its query is known only after apply")
    interval = _seconds(values, f"{path}.evaluation_interval", INTERVAL)
    if not 0 < interval <= DAY or interval % INTERVAL:
        raise UnsupportedTriggerError(f"its evaluation_interval is not a multiple of {INTERVAL}s")
    return Trigger(
        query=_with_usual_name(query.value.rstrip()),
        retest_window=_seconds(values, f"{path}.duration", 0),
        interval=interval,
        sensitive=query.sensitive,
    )


def _log_trigger(values: PolicyValues, path: str) -> Trigger:
    wanted = values.get(f"{path}.filter")
    labels = values.below(f"{path}.label_extractors")
    extractors = {key: label.value for key, label in labels.items() if isinstance(label.value, str)}
    if not isinstance(wanted.value, str) or len(extractors) < len(labels):
        raise UnsupportedTriggerError("its filter or a label is known only after apply")
    sensitive = wanted.sensitive or any(label.sensitive for label in labels.values())
    try:
        parse_log_filter(wanted.value.rstrip())
        for extractor in extractors.values():
            parse_extractor(extractor)
    except ValueError as error:
        hidden = "its filter or a label extractor is sensitive and not supported here"
        raise UnsupportedTriggerError(hidden if sensitive else str(error)) from None
    return Trigger(
        filter=_with_usual_name(wanted.value.rstrip()),
        extractors=tuple(extractors.items()),
        auto_close=_seconds(values, "alert_strategy.auto_close", _DEFAULT_AUTO_CLOSE),
        sensitive=sensitive,
    )


def _with_usual_name(text: str) -> str:
    return _JOB_NAME.sub(rf'\1"{JOB}"', text)


def _seconds(values: PolicyValues, path: str, default: int) -> int:
    found, key = values.get(path), path.rpartition(".")[2]
    if found.unknown:
        raise UnsupportedTriggerError(f"its {key} is known only after apply")
    if found.value is None:
        return default
    if found.seconds is None:
        raise UnsupportedTriggerError(f"its {key} is not in whole seconds")
    return found.seconds
