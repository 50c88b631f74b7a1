"""Series written to a file, as :mod:`lab.backtest.exported` reads them."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from exporter.inputs.input_errors import InputError
from exporter.text import printable
from lab.backtest.exported import PACKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

_TIMES = 1 << 17


@contextmanager
def saving(path: str, stop: Event) -> Iterator[Callable[[Any], None]]:
    """Give what writes raw TimeSeries to a file; threads may share it.

    The file is there once the block has ended well, unless ``stop`` is set by then.

    Args:
        path: The file; compressed where its name ends in ``.gz``.
        stop: Set when somebody asks to stop.

    Raises:
        InputError: There is such a file, or it can not be written.
    """
    name, target = printable(path), Path(path)
    unfinished = target.with_name(f"{target.name}.part")
    if target.exists():
        raise InputError([f"{name}: is there already; remove it or choose another name"])
    try:
        raw = unfinished.open("wb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([f"{name}: can not be written ({reason}); check the path"]) from None
    writing = threading.Lock()
    try:
        with raw, gzip.open(raw, "wb") if path.endswith(PACKED) else raw as out:

            def write(series: Any) -> None:
                line = as_line(series).encode()
                with writing:
                    out.write(line)

            yield write
        if not stop.is_set():
            unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def as_line(series: Any) -> str:
    """Return a raw TimeSeries as a line of JSON."""
    head = type(series)(
        metric=series.metric,
        resource=series.resource,
        metric_kind=series.metric_kind,
        value_type=series.value_type,
        unit=series.unit,
    )
    opened = json.dumps(json_format.MessageToDict(head), ensure_ascii=False)[:-1]
    points = ", ".join(_point(point) for point in series.points)
    return f'{opened}, "points": [{points}]}}\n'


def _point(point: Any) -> str:
    """Return a point; by hand where it is a whole number, as Google's own way takes long."""
    if point.value.WhichOneof("value") != "int64_value":
        return json.dumps(json_format.MessageToDict(point), ensure_ascii=False)
    interval = point.interval
    times = f'"endTime": "{_written(interval.end_time.seconds, interval.end_time.nanos)}"'
    if interval.HasField("start_time"):
        begun = _written(interval.start_time.seconds, interval.start_time.nanos)
        times = f'"startTime": "{begun}", {times}'
    return f'{{"interval": {{{times}}}, "value": {{"int64Value": "{point.value.int64_value}"}}}}'


@lru_cache(_TIMES)
def _written(seconds: int, nanos: int) -> str:
    fraction = f".{nanos:09d}" if nanos else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
