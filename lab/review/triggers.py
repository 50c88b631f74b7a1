"""What decides when a planned policy pages, taken out of its values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from google.cloud import monitoring_v3
from google.protobuf.duration_pb2 import Duration

from lab.filters.log_filter import parse_extractor, parse_log_filter
from lab.policies.files import Policy
from lab.policies.header import Header
from lab.policies.model import DAY, INTERVAL
from lab.review.differences import conditions, kinds
from lab.review.spoken import seconds_of
from lab.simulate.scenario import Deployment

if TYPE_CHECKING:
    from lab.review.plan_values import Values

JOB = str(Deployment.model_fields["job"].default)
"""What the exporter's job is called in the scenarios, whatever its name is elsewhere."""

_METRIC = "condition_prometheus_query_language"
_LOG = "condition_matched_log"
_CLOSES = "alert_strategy.auto_close"
_CLOSES_AFTER = 7 * DAY
"""Cloud Monitoring's own: https://cloud.google.com/monitoring/alerts/incidents-events"""
_LONGEST = DAY
_JOB_NAME = re.compile(r'(?<=\bjob_name=)"[^"\\]*"')


class UnclearError(Exception):
    """The scenarios cannot tell when a policy pages; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What decides when a policy pages.

    Attributes:
        query: The PromQL query; None where log entries page.
        filter: The filter on log entries; None where a query pages.
        extractors: How the labels of a log entry are made.
        hold: Seconds that the query has to find something.
        interval: Seconds from one evaluation to the next.
        closes_after: Seconds without a further entry after which an incident closes.
        hidden: Whether nobody may be shown what it says.
    """

    query: str | None = None
    filter: str | None = None
    extractors: tuple[tuple[str, str], ...] = ()
    retest_window: int = 0
    interval: int = 0
    closes_after: int = 0
    hidden: bool = field(default=False, compare=False)

    def policy(self, name: str) -> Policy:
        """Return a policy that pages so, and says nothing."""
        proto = monitoring_v3.AlertPolicy()
        strategy = monitoring_v3.AlertPolicy.pb(proto).alert_strategy
        strategy.auto_close.CopyFrom(Duration(seconds=self.closes_after))
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
            header=Header("", "", ""),
            parsed_query=None,
            proto=proto,
        )


def trigger(values: Values | None) -> Trigger | None:
    """Return what decides when a policy pages; None where it never does.

    Args:
        values: The policy's; None where there is no policy.

    Raises:
        UnclearError: The scenarios cannot tell.
    """
    if values is None or values.leaf("enabled").value is False:
        return None
    if values.leaf("enabled").unknown or values.leaf("conditions").unknown:
        raise UnclearError("what pages is known after the apply only")
    held = conditions(values)
    if len(held) != 1:
        raise UnclearError("it has not one condition")
    kind = kinds(values, held[0])
    if kind == (_METRIC,):
        return _on_metrics(values, f"{held[0]}.{_METRIC}")
    if kind == (_LOG,):
        return _on_log(values, f"{held[0]}.{_LOG}")
    raise UnclearError("its condition is neither PromQL nor on log entries")


def _on_metrics(values: Values, at: str) -> Trigger:
    query = values.leaf(f"{at}.query")
    if not isinstance(query.value, str):
        raise UnclearError("its query is known after the apply only")
    interval = _seconds(values, f"{at}.evaluation_interval", INTERVAL)
    if not 0 < interval <= _LONGEST or interval % INTERVAL:
        raise UnclearError(f"its evaluation_interval is no multiple of {INTERVAL}s")
    return Trigger(
        query=_JOB_NAME.sub(f'"{JOB}"', query.value.rstrip()),
        retest_window=_seconds(values, f"{at}.duration", 0),
        interval=interval,
        hidden=query.hidden,
    )


def _on_log(values: Values, at: str) -> Trigger:
    wanted = values.leaf(f"{at}.filter")
    extractors = values.below(f"{at}.label_extractors")
    if not isinstance(wanted.value, str) or any(
        not isinstance(each.value, str) for each in extractors.values()
    ):
        raise UnclearError("its filter or a label is known after the apply only")
    hidden = wanted.hidden or any(each.hidden for each in extractors.values())
    found = Trigger(
        filter=wanted.value.rstrip(),
        extractors=tuple((key, each.value) for key, each in extractors.items()),
        closes_after=_seconds(values, _CLOSES, _CLOSES_AFTER),
        hidden=hidden,
    )
    try:
        _understood(found)
    except ValueError as error:
        told = "its filter or a label is sensitive, and not understood here"
        raise UnclearError(told if hidden else str(error)) from None
    return found


def _understood(of: Trigger) -> None:
    parse_log_filter(of.filter or "")
    for _, extractor in of.extractors:
        parse_extractor(extractor)


def _seconds(values: Values, path: str, usual: int) -> int:
    leaf = values.leaf(path)
    if leaf.unknown:
        raise UnclearError(f"its {path.rpartition('.')[2]} is known after the apply only")
    if leaf.value is None:
        return usual
    seconds = seconds_of(leaf.value)
    if seconds is None:
        raise UnclearError(f"its {path.rpartition('.')[2]} is not in whole seconds")
    return seconds
