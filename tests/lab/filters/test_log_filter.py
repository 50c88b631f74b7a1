"""Filters on log entries and label extractors: what they accept, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.filters.log_filter import extract_label, field_text, parse_extractor, parse_log_filter
from lab.filters.syntax import FilterError

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
        ('NOT log_id("cloudaudit.googleapis.com/activity")', True),
        ('logName="projects/shop/logs/datastream.googleapis.com%2Fstream_activity"', True),
        ('resource.type="datastream.googleapis.com/Stream"', True),
        ("severity=warning", True),
        ("severity!=WARNING", False),
        ("severity>=ERROR", False),
        ("severity>=WARNING", True),
        ("severity<ERROR", True),
        ("severity>NOTICE", True),
        ("severity<=NOTICE", False),
        ('protoPayload.methodName=~"Datastream[.](Update|Run)Stream$"', True),
        ('protoPayload.methodName=~"Datastream\\\\.UpdateStream$"', True),
        ('protoPayload.methodName!~"Delete"', True),
        ("NOT operation.last=true", True),
        ("NOT operation.first=true", False),
        ("operation.first=true", True),
        ("trace=x", False),
        ("trace!=x", False),
        ('resource.labels."stream_id"=orders', True),
        ("severity=WARNING\n\n-- a comment\nresource.labels.stream_id=stock", False),
        ("severity=WARNING AND resource.labels.stream_id=stock", False),
        ("(operation.first=true AND severity>=WARNING)", True),
        ("NOT (operation.first=true AND severity>=WARNING)", False),
        ("NOT (operation.first=true AND NOT severity>=ERROR)", False),
        ("NOT (operation.first=true severity>=ERROR)", True),
        ("(operation.last=true OR severity=WARNING)", True),
        ("NOT (operation.last=true OR NOT severity=WARNING)", True),
        ("(operation.last=true OR (severity=WARNING AND trace=x))", False),
        ("", True),
    ],
)
def test_a_filter_accepts_what_the_logging_language_says(text: str, accepted: bool) -> None:  # noqa: FBT001 - an expectation
    """Comparisons, severities by order, expressions, NOT, groups, log ids; each has to hold."""
    parsed = parse_log_filter(text)
    assert parsed.accepts(ENTRY) is accepted
    assert parse_log_filter(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "severity=INFO\nseverity>=ERROR OR severity=INFO",
            (
                '"OR severity=INFO" (line 2, column 17 of the filter) is not supported; write one'
                " comparison a line"
            ),
        ),
        ("(severity>=ERROR", '"(severity>=ERROR" ends too early'),
        ("()", '")" (line 1, column 2 of the filter)'),
        ("(timestamp>=x)", "only severity is compared by order"),
        ('"free text"', "(line 1, column 1 of the filter) is not supported; write one comparison"),
        ("resource.labels.stream_id:orders", '":orders" (line 1, column 26 of the filter)'),
        ("severity>=", '"severity>=" ends too early; write one comparison a line'),
        ('timestamp>="2026-01-01"', "only severity is compared by order"),
        ("severity>=BAD", "only severity is compared by order, with DEFAULT, DEBUG"),
        ('severity=~"("', '"(" is not a regular expression: missing )'),
    ],
)
def test_an_unsupported_filter_is_refused_with_its_position(text: str, message: str) -> None:
    """The error quotes the text from the first place that is not supported, and says what is."""
    with pytest.raises(FilterError) as caught:
        parse_log_filter(text)
    assert message in str(caught.value)


def test_a_path_leads_to_text_or_nothing() -> None:
    """Truth is spelt as in JSON, and neither a mapping nor a way that ends is a value."""
    assert field_text(ENTRY, "operation.first") == "true"
    assert field_text(ENTRY, "operation") is None
    assert field_text(ENTRY, "severity.name") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("EXTRACT(resource.labels.stream_id)", "orders"),
        ("EXTRACT( resource.labels.zone )", ""),
        ('REGEXP_EXTRACT(protoPayload.methodName, "(Update|Run)Stream")', "Update"),
        ('REGEXP_EXTRACT(protoPayload.methodName, "[a-z]+$")', "tream"),
        ('REGEXP_EXTRACT(protoPayload.methodName, "v(\\\\d)")', "1"),
        ('REGEXP_EXTRACT(protoPayload.methodName, "nothing")', ""),
    ],
)
def test_labels_are_extracted(text: str, value: str) -> None:
    """A field as a whole, or the first group of an expression, or all of what it matches."""
    extractor = parse_extractor(text)
    assert extract_label(extractor, ENTRY) == value
    assert parse_extractor(str(extractor)) == extractor


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("UPPER(severity)", '"UPPER(severity)" (line 1, column 1 of the extractor) is not'),
        ("EXTRACT(severity", "ends too early; write EXTRACT(path) or REGEXP_EXTRACT(path,"),
        ('REGEXP_EXTRACT(severity, "(")', '"(" is not a regular expression'),
    ],
)
def test_an_unsupported_extractor_is_refused(text: str, message: str) -> None:
    """An unknown function or a broken expression gets a sentence."""
    with pytest.raises(FilterError) as caught:
        parse_extractor(text)
    assert message in str(caught.value)


def test_the_projects_filters_are_supported(policies: tuple[Policy, ...]) -> None:
    """Every filter and extractor of the project's own policies can be evaluated."""
    on_logs = [policy for policy in policies if policy.is_log]
    assert on_logs
    for policy in on_logs:
        parse_log_filter(policy.filter or "")
        for text in policy.extractors.values():
            parse_extractor(text)
