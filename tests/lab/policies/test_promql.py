"""Parsed queries, and the labels of their results."""

from __future__ import annotations

import pytest

from lab.policies import promql

STATE = 'custom_googleapis_com:datastream_stream_state{monitored_resource="generic_node"}'
UP = 'custom_googleapis_com:datastream_location_up{monitored_resource="generic_node"}'
FRESH = "datastream_googleapis_com:stream_freshness"
LATENCY = "datastream_googleapis_com:stream_total_latencies"

PANIC = "cannot convert float seconds to Duration: value is either too big or NaN"
RANGES = (
    "returns ranges of points instead of one point per series; wrap it in a function such as "
    "last_over_time(…)"
)

NODE = "location monitored_resource namespace node_id project_id"
NATIVE = "location monitored_resource project_id resource_container stream_id"


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        (STATE, f"{NODE} stream_id"),
        (f"last_over_time({STATE}[1h]) == 5", f"{NODE} stream_id"),
        (f"-({STATE} * 2)", f"{NODE} stream_id"),
        (f"2 * {STATE}", f"{NODE} stream_id"),
        (f"{STATE} > (1 + time())", f"{NODE} stream_id"),
        (f"{STATE} > -time()", f"{NODE} stream_id"),
        (f"topk(3, {STATE})", f"{NODE} stream_id"),
        (f"max_over_time({STATE}[1h:1m])", f"{NODE} stream_id"),
        (FRESH, NATIVE),
        (f"sum({FRESH})", ""),
        (f"sum by (stream_id) ({FRESH})", "stream_id"),
        (f"sum without (location) ({FRESH})", NATIVE.replace("location ", "")),
        (f"topk by (location) (3, {FRESH})", NATIVE),
        (f'count_values by (location) ("state", {STATE})', "location state"),
        (f'label_replace({FRESH}, "namespace", "$1", "project_id", "(.*)")', f"{NATIVE} namespace"),
        (f'label_replace({FRESH}, "location", "", "location", ".*")', NATIVE[len("location ") :]),
        (f'label_join({FRESH}, "name", "/", "project_id", "stream_id")', f"{NATIVE} name"),
        (f"{STATE} and on (location) {FRESH}", f"{NODE} stream_id"),
        (f"{STATE} unless on (location) {FRESH}", f"{NODE} stream_id"),
        (f"{STATE} or on () {UP}", NODE),
        (f"{STATE} == on (location, stream_id) {FRESH}", "location stream_id"),
        (f"{STATE} + ignoring (stream_id) {UP}", NODE),
        (f"{STATE} + {STATE}", f"{NODE} stream_id"),
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
        (f"rate({LATENCY}_bucket[5m])", f"{NATIVE} le read_method"),
        (f"histogram_quantile(0.9, rate({LATENCY}_bucket[5m]))", f"{NATIVE} read_method"),
        (f"sum by (le) (rate({LATENCY}_bucket[5m])) # a comment", "le"),
        (f"day_of_week() > 5 and on () {STATE}", ""),
    ],
)
def test_a_result_has_labels(query: str, labels: str) -> None:
    """Functions, aggregations and joins keep, drop and add labels as Prometheus does."""
    parsed = promql.read(query)

    assert parsed.errors == ()
    assert parsed.result.names == set(labels.split())
    assert not parsed.result.open


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "is not PromQL: no expression found in input"),
        ("up{", "is not PromQL: unexpected end of input inside braces"),
        (
            f"{STATE} >",
            "is not PromQL: an operator, an operand, a comma or a bracket is missing or too many",
        ),
        (f"rates({FRESH}[5m])", "is not PromQL: unknown function with name 'rates'"),
        (
            f"rate({FRESH})",
            "is not PromQL: expected type matrix in call to function 'rate', got vector",
        ),
        (f'{FRESH}{{location=~"("}}', "is not PromQL: illegal regex for ("),
        (
            f"({FRESH}[5m])",
            RANGES,
        ),
        (
            f"{FRESH}[1h:1m]",
            RANGES,
        ),
        ("vector(1) > 0", "selects no metric, so it would fire always or never"),
        ('"text"', "selects no metric, so it would fire always or never"),
        (" + ".join([FRESH] * 300), "has more than 500 words and symbols; shorten it"),
        ("(" * 200_000, "has more than 500 words and symbols; shorten it"),
        ("-" * 200_000 + FRESH, "has more than 500 words and symbols; shorten it"),
        *(
            (
                f"{FRESH}{duration}",
                f'has a duration of "{seconds}" seconds; Prometheus allows at most 292 years',
            )
            for duration, seconds in (
                ("[1e30]", "1e30"),
                ("[5m:99999999999]", "99999999999"),
                (" offset - 0xfffffffffff", "0xfffffffffff"),
                (" OFFSET nan", "nan"),
            )
        ),
        (
            f"{FRESH} offset # long\n1e30",
            f"can't be parsed: {PANIC}",
        ),
    ],
)
def test_an_invalid_query_is_an_error(query: str, sentence: str) -> None:
    """Also one that returns no series, and one that the parser's native code would give up on."""
    with pytest.raises(ValueError, match=r".") as caught:
        promql.read(query)

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "datastream_googleapis_com:stream_total_latency",
            (
                "no metric is called datastream_googleapis_com:stream_total_latency in PromQL; did "
                "you mean datastream_googleapis_com:stream_total_latencies_sum?"
            ),
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
        (
            f'{FRESH}{{stream="a"}}',
            (f'{FRESH} has no label "stream"; did you mean stream_id?'),
        ),
        (
            f'{FRESH}{{monitored_resource="generic_node"}}',
            (
                f'{FRESH} is not written to the monitored_resource "generic_node"; write '
                '"datastream.googleapis.com/Stream"'
            ),
        ),
        (
            f"sum by (namespace) ({FRESH})",
            (
                'sum: its series have no label "namespace"; allowed here: location, '
                "monitored_resource, project_id, resource_container, stream_id"
            ),
        ),
        (
            f'label_replace({UP}, "a", "$1", "stream_id", "(.*)")',
            (
                'label_replace: its series have no label "stream_id"; allowed here: '
                "location, monitored_resource, namespace, node_id, project_id"
            ),
        ),
        (
            f'label_join({UP}, "a", "/", "namespace", "stream")',
            (
                'label_join: its series have no label "stream"; allowed here: location, '
                "monitored_resource, namespace, node_id, project_id"
            ),
        ),
        (
            f"{STATE} == on (location) group_left (owner) {UP}",
            (
                'group_left or group_right: the other side has no label "owner"; allowed here: '
                "location, monitored_resource, namespace, node_id, project_id"
            ),
        ),
        (
            f"mad_over_time({FRESH}[5m])",
            "mad_over_time is experimental; Cloud Monitoring may not support it",
        ),
        (f"limitk(1, {FRESH})", "limitk is experimental; Cloud Monitoring may not support it"),
        (
            f"sum({STATE}) == {UP}",
            (
                "the two sides of == never match: the left has none, the right has "
                "location, monitored_resource, namespace, node_id, project_id; write on (…) with "
                "the labels to match"
            ),
        ),
    ],
)
def test_an_unknown_metric_or_label_is_an_error(query: str, sentence: str) -> None:
    """The sentence lists the existing ones."""
    assert promql.read(query).errors == (sentence,)


@pytest.mark.parametrize(
    "query",
    [
        f"max_over_time({FRESH}[9e9])",
        f"max_over_time({FRESH}[5m:1e9])",
        f"{FRESH} offset 1000",
        f'{FRESH}{{stream_id="[1e30]"}}',
    ],
)
def test_a_duration_may_be_a_number_of_seconds(query: str) -> None:
    """Prometheus reads such durations, and so does this; a text is none."""
    (selector,) = promql.read(query).selectors
    assert selector.metric == FRESH


def test_selectors_and_ranges_are_found() -> None:
    """Each selector with its matchers, each range as written."""
    parsed = promql.read(
        f'last_over_time({FRESH}{{stream_id="a[9d]", location!="b"}}[90s]) and max_over_time('
        f"{FRESH}[1h:5m]) and rate({FRESH}[1h30m])"
    )

    assert [each.metric for each in parsed.selectors] == [FRESH] * 3
    assert parsed.selectors[0].equal == {"stream_id": "a[9d]"}
    assert parsed.selectors[0].keys == {"stream_id", "location"}
    assert parsed.ranges == ("90s", "1h30m")


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


def test_both_sides_of_an_or_are_found() -> None:
    """So a check can find causes that would open two incidents."""
    ((left, right),) = promql.read(f"sum by (location) ({STATE}) or {UP}").alternatives

    assert left.names == {"location"}
    assert right.names == set(NODE.split())


def test_an_unknown_metric_may_have_any_label() -> None:
    """Where unknown metrics are allowed, the labels of their results are open."""
    parsed = promql.read('sum without (x) (up{job="a"}) and on (job) down', known_only=False)

    assert parsed.errors == ()
    assert "anything" in parsed.result
