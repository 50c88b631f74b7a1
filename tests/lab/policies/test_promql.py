"""Parsed queries: their metrics, look-back windows and mistakes, and the labels of their results."""

import pytest

from exporter.measure.definitions import RESOURCE, metrics
from lab.policies import promql

STATE = 'custom_googleapis_com:datastream_stream_state{monitored_resource="generic_node"}'
UP = 'custom_googleapis_com:datastream_location_up{monitored_resource="generic_node"}'
FRESH = "datastream_googleapis_com:stream_freshness"
LATENCY = "datastream_googleapis_com:stream_total_latencies"

RANGES = (
    "returns ranges of points instead of one point per series; wrap it in a function such as "
    "last_over_time(…)"
)
NODE = "location monitored_resource namespace node_id project_id"
NATIVE = "location monitored_resource project_id resource_container stream_id"
OF_NODE = f"allowed here: {', '.join(NODE.split())}"


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        (STATE, f"{NODE} stream_id"),
        (f"last_over_time({STATE}[1h]) == 5", f"{NODE} stream_id"),
        (f"-({STATE} * 2)", f"{NODE} stream_id"),
        (f"2 * {STATE}", f"{NODE} stream_id"),
        (f"{STATE} > (1 + time())", f"{NODE} stream_id"),
        (f"topk(3, {STATE})", f"{NODE} stream_id"),
        (f"max_over_time({STATE}[1h:1m])", f"{NODE} stream_id"),
        (FRESH, NATIVE),
        (f"sum({FRESH})", ""),
        (f"sum by (stream_id) ({FRESH})", "stream_id"),
        (f"sum without (location) ({FRESH})", NATIVE.replace("location ", "")),
        (f'count_values by (location) ("state", {STATE})', "location state"),
        (
            f'label_replace(count_values by (stream_id) ("n", {STATE}), "s", "A", "n", "1")',
            "n s stream_id",
        ),
        (f'label_replace({FRESH}, "namespace", "$1", "project_id", "(.*)")', f"{NATIVE} namespace"),
        (f'label_replace({FRESH}, "location", "", "location", ".*")', NATIVE[len("location ") :]),
        (f'label_join({FRESH}, "name", "/", "project_id", "stream_id")', f"{NATIVE} name"),
        (f"{STATE} and on (location) {FRESH}", f"{NODE} stream_id"),
        (f"{STATE} unless on (location) {FRESH}", f"{NODE} stream_id"),
        (
            f"{STATE} == 5 and min_over_time({STATE}[15m]) < 5 and on (location) {UP} offset 30m > 5",
            f"{NODE} stream_id",
        ),
        (f"{STATE} or on () {UP}", NODE),
        (f"{STATE} == on (location, stream_id) {FRESH}", "location stream_id"),
        (f"{STATE} + ignoring (stream_id) {UP}", NODE),
        (f"{STATE} < on (location) group_left () {UP}", f"{NODE} stream_id"),
        (
            f"{STATE} * on (location) group_left (resource_container) {FRESH}",
            f"{NODE} resource_container stream_id",
        ),
        (f"{UP} * on (location) group_right () {STATE}", f"{NODE} stream_id"),
        (f"absent({STATE} > 0)", ""),
        (f"absent({STATE})", "monitored_resource"),
        (f'absent_over_time({FRESH}{{stream_id="a", location=~"b"}}[5m])', "stream_id"),
        (f"vector(scalar({STATE}))", ""),
        (f"{LATENCY}_count", f"{NATIVE} read_method"),
        (f"histogram_quantile(0.9, rate({LATENCY}_bucket[5m]))", f"{NATIVE} read_method"),
        (f"sum by (le) (rate({LATENCY}_bucket[5m])) # a comment", "le"),
        (f"day_of_week() > 5 and on () {STATE}", ""),
    ],
)
def test_a_result_has_labels(query: str, labels: str) -> None:
    """Functions, aggregations and joins keep, drop and add labels as Prometheus does."""
    parsed = promql.read(query)

    assert parsed.errors == ()
    assert parsed.result == set(labels.split())


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "is not PromQL: no expression found in input"),
        (
            f"{STATE} >",
            "is not PromQL: an operator, an operand, a comma or a bracket is missing or too many",
        ),
        (f"rates({FRESH}[5m])", "is not PromQL: unknown function with name 'rates'"),
        (
            f"rate({FRESH})",
            "is not PromQL: expected type matrix in call to function 'rate', got vector",
        ),
        (f"({FRESH}[5m])", RANGES),
        (f"{FRESH}[1h:1m]", RANGES),
        ("vector(1) > 0", "selects no metric, so it would fire always or never"),
        ('"text"', "selects no metric, so it would fire always or never"),
    ],
)
def test_an_invalid_query_is_an_error(query: str, sentence: str) -> None:
    """A query that is not PromQL, or that returns no series, is refused."""
    with pytest.raises(ValueError, match=r".") as caught:
        promql.read(query)

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "datastream_googleapis_com:stream_total_latency",
            "no metric is called datastream_googleapis_com:stream_total_latency in PromQL; did "
            "you mean datastream_googleapis_com:stream_total_latencies_sum?",
        ),
        ("up", "no metric is called up in PromQL; docs/reference.md lists the exporter's own"),
        (
            '{stream_id="a"}',
            "a selector has no metric name; Cloud Monitoring requires exact names",
        ),
        (
            f'{FRESH}{{stream_id="a" or stream_id="b"}}',
            "`or` between matchers is not PromQL; use a regular expression",
        ),
        (f'{FRESH}{{stream!="a"}}', f'{FRESH} has no label "stream"; did you mean stream_id?'),
        (
            f'{FRESH}{{monitored_resource="generic_node"}}',
            f'{FRESH} is not written to the monitored_resource "generic_node"; write '
            '"datastream.googleapis.com/Stream"',
        ),
        (
            f"sum by (namespace) ({FRESH})",
            f'sum: its series have no label "namespace"; allowed here: {", ".join(NATIVE.split())}',
        ),
        (
            f'label_replace({UP}, "a", "$1", "stream_id", "(.*)")',
            f'label_replace: its series have no label "stream_id"; {OF_NODE}',
        ),
        (
            f'label_join({UP}, "a", "/", "namespace", "stream")',
            f'label_join: its series have no label "stream"; {OF_NODE}',
        ),
        (
            f"{STATE} == on (location) group_left (owner) {UP}",
            f'group_left or group_right: the other side has no label "owner"; {OF_NODE}',
        ),
        (
            f"mad_over_time({FRESH}[5m])",
            "mad_over_time is experimental; Cloud Monitoring may not support it",
        ),
        (
            f"sum({STATE}) == {UP}",
            "the two sides of == never match: the left has none, the right has "
            f"{', '.join(NODE.split())}; write on (…) with the labels to match",
        ),
    ],
)
def test_an_unknown_metric_or_label_is_an_error(query: str, sentence: str) -> None:
    """The sentence lists the existing ones."""
    assert promql.read(query).errors == (sentence,)


def test_selectors_are_found() -> None:
    """Each selector has its metric and its equality matchers."""
    parsed = promql.read(
        f'last_over_time({FRESH}{{stream_id="a[9d]", location!="b"}}[90s]) and rate({FRESH}[1h30m])'
    )

    assert [each.metric for each in parsed.selectors] == [FRESH] * 2
    assert parsed.selectors[0].equal == {"stream_id": "a[9d]"}


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        (FRESH, 0),
        (f"{FRESH} offset 5m", 300),
        (f"{FRESH} offset -5m", 0),
        (f"rate({FRESH}[5m] offset 1h)", 3900),
        (f"max_over_time(rate({FRESH}[5m])[1h:1m] offset 10m)", 300 + 3600 + 600),
        (f"rate({FRESH}[5m]) > rate({FRESH}[1d])", 86400),
        (f"topk(scalar(rate({FRESH}[2h])), {FRESH})", 7200),
    ],
)
def test_a_query_looks_back(query: str, seconds: int) -> None:
    """Ranges, offsets and subqueries add up; of several selections the longest counts."""
    assert promql.read(query).look_back == seconds


def test_an_unknown_metric_may_have_any_label() -> None:
    """Where unknown metrics are allowed, the labels of their results are open."""
    parsed = promql.read('sum without (x) (up{job="a"}) and on (job) down', known_only=False)

    assert parsed.errors == ()
    assert promql.has(parsed.result, "anything")


@pytest.mark.parametrize(
    ("metric_type", "name"),
    [
        ("kubernetes.io/container/cpu/limit_cores", "kubernetes_io:container_cpu_limit_cores"),
        (
            "custom.googleapis.com/opencensus/opencensus.io/http/server/request_count_by_method",
            "custom_googleapis_com:opencensus_opencensus_io_http_server_request_count_by_method",
        ),
    ],
)
def test_a_type_has_its_name_in_promql(metric_type: str, name: str) -> None:
    """The first slash becomes a colon, every other special character an underscore."""
    assert promql.promql_name(metric_type) == name


def test_every_metric_of_the_exporter_is_known() -> None:
    """Each has its name in PromQL, the resource that it is written to, and its labels."""
    known = promql.known_series()

    for metric in metrics().values():
        series = known[promql.promql_name(metric.type)]
        assert (series.type, series.resource) == (metric.type, RESOURCE)
        assert series.labels >= {*NODE.split(), *metric.labels}
