"""Filters on log entries, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.prove.log_filter import field, parse
from lab.prove.log_matching import extracted

if TYPE_CHECKING:
    from lab.policies.files import Policy

ENTRY: dict[str, Any] = {
    "logName": "projects/shop/logs/datastream.googleapis.com%2Fstream_activity",
    "severity": "WARNING",
    "resource": {"type": "datastream.googleapis.com/Stream", "labels": {"stream_id": "orders"}},
    "operation": {"first": True},
    "protoPayload": {"methodName": "google.cloud.datastream.v1.Datastream.UpdateStream"},
}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ('log_id("datastream.googleapis.com/stream_activity")', True),
        ('log_id("cloudaudit.googleapis.com/activity")', False),
        ('resource.type="datastream.googleapis.com/Stream"', True),
        ("severity=warning", True),
        ("severity!=WARNING", False),
        ("severity>=ERROR", False),
        ("severity>=WARNING", True),
        ("severity<ERROR", True),
        ("severity>NOTICE", True),
        ("severity<=NOTICE", False),
        ('protoPayload.methodName=~"Datastream[.](Update|Run)Stream$"', True),
        ('protoPayload.methodName!~"Delete"', True),
        ("NOT operation.last=true", True),
        ("NOT operation.first=true", False),
        ("operation.first=true", True),
        ("trace=x", False),
        ("trace!=x", False),
        ('resource.labels."stream_id"=orders', True),
        ("severity=WARNING\n\n-- a comment\nresource.labels.stream_id=stock", False),
    ],
)
def test_a_filter_accepts_what_the_logging_language_says(text: str, accepted: bool) -> None:  # noqa: FBT001 - an expectation
    """Comparisons, severities by order, expressions, NOT, log ids; each line has to hold."""
    assert parse(text).accepts(ENTRY) is accepted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("severity>=ERROR OR severity=INFO", "one comparison a line"),
        ("(severity>=ERROR)", "one comparison a line"),
        ('"free text"', "one comparison a line"),
        ("resource.labels.stream_id:orders", "one comparison a line"),
        ('timestamp>="2026-01-01"', "only severity is compared by order"),
        ("severity>=BAD", "only severity is compared by order"),
        ('severity=~"("', "is no regular expression"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, words: str) -> None:
    """A filter that says more than is known here gets a sentence, not a wrong answer."""
    with pytest.raises(ValueError, match=words):
        parse(text)


def test_a_path_leads_to_text_or_nothing() -> None:
    """Truth is spelt as in JSON, and neither a mapping nor a way that ends is a value."""
    assert field(ENTRY, "operation.first") == "true"
    assert field(ENTRY, "operation") is None
    assert field(ENTRY, "severity.name") is None


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("EXTRACT(resource.labels.stream_id)", "orders"),
        ("EXTRACT(resource.labels.zone)", ""),
        ('REGEXP_EXTRACT(protoPayload.methodName, "(Update|Run)Stream")', "Update"),
        ('REGEXP_EXTRACT(protoPayload.methodName, "[a-z]+$")', "tream"),
        ('REGEXP_EXTRACT(protoPayload.methodName, "nothing")', ""),
    ],
)
def test_labels_are_extracted(how: str, value: str) -> None:
    """A field as a whole, or the first group of an expression, or all of what it matches."""
    assert extracted(how, ENTRY) == value


def test_an_unknown_extractor_is_refused() -> None:
    """A function that is not known gets a sentence."""
    with pytest.raises(ValueError, match="write EXTRACT"):
        extracted("UPPER(severity)", ENTRY)


def test_the_projects_filters_are_understood(policies: tuple[Policy, ...]) -> None:
    """Every filter and extractor of the project's own policies can be evaluated."""
    on_logs = [policy for policy in policies if policy.is_log]
    assert on_logs
    for policy in on_logs:
        parse(policy.filter or "")
        for how in policy.extractors.values():
            extracted(how, ENTRY)
