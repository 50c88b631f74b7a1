"""Measures for how long each stream had no problem, every five minutes.

The dashboard does the same. A missing stream has a problem, for a day, or for as long
as it is required. What is unknown (the exporter was silent, the location was not read)
counts neither as available nor as an outage.
"""

from operator import attrgetter
from typing import NamedTuple

from lab.prove.engine import Engine
from lab.prove.incidents import firing_intervals, resource_name
from lab.timeline.spans import Period

_STEP = 300.0  # seconds
_NOW = (
    "max by (namespace, location, stream_id) (0 * ("
    "last_over_time(custom_googleapis_com:datastream_location_last_read[5m])"
    " - on (project_id, namespace, location) group_right ()"
    " last_over_time(custom_googleapis_com:datastream_stream_last_seen[24h]) > 45)"
    " or last_over_time(custom_googleapis_com:datastream_stream_expected[5m]))"
)


class Availability(NamedTuple):
    """How long a stream had no problem; times are in seconds."""

    stream: str  # its full name
    percent: float  # of the known time
    known: float
    problem: float  # all outages together
    longest: float  # the longest outage


def availability(engine: Engine, period: Period) -> list[Availability]:
    """Return the availability of each stream, the lowest first."""
    # Steps of a subquery are multiples of its step: both queries have the same ones.
    first = period.start // _STEP * _STEP
    last = period.end // _STEP * _STEP
    outages: dict[str, list[float]] = {}
    for series in engine.query_range(f"{_NOW} == 0", first, last, _STEP):
        lengths = outages[resource_name(series.labels, is_exporter=False)] = []
        for opened, closed in firing_intervals(
            series.values, retest_window=0, interval=_STEP, last=last
        ):
            lengths.append((closed or last + _STEP) - opened)
    found = []
    query = f"count_over_time({_NOW}[{last - first + 1:.0f}s:5m])"
    for series in engine.query_range(query, last, last, _STEP):
        name = resource_name(series.labels, is_exporter=False)
        known = _STEP * float(series.values[last])
        lengths = outages.get(name, [0.0])
        problem = sum(lengths)
        percent = round(100 * (1 - problem / known), 2)
        found.append(Availability(name, percent, known, problem, max(lengths)))
    return sorted(found, key=attrgetter("percent", "stream"))
