"""Adjusts queries for points that become visible late.

The engine has each point at the moment when it becomes visible. Cloud Monitoring's look-back counts
from the point's timestamp, which is seconds or minutes earlier. A range that is shorter by this
delay sees the same points: with a delay of four minutes, ``[7m]`` becomes ``[3m]``. A query with an
``offset`` longer than the delay sees all points by their timestamps.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lab.simulate import native_series
from lab.simulate.series import OWN_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = "custom_googleapis_com:"

# A selector of a Cloud Monitoring metric (its name contains a colon) with its range and offset.
_SELECTOR = re.compile(
    r"""(?P<selector>(?P<name>[a-zA-Z_]\w*:\w+)
        (?P<matchers>\s*\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\})?)
        (?:\s*\[\s*(?P<length>[0-9a-z]+)\s*\])?
        (?:\s*\boffset\s+(?P<offset>[0-9a-z]+))?""",
    re.VERBOSE,
)
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNITS |= {"w": 7 * _UNITS["d"], "y": 365 * _UNITS["d"]}


class VisibilityDelay(NamedTuple):
    """Seconds from the timestamp of points until they are visible.

    Attributes:
        usual: For most points, approximately.
        most: The maximum.
    """

    usual: float
    most: float


def adjust_for_delay(query: str, delay: VisibilityDelay) -> str:
    """Return a query with which the engine sees what Cloud Monitoring would.

    Args:
        query: The policy's query.
        delay: The delay of the exporter's own points.
    """

    def adjusted(found: re.Match[str]) -> str:
        name, offset, length = found["name"], found["offset"], found["length"]
        usual, longest = delay
        if not name.startswith(_OWN):
            usual = longest = native_series.delay_seconds(name)
        if offset and _milliseconds(offset) >= longest * 1000:
            return f"{name}{OWN_TIME}{found[0].removeprefix(name)}"
        if not length:
            return found["selector"]
        left = _milliseconds(length) - round(usual * 1000)
        # If the range is too short for any point, select before all of them.
        return f"{found['selector']}{f'[{left}ms]' if left > 0 else '[1ms] @ 0'}"

    return _SELECTOR.sub(adjusted, query)


def without_range(query: str) -> Iterator[str]:
    """Yield each metric that a query selects without a range.

    The engine then looks back five minutes, and a silent series stays visible for as long.
    """
    for found in _SELECTOR.finditer(query):
        if not found["length"]:
            yield found["name"]


def _milliseconds(length: str) -> int:
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(length))
