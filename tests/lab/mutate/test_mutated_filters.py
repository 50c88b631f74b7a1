"""What is changed in one place of a filter on log entries, and of its labels."""

from __future__ import annotations

from lab.filters.log_filter import extract_label, parse_extractor, parse_log_filter
from lab.mutate.filter_changes import extractor_changes, filter_changes


def test_each_line_is_left_out_and_negated() -> None:
    """A line that is negated already is no longer."""
    text = 'resource.type="a"\nNOT operation.last=true\n'
    assert dict(filter_changes(text)) == {
        'resource.type="a" left out': "NOT operation.last=true",
        'resource.type="a" with NOT': 'NOT resource.type="a"\nNOT operation.last=true',
        "NOT operation.last=true left out": 'resource.type="a"',
        "NOT operation.last=true without NOT": 'resource.type="a"\noperation.last=true',
    }


def test_a_group_is_changed_as_a_whole_and_inside() -> None:
    """Its last term is never left out, as nothing would be left in the parentheses."""
    assert dict(filter_changes("NOT (a=1 AND NOT b=2)")) == {
        "NOT (a=1 AND NOT b=2) left out": "",
        "NOT (a=1 AND NOT b=2) without NOT": "(a=1 AND NOT b=2)",
        "a=1 left out": "NOT (NOT b=2)",
        "a=1 with NOT": "NOT (NOT a=1 AND NOT b=2)",
        "NOT b=2 left out": "NOT (a=1)",
        "NOT b=2 without NOT": "NOT (a=1 AND b=2)",
    }
    assert [text for _, text in filter_changes("(a=1)")] == ["", "NOT (a=1)", "(NOT a=1)"]


def test_a_severity_is_moved_by_one_and_its_comparison_turned() -> None:
    """To the next lower and the next higher one that there is."""
    changed = [text for _, text in filter_changes("severity>=ERROR")]
    assert changed == [
        "",
        "NOT severity>=ERROR",
        "severity>=WARNING",
        "severity>=CRITICAL",
        "severity>ERROR",
    ]
    lowest = [text for _, text in filter_changes("severity<DEFAULT")]
    assert lowest[2:] == ["severity<DEBUG", "severity<=DEFAULT"]


def test_each_choice_of_an_expression_is_left_out() -> None:
    """What stands around them stays, and the filter is understood."""
    line = 'protoPayload.methodName=~"Datastream[.](Update|Run)Stream$"'
    changed = dict(filter_changes(line))
    assert changed[f"{line} without Update"] == line.replace("Update|", "")
    assert changed[f"{line} without Run"] == line.replace("|Run", "")
    assert all(parse_log_filter(text) for text in changed.values())


def test_a_label_is_left_out_and_loses_each_choice() -> None:
    """Of the entries that it no longer knows it is empty."""
    extractors = {
        "stream": "EXTRACT(resource.labels.stream_id)",
        "change": 'REGEXP_EXTRACT(protoPayload.methodName, "(Update|Run)Stream")',
    }
    changed = dict(extractor_changes(extractors))
    assert changed["label stream left out"] == {"change": extractors["change"]}
    assert changed["label change left out"] == {"stream": extractors["stream"]}
    without = changed["label change without Run"]["change"]
    entry = {"protoPayload": {"methodName": "RunStream"}}
    assert extract_label(parse_extractor(extractors["change"]), entry) == "Run"
    assert extract_label(parse_extractor(without), entry) == ""
