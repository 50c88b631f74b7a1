"""Parsed queries: metrics, look-back windows, and mistakes."""

from typing import Any

import pytest

from lab.policies import promql
from tests.tables import beside, rows

NODE = ("location", "monitored_resource", "namespace", "node_id", "project_id")
NATIVE = (
    "location",
    "monitored_resource",
    "project_id",
    "resource_container",
    "stream_id",
)
FRESH = "datastream_googleapis_com:stream_freshness"
TEXTS = {
    "STATE": (
        'custom_googleapis_com:datastream_stream_state{monitored_resource="generic_node"}'
    ),
    "UP": (
        'custom_googleapis_com:datastream_location_up{monitored_resource="generic_node"}'
    ),
    "FRESH": FRESH,
    "LATENCY": "datastream_googleapis_com:stream_total_latencies",
    "NODE": ", ".join(NODE),
    "NATIVE": ", ".join(NATIVE),
}
QUERIES: dict[str, Any] = beside(__file__, "queries.yaml")


def full(text: str) -> str:
    """Return a text of the file with its short names replaced."""
    for name, written in TEXTS.items():
        text = text.replace(name, written)
    return text


@pytest.mark.parametrize(("query", "sentence"), QUERIES["invalid"].items())
def test_an_invalid_query_is_an_error(query: str, sentence: str) -> None:
    """A query that is not PromQL, or that returns no series, is refused."""
    with pytest.raises(ValueError, match=r".") as caught:
        promql.read(full(query))

    assert str(caught.value) == sentence


@pytest.mark.parametrize(("query", "sentence"), QUERIES["mistaken"].items())
def test_an_unknown_metric_or_label_is_an_error(query: str, sentence: str) -> None:
    """The sentence about an unknown metric or label lists the existing ones."""
    assert promql.read(full(query)).errors == [full(sentence)]


@rows
def test_a_query_looks_back(query: str, seconds: int) -> None:
    """Ranges, offsets and subqueries add up; the longest selection counts."""
    assert promql.read(query).look_back == seconds


def test_an_unknown_metric_may_have_any_label() -> None:
    """The labels of results of unknown metrics are open."""
    parsed = promql.read('up{job="a"} and on (job) down')

    assert parsed.errors == []
    assert parsed.labels == promql.ANY


def test_a_query_adds_labels_to_those_of_its_metrics() -> None:
    """A page may name the labels of the metrics, and those that the query writes."""
    parsed = promql.read(
        f'label_replace(count_values by (location) ("n", {FRESH}), "s", "A $1", "", "")'
    )

    assert parsed.labels == {*NATIVE, "n", "s"}


def test_a_type_has_its_name_in_promql() -> None:
    """The first slash becomes a colon, every other special character an underscore."""
    name = promql.promql_name(
        "custom.googleapis.com/opencensus/opencensus.io/http/count_by_method"
    )

    assert name == "custom_googleapis_com:opencensus_opencensus_io_http_count_by_method"
