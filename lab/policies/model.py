"""The model of a policy file: the parts of the API's AlertPolicy that are used here.

Limits are those of
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies and
https://cloud.google.com/monitoring/quotas
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)
from pydantic.alias_generators import to_camel

from exporter.documents.document import Section
from exporter.documents.durations import parse
from exporter.text import quote

SEVERITIES = ("CRITICAL", "ERROR", "WARNING")  # every severity, the worst first
# Seconds: the shortest evaluation interval. All others are multiples of it
INTERVAL = 30
# Characters of a link's address, before and after its variables are filled in
LONGEST_URL = 2083
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
LABEL_ALLOWED = "lower-case letters, digits, - and _, at most 63"
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_EXTRACTOR = re.compile(
    r'EXTRACT\([^()"]+\)|REGEXP_EXTRACT\([^()"]+, *"(?:[^"\\]|\\.)+"\)'
)
_SECONDS = re.compile(r"(0|[1-9][0-9]{0,8})s")


def _whole_seconds(written: object) -> int:
    if found := _SECONDS.fullmatch(str(written)):
        return int(found[1])
    try:
        advice = f"{parse(str(written)).total_seconds():.0f}s"
    except ValueError:
        advice = "a number and s, such as 60s"
    raise ValueError(f"{quote(written)} is not whole seconds; write {advice}")


def _between(least: int, most: int, step: int = 1) -> AfterValidator:
    def check(seconds: int) -> int:
        if not least <= seconds <= most:
            raise ValueError(f"{seconds}s is not allowed; write {least}s to {most}s")
        if seconds % step:
            raise ValueError(f"{seconds}s is not allowed; write a multiple of {step}s")
        return seconds

    return AfterValidator(check)


def _at_most(most: int) -> AfterValidator:
    def check(text: str) -> str:
        length = len(text.encode())
        if length > most:
            raise ValueError(f"is {length:,} bytes long; at most {most:,} are allowed")
        return text

    return AfterValidator(check)


def _matches(pattern: re.Pattern[str], advice: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{quote(text)} is not {advice}")
        return text

    return AfterValidator(check)


def _without_validation(disabled: object) -> object:
    if disabled is False:
        raise ValueError(
            "must be true; otherwise Cloud Monitoring rejects the policy until each"
            " metric has been written"
        )
    return disabled


def _alone(conditions: tuple[object, ...]) -> tuple[object, ...]:
    if len(conditions) > 1:
        raise ValueError(
            f"has {len(conditions)} conditions; a PromQL or log condition must be the"
            " only one of its policy: write one file for each"
        )
    return conditions


def _set_by_the_api(_value: object) -> None:
    raise ValueError("is set by Cloud Monitoring; remove it")


def _set_by_terraform(_value: object) -> None:
    raise ValueError("is not taken from a file; use policy_overrides in Terraform")


Text = Annotated[str, Field(min_length=1)]
Seconds = Annotated[int, BeforeValidator(_whole_seconds)]
LabelKey = Annotated[
    str,
    _matches(
        _LABEL_KEY, f"allowed; a key starts with a letter and has only {LABEL_ALLOWED}"
    ),
]
LabelValue = Annotated[
    str, _matches(LABEL_VALUE, f"allowed; a label has only {LABEL_ALLOWED}")
]
Extractor = Annotated[
    str,
    _matches(
        _EXTRACTOR,
        'an extractor; write EXTRACT(field) or REGEXP_EXTRACT(field, "pattern")',
    ),
]
# A key that only existing policies have
SetByTheAPI = Annotated[Any, BeforeValidator(_set_by_the_api)]


class _Part(Section):
    model_config = ConfigDict(alias_generator=to_camel)


class DocumentationLink(_Part):
    """A link of an alert."""

    display_name: Annotated[Text, Field(max_length=63)]
    url: Annotated[Text, Field(max_length=LONGEST_URL)]


class Documentation(_Part):
    """The text of an alert."""

    content: Annotated[Text, Field(max_length=8192), _at_most(10_240)]
    mime_type: Literal["text/markdown"]
    subject: Annotated[Text, _at_most(255)]
    links: Annotated[tuple[DocumentationLink, ...], Field(max_length=3)] = ()


class PromQL(_Part):
    """A condition on metrics."""

    query: Text
    # Whole minutes: https://cloud.google.com/monitoring/promql/create-promql-alerts
    duration: Annotated[Seconds, _between(0, DAY, MINUTE)] = 0
    evaluation_interval: Annotated[Seconds, _between(INTERVAL, DAY, INTERVAL)]
    disable_metric_validation: Annotated[
        StrictBool, BeforeValidator(_without_validation)
    ]
    labels: dict[str, str] = Field(default_factory=dict)
    rule_group: str | None = None
    alert_rule: str | None = None


class MatchedLog(_Part):
    """A condition on log entries."""

    filter: Text
    label_extractors: dict[str, Extractor] = Field(default_factory=dict)


class Condition(_Part):
    """When a policy fires; other kinds of condition are not supported here."""

    display_name: Text
    promql: PromQL | None = Field(None, alias="conditionPrometheusQueryLanguage")
    log: MatchedLog | None = Field(None, alias="conditionMatchedLog")
    name: SetByTheAPI = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Condition":
        if (self.promql is None) is (self.log is None):
            found = "both kinds; write" if self.log else "no kind; write"
            raise ValueError(
                f"has {found} conditionPrometheusQueryLanguage or conditionMatchedLog"
            )
        return self


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
    notification_prompts: tuple[Literal["OPENED", "CLOSED"], ...] | None = None
    auto_close: Annotated[Seconds, _between(30 * MINUTE, 7 * DAY)]
    notification_channel_strategy: tuple[ChannelStrategy, ...] = ()


class PolicyFile(_Part):
    """The whole file."""

    display_name: Annotated[Text, Field(max_length=512)]
    severity: Literal["CRITICAL", "ERROR", "WARNING"]
    combiner: Literal["OR"]
    enabled: StrictBool = True
    user_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(
        default_factory=dict
    )
    conditions: Annotated[
        tuple[Condition, ...], Field(min_length=1), AfterValidator(_alone)
    ]
    documentation: Documentation
    alert_strategy: AlertStrategy
    notification_channels: Annotated[Any, BeforeValidator(_set_by_terraform)] = None
    name: SetByTheAPI = None
    creation_record: SetByTheAPI = None
    mutation_record: SetByTheAPI = None
    validity: SetByTheAPI = None
