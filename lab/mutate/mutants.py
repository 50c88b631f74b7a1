"""Policies changed in one place: a window, a threshold, a label, a part of a query or filter."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from google.cloud import monitoring_v3

from lab.mutate import query_tree
from lab.mutate.filter_changes import extractor_changes, filter_changes
from lab.mutate.query_changes import query_changes
from lab.policies import promql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.policies.files import Policy

_SHORTEST = 60
"""The retest window in seconds that a policy without one gets."""


class Mutant(NamedTuple):
    """A policy changed in one place.

    Attributes:
        description: What was changed, unique among the mutants of the policy.
        policy: The changed policy.
    """

    description: str
    policy: Policy


def mutants(policy: Policy) -> tuple[Mutant, ...]:
    """Return every mutant of a policy; those with the same query only once.

    Raises:
        ValueError: The query or the filter has something that is not supported here.
    """
    counted: Counter[str] = Counter()
    made = []
    for mutant in _of_log(policy) if policy.is_log else _of_query(policy):
        counted[mutant.description] += 1
        number = counted[mutant.description]
        suffix = f" #{number}" if number > 1 else ""
        made.append(mutant._replace(description=mutant.description + suffix))
    return tuple(made)


def _of_query(policy: Policy) -> Iterator[Mutant]:
    window = policy.retest_window
    for other in (0, window // 2, window * 2) if window else (_SHORTEST,):
        yield Mutant(f"retest window {window}s → {other}s", replace(policy, retest_window=other))
    root = query_tree.parse(policy.query or "")
    seen = {str(root)}
    for description, changed in query_changes(root):
        text = str(changed)
        if text not in seen and _is_query(text):
            seen.add(text)
            yield Mutant(description, replace(policy, query=text))


def _is_query(text: str) -> bool:
    try:
        promql.read(text)
    except ValueError:
        return False
    return True


def _of_log(policy: Policy) -> Iterator[Mutant]:
    for description, text in filter_changes(policy.filter or ""):
        yield Mutant(description, replace(policy, filter=text))
    for description, extractors in extractor_changes(policy.extractors):
        yield Mutant(description, replace(policy, extractors=extractors))
    closes = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy.auto_close.seconds
    for other in (closes // 2, closes * 2):
        proto = monitoring_v3.AlertPolicy(policy.proto)
        monitoring_v3.AlertPolicy.pb(proto).alert_strategy.auto_close.seconds = other
        yield Mutant(f"auto-close {closes}s → {other}s", replace(policy, proto=proto))
