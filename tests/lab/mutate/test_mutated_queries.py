"""What is changed in one place of a query."""

from __future__ import annotations

import pytest

from lab.mutate import query_tree
from lab.mutate.query_changes import query_changes
from lab.policies.files import read_policies
from tests.lab.conftest import POLICIES

STATE = "custom_googleapis_com:datastream_stream_state"
EXPECTED = "custom_googleapis_com:datastream_stream_expected"
FRESHNESS = "datastream_googleapis_com:stream_freshness"


def changed(query: str) -> dict[str, str]:
    """Return every change of a query by its words, with prefixes that are the same of all cut."""
    return {
        words: str(node).replace("custom_googleapis_com:datastream_", "").replace("{}", "")
        for words, node in query_changes(query_tree.parse(query))
    }


def test_a_comparison_is_turned_moved_and_left_out() -> None:
    """Each of it alone; whichever side the boundary is on."""
    assert changed(f"{STATE} >= 5") == {
        "stream_state >= 5 → >": "stream_state > 5",
        "stream_state >= 5 → 4": "stream_state >= 4",
        "stream_state >= 5 → 6": "stream_state >= 6",
        "stream_state >= 5 left out": "stream_state",
    }


def test_a_look_back_is_halved_doubled_and_left_out() -> None:
    """And what is done with its points is taken for something else."""
    assert changed(f"last_over_time({STATE}[400s])") == {
        "last_over_time(stream_state[400s]) → max_over_time": "max_over_time(stream_state[400s])",
        "last_over_time(stream_state[400s]) → min_over_time": "min_over_time(stream_state[400s])",
        "last_over_time(stream_state[400s]) without its look-back window": "stream_state",
        "stream_state[400s] → [200s]": "last_over_time(stream_state[200s])",
        "stream_state[400s] → [800s]": "last_over_time(stream_state[800s])",
    }


def test_absence_keeps_its_meaning_without_a_look_back() -> None:
    """A bare selector in its place would mean the opposite."""
    found = changed(f"absent_over_time({STATE}[2m])")
    assert found["absent_over_time(stream_state[2m]) without its look-back window"] == (
        "absent(stream_state)"
    )


def test_each_label_of_a_join_is_left_out_and_each_of_its_sides() -> None:
    """A suppression's left side alone is what it suppresses; its right side alone is nothing."""
    join = "and on (namespace, stream_id) stream_expected"
    assert changed(f"{STATE} and on (namespace, stream_id) {EXPECTED}") == {
        f"{join} without namespace": "stream_state and on (stream_id) stream_expected",
        f"{join} without stream_id": "stream_state and on (namespace) stream_expected",
        "and stream_expected left out": "stream_state",
        "stream_state and left out": "stream_expected",
    }
    assert set(changed(f"{STATE} unless {EXPECTED}")) == {"unless stream_expected left out"}


@pytest.mark.parametrize("group", ["group_left", "group_right"])
def test_a_comparison_of_two_metrics_loses_what_it_says_of_their_partners(group: str) -> None:
    """That many on one side match one on the other is a part of it."""
    found = changed(f"{STATE} < on (namespace) {group} () {EXPECTED}")
    assert found[f"< on (namespace) {group} () stream_expected without {group}"] == (
        "stream_state < on (namespace) stream_expected"
    )
    assert found["stream_state < stream_expected → <="] == (
        f"stream_state <= on (namespace) {group} () stream_expected"
    )


def test_an_aggregation_loses_each_label_its_function_and_itself() -> None:
    """Without a label, series that differ in it are merged."""
    assert changed(f"sum by (namespace, location) ({STATE})") == {
        "sum by (namespace, location) (stream_state) → count": (
            "count by (namespace, location) (stream_state)"
        ),
        "sum by (namespace, location) (stream_state) without namespace": (
            "sum by (location) (stream_state)"
        ),
        "sum by (namespace, location) (stream_state) without location": (
            "sum by (namespace) (stream_state)"
        ),
        "sum by (namespace, location) (stream_state): sum left out": "stream_state",
    }


def test_a_matcher_is_negated_left_out_and_loses_each_choice() -> None:
    """The other matchers stay."""
    query = f'{STATE}{{node_id="a", stream_id=~"b|c"}}'
    assert list(changed(query).values()) == [
        'stream_state{stream_id=~"b|c"}',
        'stream_state{node_id!="a", stream_id=~"b|c"}',
        'stream_state{node_id="a"}',
        'stream_state{node_id="a", stream_id!~"b|c"}',
        'stream_state{node_id="a", stream_id=~"c"}',
        'stream_state{node_id="a", stream_id=~"b"}',
    ]


def test_a_label_is_made_of_another_one() -> None:
    """Of each that the series carry; and not at all."""
    query = f'label_replace({FRESHNESS}, "namespace", "$1", "project_id", "(.*)")'
    assert list(changed(query).values()) == [
        FRESHNESS,
        *(
            f'label_replace({FRESHNESS}, "namespace", "$1", "{label}", "(.*)")'
            for label in ("location", "resource_container", "stream_id")
        ),
    ]


def test_a_tree_is_the_query_that_it_was_read_from() -> None:
    """Brackets that are needed come back, whatever is changed around them."""
    query = f"({STATE} > 1 or {EXPECTED}) and ({STATE} unless {EXPECTED})"
    root = query_tree.parse(query)
    assert query_tree.parse(str(root)) == root
    assert str(root) == (
        f"(({STATE}{{}} > 1) or {EXPECTED}{{}}) and ({STATE}{{}} unless {EXPECTED}{{}})"
    )


@pytest.mark.parametrize(
    "query",
    [
        f"{STATE} offset -5m",
        f"sum without (location) ({STATE})",
        f"topk(3, {STATE})",
        f"{STATE} == bool 1",
        f"{STATE} / ignoring (location) {EXPECTED}",
        f"{STATE} * on (namespace) group_left (location) {EXPECTED}",
        f"max_over_time({STATE}[5m:1m])",
        f"-{STATE}",
    ],
)
def test_what_is_not_understood_is_refused(query: str) -> None:
    """No part of a query stays unchanged unnoticed."""
    with pytest.raises(ValueError, match="is not supported"):
        query_tree.parse(query)
    with pytest.raises(ValueError, match="is not PromQL"):
        query_tree.parse(f"{query} (")


@pytest.mark.parametrize("seconds", [30, 90, 200, 400, 600, 2400, 3600, 5400, 86_400])
def test_a_duration_is_written_as_it_was_read(seconds: int) -> None:
    """In hours, minutes or seconds, whichever is whole."""
    root = query_tree.parse(f"last_over_time({STATE}[{seconds}s])")
    assert query_tree.parse(str(root)) == root
    assert query_tree.duration_text(seconds) in str(root)


def test_the_policies_are_understood() -> None:
    """Every query of them is the same after it was read and written."""
    queries = [policy.query for policy in read_policies(POLICIES) if policy.query]
    roots = [query_tree.parse(query) for query in queries]
    assert [query_tree.parse(str(root)) for root in roots] == roots
