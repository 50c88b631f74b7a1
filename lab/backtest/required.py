"""The metrics that policies need, and how far back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure import definitions
from lab.policies.promql import known_series, promql_name
from lab.prove.incidents import round_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.policies.files import Policy
    from lab.policies.promql import Selector

LAST_RUN = promql_name(f"{definitions.definitions()['prefix']}/exporter/last_run")
"""Always read: it shows when the exporter ran."""

_MARGIN = 600.0
"""Extra seconds to look back, for late points and for selectors without a range."""


class Period(NamedTuple):
    """A time in unix seconds, both ends included."""

    start: float
    end: float


def look_back(policies: Sequence[Policy]) -> dict[str, float]:
    """Return the seconds that each metric is needed before an evaluation, by PromQL name."""
    found = {LAST_RUN: _MARGIN}
    for policy in policies:
        if policy.parsed_query:
            seconds = policy.parsed_query.look_back + retest_window(policy) + _MARGIN
            for selector in policy.parsed_query.selectors:
                found[selector.metric] = max(found.get(selector.metric, 0.0), seconds)
    return found


def periods_to_read(policies: Sequence[Policy], start: float, end: float) -> dict[str, Period]:
    """Return the period to read of each metric, by full type.

    A metric that the lab does not know is left out: its type does not follow from its PromQL name.

    Args:
        policies: The policies.
        start: Start of their evaluation, unix seconds.
        end: Its end.
    """
    periods: dict[str, Period] = {}
    for name, seconds in look_back(policies).items():
        series = known_series().get(name)
        if series:
            # A distribution has several names.
            other = periods.get(series.type, Period(math.inf, end))
            periods[series.type] = Period(min(other.start, start - seconds), end)
    return periods


def selectors(policy: Policy) -> tuple[Selector, ...]:
    """Return the selectors in a policy's query."""
    return policy.parsed_query.selectors if policy.parsed_query else ()


def retest_window(policy: Policy) -> float:
    """Return the retest window in whole evaluations, seconds."""
    return float(round_up(policy.retest_window, policy.interval))


def resource_labels(selector: Selector) -> dict[str, str]:
    """Return the labels in a selector that identify the resource."""
    known = known_series().get(selector.metric)
    keys = {"monitored_resource", *(known.resource_labels if known else ())}
    return {key: value for key, value in selector.equal.items() if key in keys}


def selector_text(selector: Selector) -> str:
    """Return the metric's full type if it is known, and the resource labels."""
    known = known_series().get(selector.metric)
    labels = ", ".join(
        f'{key}="{value}"'
        for key, value in resource_labels(selector).items()
        if key != "monitored_resource"
    )
    return (known.type if known else selector.metric) + (f" with {labels}" if labels else "")
