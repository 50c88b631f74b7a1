"""Holds Cloud Monitoring's series for the engine, by when points become visible.

A point is visible seconds after it was written, one of Google's own metrics minutes
after. The engine has each point at the moment when it becomes visible, but Cloud
Monitoring's look-back counts from the point's timestamp. A range that is shorter by the
delay sees the same points: with a delay of four minutes, ``[7m]`` becomes ``[3m]``. A
query with an ``offset`` longer than the delay sees all points by their timestamps; for
it, the engine holds each series a second time.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, TextIO

from exporter.states import StreamState
from lab.emulator.snapshots import Snapshot, Snapshots, StreamSnapshot
from lab.emulator.world import CopyEvents, DropEvents, glob_matches
from lab.filters.log_filter import parse_extractor, parse_log_filter
from lab.policies.files import log_metric
from lab.policies.model import MINUTE
from lab.policies.promql import promql_name
from lab.promql_durations import parse_seconds
from lab.simulate.log_entries import LogEntry
from lab.simulate.scenario import ScenarioFile

FRESHNESS = promql_name("datastream.googleapis.com/stream/freshness")
_EVENTS = promql_name("datastream.googleapis.com/stream/event_count")
_LATENCIES = promql_name("datastream.googleapis.com/stream/total_latencies")
_LATENCY_COUNT, _LATENCY_SUM = f"{_LATENCIES}_count", f"{_LATENCIES}_sum"
_UNSUPPORTED = promql_name("datastream.googleapis.com/stream/unsupported_event_count")
CHECKPOINTS = promql_name("logging.googleapis.com/user/datastream_checkpoint")
# Seconds until a sample of Google's own metrics becomes visible, at most.
# https://cloud.google.com/monitoring/api/v3/latency-n-retention
DELAY_SECONDS = 240.0
_STREAM = "datastream.googleapis.com/Stream"
# The states in which Datastream measures freshness
_MEASURED = (StreamState.RUNNING, StreamState.MAINTENANCE)
_OURS = "custom_googleapis_com:"
# The suffix of the name under which the engine also holds a series by its points'
# timestamps
_OWN_TIME = "_own_time"

# A selector of a Cloud Monitoring metric (its name contains a colon) with its range and
# offset.
_SELECTOR = re.compile(
    r"""(?P<selector>(?P<name>[a-zA-Z_]\w*:\w+)
        (?P<matchers>\s*\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\})?)
        (?:\s*\[\s*(?P<length>[0-9a-z]+)\s*\])?
        (?:\s*\boffset\s+(?P<offset>[0-9a-z]+))?""",
    re.VERBOSE,
)


class VisiblePoint(NamedTuple):
    """A point of a series; times in unix seconds, to the millisecond."""

    visible_at: float  # when it becomes readable
    time: float  # the timestamp that it carries
    value: float  # its value


@dataclass(slots=True)
class Series:
    """One series."""

    name: str  # the metric's name in PromQL
    labels: tuple[tuple[str, str], ...]  # its labels, sorted by key
    # Its points, oldest first
    samples: list[VisiblePoint] = field(default_factory=list)

    def add(self, visible_at: float, time: float, value: float) -> None:
        """Add a point, which becomes visible after the one before it."""
        visible_at = round(visible_at, 3)
        if self.samples and visible_at <= self.samples[-1].visible_at:
            visible_at = round(self.samples[-1].visible_at + 0.001, 3)
        self.samples.append(VisiblePoint(visible_at, round(time, 3), value))


class SeriesSet(dict[tuple[str, tuple[tuple[str, str], ...]], Series]):
    """Series by name and labels."""

    def series(self, name: str, labels: dict[str, str]) -> Series:
        """Return the series of a name and labels; a new one where there is none."""
        key = name, tuple(sorted(labels.items()))
        return self.setdefault(key, Series(*key))


def write_openmetrics(series: Iterable[Series], out: TextIO) -> None:
    """Write each series twice as OpenMetrics: by when points are visible, and by time.

    The format: https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    for each in series:
        # OpenMetrics escapes quotes, backslashes and line ends as JSON does.
        pairs = [
            f"{key}={json.dumps(value, ensure_ascii=False)}"
            for key, value in each.labels
        ]
        labels = f"{{{','.join(pairs)}}}"
        name, points = each.name, each.samples
        out.writelines(
            f"{name}{labels} {one.value:.17g} {one.visible_at:.3f}\n" for one in points
        )
        out.writelines(
            f"{name}{_OWN_TIME}{labels} {one.value:.17g} {one.time:.3f}\n"
            for one in points
        )
    out.write("# EOF\n")


class VisibilityDelay(NamedTuple):
    """Seconds from the timestamp of the exporter's points until they are visible."""

    usual: float  # for most points, approximately
    most: float  # the maximum


def adjust_for_delay(query: str, delay: VisibilityDelay) -> str:
    """Return a query with which the engine sees what Cloud Monitoring would.

    ``delay`` is that of the exporter's own points.
    """

    def adjusted(found: re.Match[str]) -> str:
        name, offset, length = found.group("name", "offset", "length")
        usual, longest = delay
        if not name.startswith(_OURS):
            usual = longest = DELAY_SECONDS
        if offset and parse_seconds(offset) >= longest:
            return _at_own_time(found)
        if not length:
            return found["selector"]
        left = round((parse_seconds(length) - usual) * 1000)
        if left > 0:
            return f"{found['selector']}[{left}ms]"
        # The range is too short for any point: select before all of them.
        return f"{found['selector']}[1ms] @ 0"

    return _SELECTOR.sub(adjusted, query)


def at_own_time(query: str) -> str:
    """Return a query with which the engine sees all points by their timestamps."""
    return _SELECTOR.sub(_at_own_time, query)


def _at_own_time(found: re.Match[str]) -> str:
    """Return a selector of the same points by their timestamps."""
    name = found["name"]
    return f"{name}{_OWN_TIME}{found[0].removeprefix(name)}"


def add_native(into: SeriesSet, scenario: ScenarioFile, start: float) -> None:
    """Add the metrics of Datastream and other services of a scenario.

    It starts at ``start``, unix seconds. They are sampled once a minute.
    """
    for other in scenario.others:
        series = into.series(promql_name(other.metric), other.labels)
        for minute in range(other.minutes):
            own = start + other.since + minute * MINUTE
            value = other.value + other.per_minute * minute
            series.add(own + DELAY_SECONDS, own, value)
    snapshots = Snapshots(scenario.world)
    for at in range(0, math.ceil(scenario.lasts) + 1, MINUTE):
        for _, stream, labels in _streams(snapshots.at(at), scenario):
            freshness = stream.freshness
            if stream.state not in _MEASURED or freshness is None:
                continue
            if stream.growing_since is not None:
                freshness += at - stream.growing_since
            own = start + at
            into.series(FRESHNESS, labels).add(own + DELAY_SECONDS, own, freshness)
    _add_events(into, scenario, snapshots, start)


def _add_events(
    into: SeriesSet, scenario: ScenarioFile, snapshots: Snapshots, start: float
) -> None:
    """Add the events that streams copied or dropped, which Datastream counts."""
    for event in sorted(scenario.world.events, key=attrgetter("at")):
        match event:
            case CopyEvents():
                added = {_EVENTS: 1, _LATENCY_COUNT: 1, _LATENCY_SUM: event.latency}
                lasts, counted = event.lasts, {"read_method": event.read_method}
            case DropEvents():
                added, lasts = {_UNSUPPORTED: event.events}, MINUTE
                counted = {
                    "read_method": "cdc",
                    "object_name": event.object,
                    "error_code": "UNSUPPORTED_DATA_TYPE",
                }
            case _:
                continue
        for stream, _, labels in _streams(snapshots.at(event.at), scenario):
            if glob_matches(event.stream, stream):
                for name, by in added.items():
                    own = into.series(name, labels | counted)
                    _count(own, start + event.at, lasts, by)


def add_checkpoints(
    into: SeriesSet, entries: Iterable[LogEntry], scenario: ScenarioFile, start: float
) -> None:
    """Add what the log-based metric counts of log entries, by their labels."""
    metric = log_metric()
    accepts = parse_log_filter(metric["filter"])
    extractors = {
        key: parse_extractor(text) for key, text in metric["labelExtractors"].items()
    }
    for entry in entries:
        if accepts(entry.fields):
            labels = _native_labels(scenario, *entry.stream.split("/")[1::2])
            for key, extract in extractors.items():
                labels[key] = extract(entry.fields)
            _count(into.series(CHECKPOINTS, labels), start + entry.at, MINUTE, 1)


def _count(series: Series, at: float, lasts: float, by: float) -> None:
    """Increase a counter each minute: a sample at its start, one at its end.

    PromQL sees a DELTA so: https://cloud.google.com/monitoring/promql/promql-mapping
    """
    samples = series.samples
    first = math.floor(at / MINUTE) * MINUTE
    for begin in range(first, first + int(lasts), MINUTE):
        end = begin + MINUTE
        if not samples:
            series.add(begin + DELAY_SECONDS, begin, 0.0)
        last = samples[-1]
        if last.time == end:
            samples[-1] = last._replace(value=last.value + by)
            continue
        if last.time < begin:
            series.add(begin + DELAY_SECONDS, begin, last.value)
        series.add(end + DELAY_SECONDS, end, last.value + by)


def _streams(
    fleet: Snapshot, scenario: ScenarioFile
) -> Iterator[tuple[str, StreamSnapshot, dict[str, str]]]:
    """Yield each stream: its full name, its state, its native series' labels."""
    for location in fleet.locations.values():
        for stream in location.streams.values():
            labels = _native_labels(scenario, location.project, location.id, stream.id)
            yield location.stream_name(stream.id), stream, labels


def _native_labels(
    scenario: ScenarioFile, project: str, location: str, stream: str
) -> dict[str, str]:
    """Return the labels of a stream's native series."""
    labels = {"monitored_resource": _STREAM, "location": location, "stream_id": stream}
    for key, value in scenario.native_labels.items():
        labels[key] = value.replace("{id}", project)
    return labels
