"""What a query can see: points become visible late, but count from their own time.

The engine holds each point at the moment from which it can be read. Cloud Monitoring's look-back,
though, counts from the time that the point carries, some seconds or minutes before. A range that
is shorter by that much sees what Cloud Monitoring's would: of points that come four minutes late,
``[7m]`` sees three. Where a query looks at an earlier time, by an ``offset`` that is longer than
points are late, it sees all of them by their own times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lab.simulate import native_series
from lab.simulate.series import OWN_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = "custom_googleapis_com:"

# A selector of a metric of Cloud Monitoring, whose name holds a colon, with its range and offset.
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
    """Seconds from the time that points carry until they can be read.

    Attributes:
        usual: Of most points, near enough.
        most: Of any.
    """

    usual: float
    most: float


def adjust_for_delay(query: str, late: VisibilityDelay) -> str:
    """Return a query for the engine that sees what Cloud Monitoring's would.

    Args:
        query: The policy's.
        late: How late the exporter's own points come.
    """

    def seen(found: re.Match[str]) -> str:
        name = found["name"]
        by = (
            late
            if name.startswith(_OWN)
            else VisibilityDelay(*[native_series.delay_seconds(name)] * 2)
        )
        offset, length = found["offset"], found["length"]
        if offset and _milliseconds(offset) >= by.most * 1000:
            own = found[0].removeprefix(name)
            return f"{name}{OWN_TIME}{own}"
        if not length:
            return found["selector"]
        left = _milliseconds(length) - round(by.usual * 1000)
        # A range that is too short for any point sees what was before all of them.
        return f"{found['selector']}{f'[{left}ms]' if left > 0 else '[1ms] @ 0'}"

    return _SELECTOR.sub(seen, query)


def without_range(query: str) -> Iterator[str]:
    """Yield each metric that a query selects without a range.

    How far back such a selector looks is the engine's choice (five minutes), and a series that
    fell silent lives on in it for as long.
    """
    for found in _SELECTOR.finditer(query):
        if not found["length"]:
            yield found["name"]


def _milliseconds(length: str) -> int:
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(length))
