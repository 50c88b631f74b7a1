"""What the parts of a policy file have to be to each other, and to other files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from exporter.inputs.spelling import hint
from exporter.text import quote
from lab.policies import promql
from lab.policies.draft import CONDITION, LOG, PROMQL, Place
from lab.policies.labels import ANY, Labels
from lab.policies.model import HOUR, Condition
from lab.policies.variables import mistakes_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.policies.draft import Draft

Told: TypeAlias = tuple[Place, str]
"""Where (the path of keys), and a sentence."""

_LONGEST = 25 * HOUR
"""Seconds of hold and look-back together that Cloud Monitoring allows."""

_KINDS = tuple(
    str(field.alias)
    for name, field in Condition.model_fields.items()
    if name.startswith("condition_")
)
_EXTRACTOR = re.compile(r'EXTRACT\([^()"]+\)|REGEXP_EXTRACT\([^()"]+, *"(?:[^"\\]|\\.)+"\)')
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


def mistakes(
    draft: Draft, thresholds: Mapping[str, str | None], *, house_rules: bool
) -> Iterator[Told]:
    """Return what contradicts itself in a file.

    Args:
        draft: The file.
        thresholds: The threshold of every policy that there is, by name; None where it has none,
            empty where nobody knows.
        house_rules: Whether the file has to keep the rules of this project's own.
    """
    yield from _kind(draft)
    yield from _strategy(draft)
    yield from _user_labels(draft, house_rules=house_rules)
    yield from _threshold(draft)
    yield from _yielding(draft, thresholds)
    if draft.is_log:
        yield from _extractors(draft)
        yield from _documentation(draft, Labels(frozenset(_extracted(draft))))
    elif draft.query:
        try:
            query = promql.read(draft.query, every=house_rules)
        except ValueError as error:
            yield (*CONDITION, PROMQL, "query"), str(error)
            yield from _documentation(draft, ANY)
        else:
            yield from _query(draft, query)
            yield from _documentation(draft, query.result)


def _kind(draft: Draft) -> Iterator[Told]:
    conditions = draft.at("conditions")
    if isinstance(conditions, list) and len(conditions) > 1:
        yield (
            ("conditions",),
            (
                f"holds {len(conditions)} conditions; one on PromQL or on a log has to be alone in "
                "its policy: make a file of each"
            ),
        )
    condition = draft.mapping(*CONDITION)
    held = [kind for kind in _KINDS if kind in condition]
    for kind in held:
        if kind not in {PROMQL, LOG}:
            yield (*CONDITION, kind), f"is a kind that is not used here; write {PROMQL} or {LOG}"
    if PROMQL in held and LOG in held:
        yield (*CONDITION, LOG), f"stands beside {PROMQL}; a condition is of one kind"
    if condition and not held:
        yield CONDITION, f"is of no kind; write {PROMQL} or {LOG}"


def _strategy(draft: Draft) -> Iterator[Told]:
    place = ("alertStrategy",)
    strategy = draft.mapping(*place)
    if not strategy:
        return
    limit, prompts = "notificationRateLimit", "notificationPrompts"
    if draft.is_log:
        if limit not in strategy:
            yield (*place, limit), "is missing; a policy on a log needs it, as {period: 300s}"
        if prompts in strategy:
            yield (*place, prompts), "is not for a policy on a log; remove it"
    elif draft.is_metric:
        if limit in strategy:
            yield (*place, limit), "is for a policy on a log alone; remove it"
        if prompts not in strategy:
            yield (*place, prompts), "is missing; write [OPENED, CLOSED] or [OPENED]"


def _user_labels(draft: Draft, *, house_rules: bool) -> Iterator[Told]:
    allowed = "lower-case letters, digits, - and _, 63 at most"
    if not _LABEL_VALUE.fullmatch(draft.name):
        yield (), f"the file's name is the policy's; rename it so that it holds {allowed}"
    labels = draft.mapping("userLabels")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            yield ("userLabels", key), f"a label's key begins with a letter and holds {allowed}"
        if isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            yield ("userLabels", key), f"{quote(value)} is not allowed; a label holds {allowed}"
    policy = labels.get("policy")
    if isinstance(policy, str) and policy != draft.name:
        yield (
            ("userLabels", "policy"),
            f"{quote(policy)} is not the file's name; write {quote(draft.name)}",
        )
    if policy is None and house_rules:
        yield ("userLabels", "policy"), f"is missing; write {quote(draft.name)}"


def _threshold(draft: Draft) -> Iterator[Told]:
    threshold = draft.threshold
    place = ("userLabels", "threshold")
    if not threshold:
        return
    if draft.is_log:
        yield place, "belongs to a query, which a policy on a log has not; remove it"
    elif not re.fullmatch(r"[0-9]{1,15}", threshold):
        yield place, f"{quote(threshold)} is no whole number in digits"
    elif draft.query and not _compares(draft.query, ">=?", threshold):
        yield (
            place,
            f'{quote(threshold)} is not in the query, as "> {threshold}" or ">= {threshold}"',
        )


def _yielding(draft: Draft, thresholds: Mapping[str, str | None]) -> Iterator[Told]:
    other = draft.text("userLabels", "yields_to")
    place = ("userLabels", "yields_to")
    if not other:
        return
    if other == draft.name or other not in thresholds:
        names = sorted(name for name, number in thresholds.items() if number and name != draft.name)
        yield place, f"{quote(other)} is no other policy with a threshold; {hint(other, names)}"
        return
    number = thresholds[other]
    if number is None:
        yield place, f"{other} has no userLabels.threshold, at which this would keep quiet"
    elif number and draft.query and not _compares(draft.query, ">=", number):
        yield place, f'{other} pages from {number}, and the query holds no ">= {number}"'


def _compares(query: str, sign: str, number: str) -> bool:
    """Say whether a query compares with a number in the form that Terraform changes."""
    return re.search(rf"{sign} {re.escape(number)}\b(?!\.)", query) is not None


def _extracted(draft: Draft) -> dict[str, object]:
    return draft.mapping(*CONDITION, LOG, "labelExtractors")


def _extractors(draft: Draft) -> Iterator[Told]:
    for key, value in _extracted(draft).items():
        if isinstance(value, str) and not _EXTRACTOR.fullmatch(value):
            yield (
                (*CONDITION, LOG, "labelExtractors", key),
                (
                    f"{quote(value)} is no extractor; write EXTRACT(field) or "
                    'REGEXP_EXTRACT(field, "pattern")'
                ),
            )


def _query(draft: Draft, query: promql.Query) -> Iterator[Told]:
    for sentence in query.mistakes:
        yield (*CONDITION, PROMQL, "query"), sentence
    if draft.duration + query.look_back > _LONGEST:
        yield (
            (*CONDITION, PROMQL, "duration"),
            (
                f"{draft.duration}s of hold and {query.look_back}s of look-back in the query are "
                f"more than the {_LONGEST}s that are allowed; shorten one of them"
            ),
        )


def _documentation(draft: Draft, labels: Labels) -> Iterator[Told]:
    places: list[Place] = [("documentation", "subject"), ("documentation", "content")]
    links = draft.at("documentation", "links")
    for index in range(len(links) if isinstance(links, list) else 0):
        places.extend(("documentation", "links", index, key) for key in ("displayName", "url"))
    for place in places:
        for sentence in mistakes_in(draft.text(*place), labels, is_log=draft.is_log):
            yield place, sentence
