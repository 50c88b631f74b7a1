"""What policies have to know before they can be judged: which metrics, and how far back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exporter.measure import definitions
from lab.backtest.history_reading import Span
from lab.policies.known_metrics import google_metrics, known_series, promql_name
from lab.policies.model import INTERVAL
from lab.prove.incidents import round_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.policies.files import Policy
    from lab.policies.label_inference import Selector

LAST_RUN = promql_name(f"{definitions.definitions()['prefix']}/exporter/last_run")
"""What tells when the exporter ran; always read."""

_MARGIN = 600.0
"""Seconds more than a policy looks back: for points that come late, and for a selector without a
range, which looks back five minutes."""


def names(policies: Sequence[Policy]) -> dict[str, float]:
    """Return what has to be known: each metric by its name in PromQL, with seconds before a moment.

    Args:
        policies: The policies.
    """
    found = {LAST_RUN: _MARGIN}
    for policy in policies:
        for selector in selectors(policy):
            back = (
                policy.parsed_query.look_back + retest_window(policy) + _MARGIN
                if policy.parsed_query
                else 0.0
            )
            found[selector.metric] = max(found.get(selector.metric, 0.0), back)
    return found


def wanted(policies: Sequence[Policy], start: float, end: float) -> dict[str, Span]:
    """Return what has to be read: each metric's full type, with its time.

    A metric that nothing is known of is left out: its type does not follow from its name.

    Args:
        policies: The policies.
        start: From when on they are evaluated, unix seconds.
        end: Until when.
    """
    read: dict[str, Span] = {}
    for name, back in names(policies).items():
        series = known_series().get(name)
        if series:
            # A distribution is one metric, and has several names.
            before = read.get(series.type, Span(math.inf, end))
            read[series.type] = Span(min(before.start, start - back), end)
    return read


def selectors(policy: Policy) -> tuple[Selector, ...]:
    """Return each selection of a metric that a policy's query makes."""
    return policy.parsed_query.selectors if policy.parsed_query else ()


def retest_window(policy: Policy) -> float:
    """Return the hold in whole evaluations, seconds."""
    return float(round_up(policy.retest_window, INTERVAL))


def of_resource(selector: Selector) -> dict[str, str]:
    """Return the labels of the resource that a selector names: which thing, not how it is."""
    known = known_series().get(selector.metric)
    native = google_metrics().get(known.type) if known else None
    keys = {"monitored_resource", *(native.resource_labels if native else ())}
    return {key: value for key, value in selector.equal.items() if key in keys}


def called(selector: Selector) -> str:
    """Return the metric's full type, where it is known, and what of the resource is named."""
    known = known_series().get(selector.metric)
    labels = ", ".join(
        f'{key}="{value}"'
        for key, value in of_resource(selector).items()
        if key != "monitored_resource"
    )
    return (known.type if known else selector.metric) + (f" with {labels}" if labels else "")
