"""Policies changed in one place: a hold, a window, a comparison, a label, a condition left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from google.cloud import monitoring_v3

from lab.mutate import queries, tree
from lab.mutate.filters import extractor_changes, filter_changes
from lab.policies import promql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.policies.files import Policy

_SHORTEST = 60
"""The hold that one without any gets, in seconds."""


class Mutant(NamedTuple):
    """A policy that was changed in one place.

    Attributes:
        words: What was changed; each mutant of a policy has words of its own.
        policy: The policy as it is then.
    """

    words: str
    policy: Policy


def mutants(policy: Policy) -> tuple[Mutant, ...]:
    """Return a policy changed in one place each; what comes to the same text is left out.

    Args:
        policy: The policy.

    Raises:
        ValueError: With a sentence, where its query holds what is not known here.
    """
    found = [*(_of_log(policy) if policy.is_log else _of_query(policy))]
    counted: Counter[str] = Counter()
    told = []
    for each in found:
        counted[each.words] += 1
        number = counted[each.words]
        told.append(each._replace(words=f"{each.words} #{number}") if number > 1 else each)
    return tuple(told)


def _of_query(policy: Policy) -> Iterator[Mutant]:
    retest_window = policy.retest_window
    for other in (0, retest_window // 2, retest_window * 2) if retest_window else (_SHORTEST,):
        yield Mutant(f"hold {retest_window}s → {other}s", replace(policy, retest_window=other))
    root = tree.read(policy.query or "")
    seen = {str(root)}
    for words, changed in queries.changes(root):
        text = str(changed)
        if text not in seen and _is_query(text):
            seen.add(text)
            yield Mutant(words, replace(policy, query=text))


def _is_query(text: str) -> bool:
    try:
        promql.read(text)
    except ValueError:
        return False
    return True


def _of_log(policy: Policy) -> Iterator[Mutant]:
    for words, text in filter_changes(policy.filter or ""):
        yield Mutant(words, replace(policy, filter=text))
    for words, extractors in extractor_changes(policy.extractors):
        yield Mutant(words, replace(policy, extractors=extractors))
    closes = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy.auto_close.seconds
    for other in (closes // 2, closes * 2):
        proto = monitoring_v3.AlertPolicy(policy.proto)
        monitoring_v3.AlertPolicy.pb(proto).alert_strategy.auto_close.seconds = other
        yield Mutant(f"auto-close {closes}s → {other}s", replace(policy, proto=proto))
