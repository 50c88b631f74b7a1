"""Files of series: reading, error messages by line, and writing."""

from __future__ import annotations

import gzip
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import monitoring_v3
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.documents import InputError
from lab.backtest.history import History
from lab.backtest.series_files import read_series_file, series_line, write_series_file
from lab.backtest.time_series import series_parts

if TYPE_CHECKING:
    from pathlib import Path

NAME = "custom_googleapis_com:a"
PARTS = (NAME, f"{NAME}_count", f"{NAME}_sum", f"{NAME}_bucket")

POINT: dict[str, Any] = {
    "interval": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:01:00Z"},
    "value": {"int64Value": "2"},
}
SERIES: dict[str, Any] = {
    "metric": {"type": "custom.googleapis.com/a", "labels": {"stream_id": "orders"}},
    "resource": {"type": "generic_node", "labels": {"project_id": "ops-prod"}},
    "metricKind": "GAUGE",
    "valueType": "INT64",
    "points": [POINT],
}


def held(history: History) -> list[Any]:
    """Return the series in a history, sorted."""
    return sorted(history.series(dict.fromkeys(PARTS, float("-inf")), float("inf")), key=str)


def read(path: Path) -> list[Any]:
    """Return the series in a file."""
    history = History(PARTS)
    read_series_file(str(path), history)
    return held(history)


def lines(path: Path, *held: Any) -> Path:
    """Write documents, one on each line."""
    path.write_text("".join(f"{json.dumps(each)}\n" for each in held), "utf-8")
    return path


def changed(place: str, value: Any) -> dict[str, Any]:
    """Return the series with the value at a dotted path replaced, or removed by None."""
    document: dict[str, Any] = json.loads(json.dumps(SERIES))
    *path, last = place.split(".")
    at: Any = document
    for part in path:
        at = at[int(part)] if part.isdecimal() else at[part]
    if value is not None:
        at[int(last) if last.isdecimal() else last] = value
    else:
        at.pop(int(last) if last.isdecimal() else last)
    return document


def test_a_series_on_each_line_is_read(tmp_path: Path) -> None:
    """Empty lines and unused keys are ignored."""
    more = changed("unit", "1") | {"metadata": {"systemLabels": {}}}
    path = lines(tmp_path / "a.jsonl", more)
    path.write_text(f"\n{path.read_text('utf-8')}\n", "utf-8")
    (series,) = read(path)
    assert dict(series.labels) == {
        "stream_id": "orders",
        "project_id": "ops-prod",
        "monitored_resource": "generic_node",
    }
    assert [(point.time, point.value) for point in series.samples] == [(1767225660.0, 2.0)]


def test_a_response_on_each_line_is_read(tmp_path: Path) -> None:
    """Lines may be API responses; the last page may have no series."""
    path = lines(
        tmp_path / "pages.jsonl",
        {"timeSeries": [SERIES], "nextPageToken": "x", "unit": "1"},
        {"timeSeries": [changed("metric.labels.stream_id", "stock")]},
        {"unit": "{not_a_unit}"},
    )
    assert [dict(each.labels)["stream_id"] for each in read(path)] == ["orders", "stock"]


def test_parts_of_a_series_are_joined(tmp_path: Path) -> None:
    """The order does not matter, and a repeated point counts once."""
    early = changed("points.0.interval", {"endTime": "2025-12-31T00:00:00+01:00"})
    path = lines(tmp_path / "a.jsonl", SERIES, early, SERIES)
    (series,) = read(path)
    assert [point.time for point in series.samples] == [1767135600.0, 1767225660.0]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"int64Value": 3}, 3),
        ({"int64Value": "-4"}, -4),
        ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": 2}, 2),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"boolValue": True}, 1),
    ],
)
def test_every_kind_of_number_is_read(tmp_path: Path, value: Any, number: float) -> None:
    """Numbers of each type are read; integers may be strings, as in the API's JSON."""
    (series,) = read(lines(tmp_path / "a.jsonl", changed("points.0.value", value)))
    assert [point.value for point in series.samples] == [number]


def test_texts_are_ignored(tmp_path: Path) -> None:
    """Series of texts are not an error; PromQL has none."""
    texts = changed("points.0.value", {"stringValue": "x"}) | {"valueType": "STRING"}
    assert read(lines(tmp_path / "a.jsonl", texts)) == []


def buckets(kind: str, **options: float) -> dict[str, Any]:
    """Return a distribution with 41 buckets, or as many as the options say."""
    return {"count": "1", "bucketOptions": {kind: {"numFiniteBuckets": 40, **options}}}


NO_TIME = "is not a time such as 2026-01-31T12:00:00Z"
KINDS = "int64Value, doubleValue, boolValue, distributionValue"
FORM = ': is not of the form {"interval": {"endTime": …}, "value": {"int64Value": …}}'


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("metric", None, "metric: is missing; it must be an object"),
        ("metric", "a", 'metric: "a" is not an object'),
        ("metric.type", None, "metric.type: is missing; it must be a string"),
        ("metric.type", 5, "metric.type: 5 is not a string"),
        ("metric.labels", ["a"], 'metric.labels: ["a"] is not an object'),
        ("metric.labels.stream_id", 1, 'metric.labels: "stream_id": 1 is not a valid label'),
        ("metric.labels.a-b", "c", 'metric.labels: "a-b": "c" is not a valid label'),
        ("resource", None, "resource: is missing; it must be an object"),
        ("metricKind", None, "metricKind: is missing; allowed here: GAUGE, DELTA, CUMULATIVE"),
        ("metricKind", "GUAGE", 'metricKind: "GUAGE" is not a metric kind; did you mean GAUGE?'),
        ("points", {}, "points: {} is not a list"),
        ("points.0", 5, f"points[0]{FORM}"),
        ("points.0.value", {}, f"points[0]{FORM}"),
        ("points.0.interval.endTime", None, f"points[0]{FORM}"),
        (
            "points.0.interval.endTime",
            "2026-01-01T00:00:00",
            f'points[0].interval.endTime: "2026-01-01T00:00:00" {NO_TIME}',
        ),
        (
            "points.0.interval.startTime",
            5,
            f"points[0].interval.startTime: 5 {NO_TIME}",
        ),
        (
            "points.0.interval.startTime",
            "2026-02-01T00:00:00Z",
            'points[0].interval: ends at "2026-01-01T00:01:00Z", before its start',
        ),
        (
            "points.0.value",
            {"stringValue": "x"},
            f'points[0].value: {{"stringValue": "x"}} is not one of {KINDS}',
        ),
        (
            "points.0.value.int64Value",
            "2.5",
            'points[0].value.int64Value: "2.5" is not a valid value',
        ),
        (
            "points.0.value.int64Value",
            True,
            "points[0].value.int64Value: true is not a valid value",
        ),
        (
            "points.0.value",
            {"boolValue": "yes"},
            'points[0].value.boolValue: "yes" is not a valid value',
        ),
        (
            "points.0.value",
            {"distributionValue": {"count": "many"}},
            'points[0].value.distributionValue: {"count": "many"} is not a valid value',
        ),
        (
            "points.0.value",
            {"distributionValue": {"\ud800": 1}},
            'points[0].value.distributionValue: {"\\ud800": 1} is not a valid value',
        ),
        (
            "points.0.value",
            {"distributionValue": buckets("linearBuckets", numFiniteBuckets=2**31 - 1)},
            "points: a distribution has 2,147,483,648 buckets; at most 2,000 are read",
        ),
        (
            "points.0.value",
            {"distributionValue": buckets("exponentialBuckets", growthFactor=1e9, scale=1)},
            "points: a distribution has bucket bounds beyond the largest number",
        ),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, place: str, value: Any, message: str) -> None:
    """The error message has file, line, key, value and what is allowed."""
    path = lines(tmp_path / "a.jsonl", SERIES, changed(place, value))
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value) == f"{path}:2: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSON; each line must hold one series (jq -c '.timeSeries[]' splits an API "),
        ("\udce4", "is not JSON; "),
        ("[" * 100_000, "is not JSON; "),
        ("[]", "[] is not a series in the API's JSON form"),
        ('{"timeSeries": {}}', "timeSeries: {} is not a list"),
        ('{"timeSeries": [5]}', "timeSeries[0]: 5 is not a series"),
        ('{"timeSeries": [{}]}', "timeSeries[0].metric: is missing; it must be an object"),
    ],
)
def test_a_line_without_a_series_is_an_error(tmp_path: Path, line: str, message: str) -> None:
    """The error message says how to split a response into lines, the likeliest error."""
    path = tmp_path / "a.jsonl"
    path.write_text(line, "utf-8", "surrogateescape")
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}:1: {message}")


def test_a_delta_point_needs_a_start(tmp_path: Path) -> None:
    """A DELTA point without a start time is an error."""
    delta = changed("points.0.interval.startTime", None) | {"metricKind": "DELTA"}
    with pytest.raises(
        InputError, match=r"points\[0\].interval.startTime: is missing; a DELTA point"
    ):
        read(lines(tmp_path / "a.jsonl", delta))


def test_errors_are_listed_together(tmp_path: Path) -> None:
    """All errors are listed at once, at most fifty."""
    path = lines(tmp_path / "a.jsonl", *[changed("metric", None)] * 1000)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).splitlines()[49].startswith(f"{path}:50: ")
    assert str(error.value).endswith("… and 1 more")


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """The file is missing, a directory, not compressed, or cut off."""
    packed = tmp_path / "a.gz"
    for path, text in (
        (tmp_path / "none", "there is no such file; check the path"),
        (tmp_path, "is a directory; name the file in it"),
        (packed, "cannot be read ("),
    ):
        packed.write_text("no gzip", "utf-8")
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: {text}")
    packed.write_bytes(gzip.compress(series_line(message(SERIES)).encode() * 999)[:-40])
    with pytest.raises(InputError, match="cannot be read"):
        read(packed)


def message(document: dict[str, Any]) -> Any:
    """Return a series as a raw message."""
    return json_format.ParseDict(document, monitoring_v3.TimeSeries.pb(monitoring_v3.TimeSeries()))


@pytest.mark.parametrize("name", ["saved.jsonl", "saved.jsonl.gz"])
def test_a_saved_file_is_read_back(tmp_path: Path, name: str) -> None:
    """A saved file reads back the same, plain or compressed, and is complete once it appears."""
    path = tmp_path / name
    with write_series_file(str(path), threading.Event()) as keep:
        keep(message(SERIES))
        assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == [name]
    expected = History(PARTS)
    for part in series_parts(message(SERIES)):
        expected.add(part)
    assert read(path) == held(expected)


def test_an_interrupted_save_leaves_no_file(tmp_path: Path) -> None:
    """A failed or stopped save leaves no incomplete file."""
    stop = threading.Event()
    with pytest.raises(ZeroDivisionError), write_series_file(str(tmp_path / "a"), stop):
        raise ZeroDivisionError
    with write_series_file(str(tmp_path / "b"), stop) as keep:
        keep(message(SERIES))
        stop.set()
    assert not list(tmp_path.iterdir())


def test_a_save_overwrites_no_file(tmp_path: Path) -> None:
    """An existing file stays, and a missing directory is an error."""
    kept = lines(tmp_path / "a.jsonl", SERIES)
    for path, text in (
        (kept, "exists already; remove it or choose another name"),
        (tmp_path / "none" / "a", "cannot be written (No such file or directory); check the path"),
    ):
        with pytest.raises(InputError) as error, write_series_file(str(path), threading.Event()):
            pytest.fail("nothing can be saved here")
        assert str(error.value) == f"{path}: {text}"
    assert len(read(kept)) == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SECONDS = st.integers(1, 4_000_000_000)
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53).map(lambda value: {"int64_value": value}),
    st.floats(allow_nan=False).map(lambda value: {"double_value": value}),
    st.booleans().map(lambda value: {"bool_value": value}),
    st.integers(0, 99).map(
        lambda count: {
            "distribution_value": {
                "count": count,
                "mean": 1,
                "bucket_options": {"explicit_buckets": {"bounds": [1]}},
                "bucket_counts": [count],
            }
        }
    ),
)
TYPES = {
    "int64_value": "INT64",
    "double_value": "DOUBLE",
    "bool_value": "BOOL",
    "distribution_value": "DISTRIBUTION",
}


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Return any raw series that is a number or a distribution."""
    values = draw(st.lists(NUMBERS, min_size=1, max_size=4))
    field = next(iter(values[0]))
    points = [
        {
            "interval": {
                "start_time": {"seconds": (end := draw(SECONDS)) - draw(st.integers(0, 1))},
                "end_time": {"seconds": end, "nanos": draw(st.sampled_from([0, 5_000_000]))},
            },
            "value": value,
        }
        for value in values
        if field in value
    ]
    keys = st.from_regex(r"\A[a-zA-Z_][a-zA-Z0-9_]{0,8}\Z")
    return monitoring_v3.TimeSeries.pb(
        monitoring_v3.TimeSeries(
            metric={
                "type": "custom.googleapis.com/a",
                "labels": draw(st.dictionaries(keys, TEXTS, max_size=3)),
            },
            resource={
                "type": draw(TEXTS.filter(bool)),
                "labels": draw(st.dictionaries(keys, TEXTS, max_size=3)),
            },
            metric_kind=draw(st.sampled_from(["GAUGE", "DELTA", "CUMULATIVE"])),
            value_type=TYPES[field],
            points=points,
        )
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(messages(), max_size=3))
def test_any_series_is_the_same_from_a_file(tmp_path: Path, raw: list[Any]) -> None:
    """A line gives the engine the same series as the API's message."""
    path = tmp_path / "a.jsonl"
    path.write_bytes("".join(map(series_line, raw)).encode())
    expected = History(PARTS)
    for each in raw:
        for part in series_parts(each):
            expected.add(part)
    assert read(path) == held(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=messages())
def test_a_line_is_valid_api_json(raw: Any) -> None:
    """A line parses back into the same message with Google's parser."""
    again = json_format.Parse(series_line(raw), type(raw)())
    assert again == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PLACES = (
    "metric",
    "metric.type",
    "metric.labels",
    "metric.labels.stream_id",
    "resource",
    "resource.labels",
    "metricKind",
    "valueType",
    "points",
    "points.0",
    "points.0.interval",
    "points.0.interval.startTime",
    "points.0.interval.endTime",
    "points.0.value",
    "points.0.value.int64Value",
    "points.0.value.doubleValue",
    "points.0.value.distributionValue",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), JSON.filter(lambda value: value is not None))
def test_any_value_anywhere_is_read_or_an_error(tmp_path: Path, place: str, value: Any) -> None:
    """Any value in any place gives series or an error message."""
    path = lines(tmp_path / "a.jsonl", changed(place, value))
    try:
        read(path)
    except InputError as error:
        assert str(error).startswith(f"{path}:1: ")  # noqa: PT017 - it may be valid


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_an_error(tmp_path: Path, content: bytes) -> None:
    """Any bytes give series or an error message."""
    for name in ("a.jsonl", "a.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017 - it may be valid
