"""Files of series: JSON lines, each a TimeSeries in the API's JSON form, or an API response.

Source of the form: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TimeSeries
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from google.api.distribution_pb2 import Distribution
from google.protobuf import json_format

from exporter.documents import reading
from exporter.documents import MOST_REPORTED, InputError
from exporter.documents import hint
from exporter.text import printable, quote
from lab.backtest.time_series import (
    DELTA,
    METRIC_KINDS,
    DistributionError,
    SeriesPart,
    with_points,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from lab.backtest.history import History
    from lab.backtest.raw_messages import RawPoint, RawSeries

GZIP_ENDING = ".gz"

_LABEL_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_DISTRIBUTION = "distributionValue"
_VALUE_KEYS = ("int64Value", "doubleValue", "boolValue", _DISTRIBUTION)
_RESPONSE_KEYS = {"nextPageToken", "unit", "executionErrors"}
_TYPE_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}
_CACHED_TIMES = 1 << 17
_LONGEST_LINE = 64 << 20
"""Bytes. A response with 100,000 points, the API's maximum, has a quarter of that."""
_ONE_SERIES = (
    "each line must hold one series (jq -c '.timeSeries[]' splits an API response into lines)"
)

T = TypeVar("T")


class _LineError(Exception):
    """An error in a line; ``str()`` is its place in the line, if known, and what is wrong."""


def read_series_file(path: str, history: History) -> None:
    """Read the series in a file into a history.

    Args:
        path: The file; compressed if its name ends in ``.gz``.
        history: Receives the points.

    Raises:
        InputError: All errors in the file, by line.
    """
    errors: list[str] = []
    opened = gzip.open if path.endswith(GZIP_ENDING) else open
    with reading(path), opened(path, "rb") as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE + 1), b"")
        for number, line in enumerate(lines, start=1):
            try:
                for part in _parse_line(line):
                    history.add(part)
            except _LineError as error:
                errors.append(f"{printable(path)}:{number}: {error}")
            if len(errors) > MOST_REPORTED or len(line) > _LONGEST_LINE:
                break
    if errors:
        raise InputError(errors)


def _parse_line(line: bytes) -> Iterator[SeriesPart]:
    if len(line) > _LONGEST_LINE:
        raise _LineError(f"is longer than {_LONGEST_LINE >> 20} MiB; {_ONE_SERIES}")
    if not line.strip():
        return
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise _LineError(f"is not JSON; {_ONE_SERIES}") from None
    if not isinstance(document, dict):
        raise _LineError(f"{quote(document)} is not a series in the API's JSON form")
    if "timeSeries" in document:
        for index, series in enumerate(_member(document, "timeSeries", list)):
            try:
                yield from _parse_series(series)
            except _LineError as error:
                separator = "." if isinstance(series, dict) else ": "
                raise _LineError(f"timeSeries[{index}]{separator}{error}") from None
    elif document.keys() - _RESPONSE_KEYS:
        yield from _parse_series(document)


def _parse_series(series: object) -> Iterator[SeriesPart]:
    if not isinstance(series, dict):
        raise _LineError(f"{quote(series)} is not a series")
    if series.get("valueType") == "STRING":
        return
    metric, resource = _member(series, "metric", dict), _member(series, "resource", dict)
    kind = series.get("metricKind")
    if kind not in METRIC_KINDS:
        problem = "is missing" if kind is None else f"{quote(kind)} is not a metric kind"
        raise _LineError(f"metricKind: {problem}; {hint(str(kind), METRIC_KINDS)}")
    whole = SeriesPart(
        _member(metric, "type", str, place="metric."),
        kind,
        _labels(metric, "metric"),
        _member(resource, "type", str, place="resource."),
        _labels(resource, "resource"),
    )
    points = _member(series, "points", list, [])
    try:
        yield from with_points(whole, map(partial(_row, kind), itertools.count(), points))
    except DistributionError as error:
        raise _LineError(f"points: a distribution {error}") from None


def _row(kind: str, index: int, point: Any) -> tuple[float, float, float | Distribution]:
    """Return a point's start, end and value."""
    place = f"points[{index}]"
    try:
        interval, value = point["interval"], point["value"]
        end_time, start_time = interval["endTime"], interval.get("startTime")
        (key, number), *more = value.items()
    except (AttributeError, KeyError, TypeError, ValueError):
        form = '{"interval": {"endTime": …}, "value": {"int64Value": …}}'
        raise _LineError(f"{place}: is not of the form {form}") from None
    if start_time is None and kind == DELTA:
        raise _LineError(f"{place}.interval.startTime: is missing; a DELTA point needs it")
    end = _time(end_time, f"{place}.interval.endTime")
    start = end if start_time is None else _time(start_time, f"{place}.interval.startTime")
    if start > end:
        raise _LineError(f"{place}.interval: ends at {quote(end_time)}, before its start")
    if more or key not in _VALUE_KEYS:
        raise _LineError(f"{place}.value: {quote(value)} is not one of {', '.join(_VALUE_KEYS)}")
    try:
        return start, end, _distribution(number) if key == _DISTRIBUTION else _number(key, number)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise _LineError(f"{place}.value.{key}: {quote(number)} is not a valid value") from None


def _time(value: Any, place: str) -> float:
    try:
        return _unix_seconds(value)
    except (TypeError, ValueError, OverflowError):
        problem = f"{quote(value)} is not a time such as 2026-01-31T12:00:00Z"
        raise _LineError(f"{place}: {problem}") from None


def _distribution(value: Any) -> Distribution:
    """Return a distribution.

    Raises:
        ValueError: It is malformed.
    """
    message = Distribution()
    try:
        json_format.ParseDict(value, message, ignore_unknown_fields=True)
    except (json_format.ParseError, SystemError) as error:
        # Protobuf has a SystemError for a key with half a character, which JSON can write.
        raise ValueError(value) from error
    return message


def _number(key: str, value: str | float) -> float:
    """Return a value's number.

    Raises:
        ValueError: It has another type, or an integer has a fraction.
    """
    if isinstance(value, bool) is not (key == "boolValue"):
        raise ValueError(value)
    number = float(value)
    if key == "int64Value" and not number.is_integer():
        raise ValueError(value)
    return number


@lru_cache(_CACHED_TIMES)
def _unix_seconds(text: str) -> float:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return time.timestamp()


def _labels(parent: dict[str, Any], place: str) -> dict[str, str]:
    labels: dict[str, str] = _member(parent, "labels", dict, {}, place=f"{place}.")
    for key, value in labels.items():
        if not (_LABEL_KEY.fullmatch(key) and isinstance(value, str)):
            raise _LineError(f"{place}.labels: {quote(key)}: {quote(value)} is not a valid label")
    return labels


def _member(
    parent: dict[str, Any], key: str, kind: type[T], default: T | None = None, place: str = ""
) -> T:
    found = parent.get(key, default)
    if found is None:
        raise _LineError(f"{place}{key}: is missing; it must be {_TYPE_NAMES[kind]}")
    if not isinstance(found, kind) or found == "":
        raise _LineError(f"{place}{key}: {quote(found)} is not {_TYPE_NAMES[kind]}")
    return found


@contextmanager
def write_series_file(path: str, stop: Event) -> Iterator[Callable[[RawSeries], None]]:
    """Yield a function that writes raw TimeSeries to a new file; threads may share it.

    The file appears when the block ends without an error and ``stop`` is not set.

    Args:
        path: The file; compressed if its name ends in ``.gz``.
        stop: Set to interrupt the writing.

    Raises:
        InputError: The file exists already, or cannot be written.
    """
    name, target = printable(path), Path(path)
    unfinished = target.with_name(f"{target.name}.part")
    if target.exists():
        raise InputError([f"{name}: exists already; remove it or choose another name"])
    try:
        raw = unfinished.open("wb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([f"{name}: cannot be written ({reason}); check the path"]) from None
    lock = threading.Lock()
    try:
        with raw, gzip.open(raw, "wb") if path.endswith(GZIP_ENDING) else raw as out:

            def write(series: RawSeries) -> None:
                line = series_line(series).encode()
                with lock:
                    out.write(line)

            yield write
        if not stop.is_set():
            unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def series_line(series: RawSeries) -> str:
    """Return a raw TimeSeries as a line of JSON."""
    head = type(series)(
        metric=series.metric,
        resource=series.resource,
        metric_kind=series.metric_kind,
        value_type=series.value_type,
        unit=series.unit,
    )
    opened = json.dumps(json_format.MessageToDict(head), ensure_ascii=False)[:-1]
    points = ", ".join(map(_point_json, series.points))
    return f'{opened}, "points": [{points}]}}\n'


def _point_json(point: RawPoint) -> str:
    if point.value.WhichOneof("value") != "int64_value":
        return json.dumps(json_format.MessageToDict(point), ensure_ascii=False)
    # Most points are integers, and json_format is slow.
    interval = point.interval
    times = f'"endTime": "{_timestamp(interval.end_time.seconds, interval.end_time.nanos)}"'
    if interval.HasField("start_time"):
        start = _timestamp(interval.start_time.seconds, interval.start_time.nanos)
        times = f'"startTime": "{start}", {times}'
    return f'{{"interval": {{{times}}}, "value": {{"int64Value": "{point.value.int64_value}"}}}}'


@lru_cache(_CACHED_TIMES)
def _timestamp(seconds: int, nanos: int) -> str:
    fraction = f".{nanos:09d}" if nanos else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
