"""Series in files: JSON lines, each a TimeSeries as the API's JSON has it, or an answer of some.

Source of the form: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TimeSeries
"""

from __future__ import annotations

import gzip
import json
import math
import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.api import distribution_pb2
from google.protobuf import json_format

from exporter.inputs.input_errors import MOST_TOLD, InputError
from exporter.inputs.spelling import hint
from exporter.text import printable, quote
from lab.backtest.distributions import Parts, distribution_of
from lab.backtest.history import DELTA, KINDS, Piece, Points

if TYPE_CHECKING:
    from collections.abc import Iterator
    from gzip import GzipFile
    from io import BufferedReader

    from lab.backtest.history import History

PACKED = ".gz"
"""What ends the name of a file that is compressed."""

_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_DISTRIBUTION = "distributionValue"
_NUMBERS = ("int64Value", "doubleValue", "boolValue", _DISTRIBUTION)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TIMES = 1 << 17


class _Wrong(Exception):  # noqa: N818 - a mistake in a line, told with others
    """What is wrong with a line; ``str()`` is the place in it, if any, and the sentence."""


def read_exported(path: str, into: History) -> None:
    """Read series from a file.

    Args:
        path: The file; compressed where its name ends in ``.gz``.
        into: Where the points go.

    Raises:
        InputError: All that is wrong with it, by line.
    """
    name = printable(path)
    told: list[str] = []
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    for piece in _pieces(line):
                        into.add(piece)
                except _Wrong as wrong:
                    told.append(f"{name}:{number}: {wrong}")
                if len(told) > MOST_TOLD:
                    break
    except FileNotFoundError:
        raise InputError([f"{name}: there is no such file; check the path"]) from None
    except IsADirectoryError:
        raise InputError([f"{name}: is a directory; name the file in it"]) from None
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it is cut off"
        raise InputError([f"{name}: can not be read ({reason}); check the file"]) from None
    if told:
        raise InputError(told)


def _opened(path: str) -> GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.endswith(PACKED) else Path(path).open("rb")


def _pieces(line: bytes) -> Iterator[Piece]:
    """Yield the series of a line.

    Raises:
        _Wrong: It holds none, or one that can not be read.
    """
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        raise _Wrong(
            "is no JSON; each line holds one series (jq -c '.timeSeries[]' makes lines of an "
            "answer of the API)"
        ) from None
    if not isinstance(held, dict):
        raise _Wrong(f"{quote(held)} stands where a series is needed, as the API's JSON has it")
    if "timeSeries" in held:
        series = _of(held, "timeSeries", list, "a list of series")
        for index, each in enumerate(series):
            try:
                yield from _series(each)
            except _Wrong as wrong:
                between = "." if isinstance(each, dict) else ": "
                raise _Wrong(f"timeSeries[{index}]{between}{wrong}") from None
    elif held.keys() - {"nextPageToken", "unit", "executionErrors"}:
        yield from _series(held)


def _series(held: Any) -> Iterator[Piece]:
    if not isinstance(held, dict):
        raise _Wrong(f"{quote(held)} stands where a series is needed")
    if held.get("valueType") == "STRING":
        return
    metric = _of(held, "metric", dict, "a mapping")
    resource = _of(held, "resource", dict, "a mapping")
    kind = held.get("metricKind")
    if kind not in KINDS:
        seen = "is missing" if kind is None else f"{quote(kind)} is no kind"
        raise _Wrong(f"metricKind: {seen}; {hint(str(kind), KINDS)}")
    points, parts = Points(), Parts()
    for index, point in enumerate(_of(held, "points", list, "a list", [])):
        try:
            _add(point, points, parts, kind)
        except _Wrong as wrong:
            raise _Wrong(f"points[{index}]{wrong}") from None
    whole = Piece(
        _text(metric, "metric"),
        kind,
        _labels(metric, "metric"),
        _text(resource, "resource"),
        _labels(resource, "resource"),
        points,
    )
    yield whole
    if parts.count:
        yield from parts.pieces(whole)


def _add(point: Any, points: Points, parts: Parts, kind: str) -> None:
    """Add a point to those of numbers or of distributions.

    Raises:
        _Wrong: It can not be read.
    """
    try:
        interval, value = point["interval"], point["value"]
        ends = interval["endTime"]
        starts = interval.get("startTime")
        (field, written), *more = value.items()
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _Wrong(
            ': has not the form {"interval": {"endTime": …}, "value": {"int64Value": …}}'
        ) from None
    if starts is None and kind == DELTA:
        raise _Wrong(".interval.startTime: is missing; a point of a DELTA counts from then on")
    end = _time(ends, "endTime")
    start = end if starts is None else _time(starts, "startTime")
    if start > end:
        raise _Wrong(f".interval: ends at {quote(ends)}, before it starts")
    if more or field not in _NUMBERS:
        raise _Wrong(f".value: {quote(value)} is not one of {', '.join(_NUMBERS)}")
    if field == _DISTRIBUTION:
        message = distribution_pb2.Distribution()
        try:
            json_format.ParseDict(written, message, ignore_unknown_fields=True)
        except (json_format.ParseError, AttributeError, TypeError, ValueError):
            raise _Wrong(f".value.{field}: is no distribution") from None
        parts.add(start, end, distribution_of(message))
    else:
        points.add(start, end, _number(field, written))


def _number(field: str, written: Any) -> float:
    if field == "boolValue" and isinstance(written, bool):
        return float(written)
    if field == "doubleValue" and written in ("NaN", "Infinity", "-Infinity"):
        return _SPECIAL[written]
    try:
        if isinstance(written, str | int | float) and not isinstance(written, bool):
            number = float(written)
            if field == "doubleValue" or number.is_integer():
                return number
    except (ValueError, OverflowError):
        pass
    raise _Wrong(f".value.{field}: {quote(written)} is not such a value")


def _time(written: Any, key: str) -> float:
    try:
        return _seconds(written)
    except (TypeError, ValueError, OverflowError):
        raise _Wrong(
            f".interval.{key}: {quote(written)} is no time such as 2026-01-31T12:00:00Z"
        ) from None


@lru_cache(_TIMES)
def _seconds(written: str) -> float:
    at = datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise ValueError(written)
    return at.timestamp()


def _text(of: dict[str, Any], within: str) -> str:
    held = of.get("type")
    if not isinstance(held, str) or not held:
        seen = "is missing" if held is None else f"{quote(held)} is no such text"
        raise _Wrong(f"{within}.type: {seen}")
    return held


def _labels(of: dict[str, Any], within: str) -> dict[str, str]:
    held = of.get("labels", {})
    if not isinstance(held, dict):
        raise _Wrong(f"{within}.labels: {quote(held)} stands where a mapping is needed")
    for key, value in held.items():
        if not (_KEY.fullmatch(key) and isinstance(value, str)):
            raise _Wrong(f"{within}.labels: {quote(key)}: {quote(value)} is no label with a text")
    return held


def _of(held: dict[str, Any], key: str, kind: type, needed: str, default: Any = None) -> Any:
    found = held.get(key, default)
    if not isinstance(found, kind):
        seen = "is missing" if found is None else f"{quote(found)} stands there"
        raise _Wrong(f"{key}: {seen}; {needed} is needed")
    return found
