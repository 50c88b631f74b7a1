"""The model of a policy file: the API's AlertPolicy by its JSON names, as far as it is used here.

Limits are those of
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies and
https://cloud.google.com/monitoring/quotas
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from exporter.durations import parse
from exporter.text import quote

SET_BY_THE_API = ("name", "creationRecord", "mutationRecord", "validity")
"""Keys that only existing policies have."""

SEVERITIES = ("CRITICAL", "ERROR", "WARNING")
"""Every severity, the worst first."""

INTERVAL = 30
"""Seconds: the shortest evaluation interval. All others are multiples of it."""

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_MOST_CONTENT_BYTES = 10_240
_MOST_SUBJECT_BYTES = 255
_SECONDS = re.compile(r"(0|[1-9][0-9]{0,8})s")


def _seconds(written: object) -> int:
    found = _SECONDS.fullmatch(written) if isinstance(written, str) else None
    if not found:
        raise ValueError(f"{quote(written)} is not whole seconds; {_in_seconds(written)}")
    return int(found[1])


def _in_seconds(written: object) -> str:
    try:
        return f"write {parse(str(written)).total_seconds():.0f}s"
    except ValueError:
        return "write a number and s, such as 60s"


def _between(least: int, most: int) -> AfterValidator:
    def check(seconds: int) -> int:
        if not least <= seconds <= most:
            raise ValueError(f"{seconds}s is not allowed; write {least}s to {most}s")
        return seconds

    return AfterValidator(check)


def _whole_intervals(seconds: int) -> int:
    if not seconds or seconds % INTERVAL:
        raise ValueError(f"{seconds}s is not allowed; write a multiple of {INTERVAL}s")
    return seconds


def _without_validation(disabled: object) -> object:
    if disabled is False:
        raise ValueError(
            "must be true; otherwise Cloud Monitoring rejects the policy until each metric has "
            "been written"
        )
    return disabled


def _at_most(most: int) -> AfterValidator:
    def check(text: str) -> str:
        length = len(text.encode())
        if length > most:
            raise ValueError(f"is {length:,} bytes long; at most {most:,} are allowed")
        return text

    return AfterValidator(check)


Text = Annotated[str, Field(min_length=1)]
Seconds = Annotated[int, BeforeValidator(_seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class DocumentationLink(_Part):
    """A link of an alert."""

    display_name: Annotated[Text, Field(max_length=63)]
    url: Annotated[Text, Field(max_length=2083)]


class Documentation(_Part):
    """The text of an alert."""

    content: Annotated[Text, Field(max_length=8192), _at_most(_MOST_CONTENT_BYTES)]
    mime_type: Literal["text/markdown"]
    subject: Annotated[Text, _at_most(_MOST_SUBJECT_BYTES)]
    links: Annotated[tuple[DocumentationLink, ...], Field(max_length=3)] = ()


class PromQL(_Part):
    """A condition on metrics."""

    query: Text
    duration: Annotated[Seconds, _between(0, DAY)]
    evaluation_interval: Annotated[Seconds, AfterValidator(_whole_intervals)]
    disable_metric_validation: Annotated[bool, BeforeValidator(_without_validation)]
    labels: dict[str, str] = Field(default_factory=dict)
    rule_group: str | None = None
    alert_rule: str | None = None


class MatchedLog(_Part):
    """A condition on log entries."""

    filter: Text
    label_extractors: dict[str, str] = Field(default_factory=dict)


class Condition(_Part):
    """When a policy fires. :mod:`checks` refuses the kinds that are not supported here."""

    display_name: Text
    condition_prometheus_query_language: PromQL | None = None
    condition_matched_log: MatchedLog | None = None
    condition_threshold: Any = None
    condition_absent: Any = None
    condition_monitoring_query_language: Any = None
    condition_sql: Any = None


class RateLimit(_Part):
    """The shortest time between two notifications of a log policy."""

    period: Annotated[Seconds, _between(5 * MINUTE, 2 * DAY)]


class ChannelStrategy(_Part):
    """How often a channel gets a reminder of an open incident."""

    notification_channel_names: tuple[str, ...] = ()
    renotify_interval: Annotated[Seconds, _between(30 * MINUTE, DAY)]


class AlertStrategy(_Part):
    """How incidents notify and close."""

    notification_rate_limit: RateLimit | None = None
    notification_prompts: tuple[Literal["OPENED", "CLOSED"], ...] = ()
    auto_close: Annotated[Seconds, _between(30 * MINUTE, 7 * DAY)]
    notification_channel_strategy: tuple[ChannelStrategy, ...] = ()


class PolicyFile(_Part):
    """The whole file."""

    display_name: Annotated[Text, Field(max_length=512)]
    severity: Literal["CRITICAL", "ERROR", "WARNING"]
    combiner: Literal["OR"]
    enabled: bool = True
    user_labels: Annotated[dict[str, str], Field(max_length=64)] = Field(default_factory=dict)
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    documentation: Documentation
    alert_strategy: AlertStrategy
    notification_channels: Annotated[tuple[str, ...], Field(max_length=16)] = ()
