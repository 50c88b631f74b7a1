"""Log filters and label extractors: what they accept, and what they refuse."""

from typing import Any

import pytest

from lab.filters.log_filter import FilterError, parse_extractor, parse_log_filter
from tests.tables import rows

ENTRY: dict[str, Any] = {
    "logName": "projects/shop/logs/datastream.googleapis.com%2Fstream_activity",
    "severity": "WARNING",
    "resource": {
        "type": "datastream.googleapis.com/Stream",
        "labels": {"stream_id": "orders"},
    },
    "operation": {"first": True},
    "protoPayload": {
        "methodName": "google.cloud.datastream.v1.Datastream.UpdateStream"
    },
}

ACCEPTED = """
log_id("datastream.googleapis.com/stream_activity")
NOT log_id("cloudaudit.googleapis.com/activity")
logName="projects/shop/logs/datastream.googleapis.com%2Fstream_activity"
resource.type="datastream.googleapis.com/Stream"
severity=warning
severity>=WARNING
severity<ERROR
severity>NOTICE
protoPayload.methodName=~"Datastream[.](Update|Run)Stream$"
protoPayload.methodName=~"Datastream\\\\.UpdateStream$"
protoPayload.methodName!~"Delete"
NOT operation.last=true
operation.first=true
resource.labels."stream_id"=orders
(operation.first=true AND severity>=WARNING)
NOT (operation.first=true AND NOT severity>=WARNING)
NOT (operation.first=true severity>=ERROR)
(operation.last=true OR severity=WARNING)
NOT (operation.last=true OR NOT severity=WARNING)
""".strip()


@pytest.mark.parametrize("text", ["", "-- a comment", ACCEPTED, *ACCEPTED.splitlines()])
def test_a_filter_accepts_an_entry(text: str) -> None:
    """Each kind of comparison is supported, and every line has to hold."""
    assert parse_log_filter(text)(ENTRY)


@rows
def test_a_filter_leaves_an_entry_out(text: str) -> None:
    """One term that doesn't hold is enough; a missing field compares with nothing."""
    assert not parse_log_filter(text)(ENTRY)


@rows
def test_an_unsupported_filter_is_refused_with_its_position(
    text: str, message: str
) -> None:
    """The error quotes the text from the first unsupported place, and gives a hint."""
    with pytest.raises(FilterError) as caught:
        parse_log_filter(text)
    assert message in str(caught.value)


@rows
def test_labels_are_extracted(text: str, value: str) -> None:
    """A label is a whole field, an expression's first group, or all that it matches."""
    assert parse_extractor(text)(ENTRY) == value


@rows
def test_an_unsupported_extractor_is_refused(text: str, message: str) -> None:
    """An unknown function or a broken expression gets a sentence."""
    with pytest.raises(FilterError) as caught:
        parse_extractor(text)
    assert message in str(caught.value)
