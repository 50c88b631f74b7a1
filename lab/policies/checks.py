"""Checks that the parts of a policy file fit each other and the other policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from exporter.documents import hint
from exporter.text import quote
from lab.policies import promql
from lab.policies.labels import ANY, Labels
from lab.policies.model import HOUR, Condition
from lab.policies.raw_policy import CONDITION, LOG, PROMQL, KeyPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.policies.raw_policy import RawPolicy

Problem: TypeAlias = tuple[KeyPath, str]
"""Where something is wrong, and the sentence that says what."""

PROJECT = "project"
METRIC_LABEL = "metric_or_resource.label."
LOG_LABEL = "log.extracted_label."

_LONGEST = 25 * HOUR
"""Seconds that Cloud Monitoring allows for retest window and look-back window together."""

_KINDS = tuple(
    str(field.alias)
    for name, field in Condition.model_fields.items()
    if name.startswith("condition_")
)
_EXTRACTOR = re.compile(r'EXTRACT\([^()"]+\)|REGEXP_EXTRACT\([^()"]+, *"(?:[^"\\]|\\.)+"\)')
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_LABEL_ALLOWED = "lower-case letters, digits, - and _, at most 63"
_VARIABLE = re.compile(r"\$\{([^{}$]*)(\}?)")


def problems(
    raw: RawPolicy, thresholds: Mapping[str, str | None], *, house_rules: bool
) -> Iterator[Problem]:
    """Yield everything that contradicts itself in a policy.

    Args:
        raw: The policy file.
        thresholds: The threshold of every policy, by name; None where it has none, empty where it
            is unknown.
        house_rules: Whether this project's own rules apply.
    """
    yield from _kind(raw)
    yield from _strategy(raw)
    yield from _user_labels(raw, house_rules=house_rules)
    yield from _threshold(raw)
    yield from _yields_to(raw, thresholds)
    if raw.is_log:
        yield from _extractors(raw)
        yield from _documentation(raw, Labels(frozenset(_label_extractors(raw))))
    elif raw.query:
        try:
            query = promql.read(raw.query, known_only=house_rules)
        except ValueError as error:
            yield (*CONDITION, PROMQL, "query"), str(error)
            yield from _documentation(raw, ANY)
        else:
            yield from _query(raw, query)
            yield from _documentation(raw, query.result)


def _kind(raw: RawPolicy) -> Iterator[Problem]:
    conditions = raw.at("conditions")
    if isinstance(conditions, list) and len(conditions) > 1:
        yield (
            ("conditions",),
            (
                f"has {len(conditions)} conditions; a PromQL or log condition must be the only one "
                "of its policy: write one file for each"
            ),
        )
    condition = raw.mapping(*CONDITION)
    kinds = [kind for kind in _KINDS if kind in condition]
    for kind in kinds:
        if kind not in {PROMQL, LOG}:
            yield (*CONDITION, kind), f"is not supported here; write {PROMQL} or {LOG}"
    if PROMQL in kinds and LOG in kinds:
        yield (*CONDITION, LOG), f"is next to {PROMQL}; a condition has one kind"
    if condition and not kinds:
        yield CONDITION, f"has no kind; write {PROMQL} or {LOG}"


def _strategy(raw: RawPolicy) -> Iterator[Problem]:
    strategy = raw.mapping("alertStrategy")
    if not strategy:
        return
    limit = ("alertStrategy", "notificationRateLimit")
    prompts = ("alertStrategy", "notificationPrompts")
    if raw.is_log:
        if limit[1] not in strategy:
            yield limit, "is missing; a log policy needs it, such as {period: 300s}"
        if prompts[1] in strategy:
            yield prompts, "is not allowed in a log policy; remove it"
    elif raw.is_metric:
        if limit[1] in strategy:
            yield limit, "is only allowed in a log policy; remove it"
        if prompts[1] not in strategy:
            yield prompts, "is missing; write [OPENED, CLOSED] or [OPENED]"


def _user_labels(raw: RawPolicy, *, house_rules: bool) -> Iterator[Problem]:
    if not _LABEL_VALUE.fullmatch(raw.name):
        yield (), f"the file's name is the policy's name; rename it to only {_LABEL_ALLOWED}"
    labels = raw.mapping("userLabels")
    for key, value in labels.items():
        path = ("userLabels", key)
        if not _LABEL_KEY.fullmatch(key):
            yield path, f"a label's key starts with a letter and has only {_LABEL_ALLOWED}"
        if isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            yield path, f"{quote(value)} is not allowed; a label has only {_LABEL_ALLOWED}"
    path, policy = ("userLabels", "policy"), labels.get("policy")
    if isinstance(policy, str) and policy != raw.name:
        yield path, f"{quote(policy)} is not the file's name; write {quote(raw.name)}"
    if policy is None and house_rules:
        yield path, f"is missing; write {quote(raw.name)}"


def _threshold(raw: RawPolicy) -> Iterator[Problem]:
    threshold, path = raw.threshold, ("userLabels", "threshold")
    if not threshold:
        return
    if raw.is_log:
        yield path, "needs a query, which a log policy doesn't have; remove it"
    elif not re.fullmatch(r"[0-9]{1,15}", threshold):
        yield path, f"{quote(threshold)} is not a whole number in digits"
    elif raw.query and not any(f"{sign} ({threshold})" in raw.query for sign in (">", ">=")):
        form = f'"> ({threshold})" or ">= ({threshold})"'
        yield path, f"{quote(threshold)} is not in the query, as {form}"


def _yields_to(raw: RawPolicy, thresholds: Mapping[str, str | None]) -> Iterator[Problem]:
    other, path = raw.text("userLabels", "yields_to"), ("userLabels", "yields_to")
    if not other:
        return
    if other == raw.name or other not in thresholds:
        names = sorted(name for name, number in thresholds.items() if number and name != raw.name)
        yield path, f"{quote(other)} is not another policy with a threshold; {hint(other, names)}"
        return
    number = thresholds[other]
    if number is None:
        yield path, f"{other} has no userLabels.threshold, so this policy would never yield"
    elif number and number == raw.threshold:
        yield path, f"{other} has the same threshold, {number}; change one of the two"
    elif number and raw.query and f">= ({number})" not in raw.query:
        yield path, f'{other} fires at {number}, but the query has no ">= ({number})"'


def _label_extractors(raw: RawPolicy) -> dict[str, object]:
    return raw.mapping(*CONDITION, LOG, "labelExtractors")


def _extractors(raw: RawPolicy) -> Iterator[Problem]:
    for key, value in _label_extractors(raw).items():
        if isinstance(value, str) and not _EXTRACTOR.fullmatch(value):
            yield (
                (*CONDITION, LOG, "labelExtractors", key),
                (
                    f"{quote(value)} is not an extractor; write EXTRACT(field) or "
                    'REGEXP_EXTRACT(field, "pattern")'
                ),
            )


def _query(raw: RawPolicy, query: promql.Query) -> Iterator[Problem]:
    for sentence in query.errors:
        yield (*CONDITION, PROMQL, "query"), sentence
    if raw.retest_window + query.look_back > _LONGEST:
        yield (
            (*CONDITION, PROMQL, "duration"),
            (
                f"a retest window of {raw.retest_window}s and a look-back window of "
                f"{query.look_back}s in the query exceed the {_LONGEST}s that Cloud Monitoring "
                "allows; shorten one of them"
            ),
        )


def _documentation(raw: RawPolicy, labels: Labels) -> Iterator[Problem]:
    paths: list[KeyPath] = [("documentation", "subject"), ("documentation", "content")]
    links = raw.at("documentation", "links")
    for index in range(len(links) if isinstance(links, list) else 0):
        paths.extend(("documentation", "links", index, key) for key in ("displayName", "url"))
    for path in paths:
        for sentence in _variables(raw.text(*path), labels, is_log=raw.is_log):
            yield path, sentence


def _variables(text: str, labels: Labels, *, is_log: bool) -> Iterator[str]:
    """Yield a sentence for each variable that Cloud Monitoring would replace by ``(none)``.

    https://cloud.google.com/monitoring/alerts/doc-variables

    Args:
        text: A text of the alert.
        labels: The labels of the query's result, or those extracted from the log entry.
        is_log: Whether the policy matches log entries.
    """
    prefix = LOG_LABEL if is_log else METRIC_LABEL
    lacking = "no such label is extracted" if is_log else "the query's result has no such label"
    for found in _VARIABLE.finditer(text):
        name = found[1]
        if not found[2]:
            yield f"{quote(found[0])} is a variable that is not closed; write }} after its name"
        elif name == PROJECT:
            continue
        elif not name.startswith(prefix):
            yield (
                f"{quote(found[0])} is not a variable that policies use; write "
                f'"${{{PROJECT}}}" or "${{{prefix}KEY}}"'
            )
        elif (key := name.removeprefix(prefix)) not in labels:
            yield f"{quote(found[0])}: {lacking}; {hint(key, sorted(labels.names))}"
