"""Checks that the parts of a policy file fit each other."""

import re
from collections.abc import Collection, Iterator
from typing import TypeAlias

from exporter.documents.mistakes import hint
from exporter.text import quote
from lab.policies.deployment import WORDS, misspelled
from lab.policies.model import (
    DAY,
    HOUR,
    LABEL_ALLOWED,
    LABEL_VALUE,
    LONGEST_URL,
    PolicyFile,
)
from lab.policies.promql import ANY, Query

# The keys that lead to what is wrong, such as ``("conditions", 0)``, and the sentence
# about it
Problem: TypeAlias = tuple[tuple[str | int, ...], str]

PROJECT = "project"
METRIC_LABEL = "metric_or_resource.label."
LOG_LABEL = "log.extracted_label."
USER_LABEL = "policy.user_label."
VALUE = "metric.label.value"  # what a PromQL query returned, such as a lag in seconds
# Seconds that Cloud Monitoring allows for retest window and look-back window together
_LONGEST = 25 * HOUR
# A longer look-back is evaluated every hour at most, and its policy gives no duration,
# as no text promises one. In Preview:
# https://cloud.google.com/monitoring/alerts/using-promql
_LONG = 8 * DAY
# A stream's id has up to 60 characters, a project's 30, or more with a domain
_LONGEST_ID = "i" * 63
_VARIABLE = re.compile(r"\$\{([^{}$]*)(\}?)")


def problems(name: str, file: PolicyFile, query: Query | None) -> Iterator[Problem]:
    """Yield each contradiction between the parts of a policy."""
    if not LABEL_VALUE.fullmatch(name):
        sentence = "the file's name is the policy's name; rename it. It may have only"
        yield (), f"{sentence} {LABEL_ALLOWED}"
    policy = file.user_labels.get("policy", name)
    if policy != name:
        found = f"{quote(policy)} is not the file's name"
        yield ("userLabels", "policy"), f"{found}; write {quote(name)}"
    yield from _strategy(file)
    yield from _threshold(file)
    condition = file.conditions[0]
    if condition.log:
        yield from _documentation(file, condition.log.label_extractors, LOG_LABEL)
    elif condition.promql and query:
        path = ("conditions", 0, "conditionPrometheusQueryLanguage")
        for sentence in query.errors:
            yield (*path, "query"), sentence
        for sentence in _misspelled(condition.promql.query, is_query=True):
            yield (*path, "query"), sentence
        window = condition.promql.duration
        interval = condition.promql.evaluation_interval
        given = "duration" in condition.promql.model_fields_set
        limit = _LONGEST if given or interval < HOUR else _LONG
        if window + query.look_back > limit:
            sentence = (
                f"a retest window of {window}s and a look-back window of"
                f" {query.look_back}s in the query exceed the {limit}s that"
                " Cloud Monitoring allows; shorten one, or leave duration out and"
                f" evaluate every hour (up to {_LONG}s)"
            )
            yield (*path, "duration"), sentence
        yield from _documentation(file, query.labels, METRIC_LABEL)


def _misspelled(text: str, *, is_query: bool) -> Iterator[str]:
    for word in misspelled(text, is_query=is_query):
        yield f"{quote(word)} is never filled in; {hint(word.upper(), WORDS)}"


def _strategy(file: PolicyFile) -> Iterator[Problem]:
    is_log, strategy = file.conditions[0].log is not None, file.alert_strategy
    limit = ("alertStrategy", "notificationRateLimit")
    prompts = ("alertStrategy", "notificationPrompts")
    if is_log and not strategy.notification_rate_limit:
        yield limit, "is missing; a log policy needs it, such as {period: 300s}"
    if is_log and strategy.notification_prompts is not None:
        yield prompts, "is not allowed in a log policy; remove it"
    if not is_log and strategy.notification_rate_limit:
        yield limit, "is only allowed in a log policy; remove it"
    if not is_log and not strategy.notification_prompts:
        yield prompts, "is missing; write [OPENED, CLOSED] or [OPENED]"


def _threshold(file: PolicyFile) -> Iterator[Problem]:
    threshold, path = file.user_labels.get("threshold"), ("userLabels", "threshold")
    condition = file.conditions[0].promql
    if not threshold:
        return
    if not condition:
        yield path, "needs a query, which a log policy doesn't have; remove it"
    elif not re.fullmatch(r"[0-9]{1,15}", threshold):
        yield path, f"{quote(threshold)} is not a whole number in digits"
    elif f" ({threshold})" not in condition.query:
        advice = f'write it in parentheses, after a space, as in "> ({threshold})"'
        yield path, f'"{threshold}" is not in the query; {advice}'


def _documentation(
    file: PolicyFile, labels: Collection[str], prefix: str
) -> Iterator[Problem]:
    """Yield each variable that Cloud Monitoring would replace by ``(none)``.

    The alert may have these labels. They stand in variables that start with the prefix.
    https://cloud.google.com/monitoring/alerts/doc-variables
    """
    texts: dict[tuple[str | int, ...], str] = {
        ("subject",): file.documentation.subject,
        ("content",): file.documentation.content,
    }
    for index, link in enumerate(file.documentation.links):
        texts["links", index, "displayName"] = link.display_name
        texts["links", index, "url"] = link.url
        length = len(_VARIABLE.sub(_LONGEST_ID, link.url))
        if length > LONGEST_URL:
            sentence = (
                f"has up to {length:,} characters with its variables filled in; at most"
                f" {LONGEST_URL:,} are allowed"
            )
            yield ("documentation", "links", index, "url"), sentence
    others = {PROJECT, *(f"{USER_LABEL}{key}" for key in file.user_labels)}
    if prefix == METRIC_LABEL:
        others.add(VALUE)
    for path, text in texts.items():
        for sentence in _misspelled(text, is_query=False):
            yield ("documentation", *path), sentence
        for found in _VARIABLE.finditer(text):
            name, key = found[1], found[1].removeprefix(prefix)
            if not found[2]:
                sentence = "is a variable that is not closed; write } after its name"
            elif name in others:
                continue
            elif not name.startswith(prefix):
                known = f'"${{{PROJECT}}}" or "${{{prefix}KEY}}"'
                sentence = f"is not a variable that policies use; write {known}"
            elif key not in labels and not ANY.issubset(labels):
                sentence = (
                    "names a label that the alert doesn't have;"
                    f" {hint(key, sorted(labels))}"
                )
            else:
                continue
            yield ("documentation", *path), f"{quote(found[0])} {sentence}"
