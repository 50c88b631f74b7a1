"""Joins points into spans: when a stream, location or exporter was in which state."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from exporter.states import state_name
from exporter.steps.measure import NEVER_MISSING
from lab.prove.incidents import resource_name
from lab.simulate.series import Series

# What a timeline is made of, or a replay
METRICS = (
    "stream/state",
    "stream/errors",
    "stream/expected",
    "stream/last_seen",
    "location/up",
    "location/last_read",
    "exporter/last_run",
)
UNREADABLE = "unreadable"  # a location that was not read
# What a stream without a state is:
MISSING = "missing"  # its location was read, and did not list it
UNKNOWN = "unknown"  # its location was not read, or not written
DEAD = "dead"  # an exporter wrote nothing; of a stream, after the exporter's name
UNWATCHED = "not watched"  # config excludes or mutes it
# Seconds that a subject can be silent within a span: what does not change is written
# every four minutes at least
PAUSE = 300.0
_EXPORTERS = "exporters/"
OURS = "custom_googleapis_com:datastream_"

# What a run wrote about a subject: the end of each metric's name in PromQL, and its
# value; also the ``reason`` of a problem
Said = dict[str, Any]


class Period(NamedTuple):
    """A time in unix seconds, both ends included."""

    start: float
    end: float


class Span(NamedTuple):
    """A time without a change, in unix seconds."""

    start: float
    end: float
    state: str


def by_run(series: Iterable[Series]) -> list[tuple[int, dict[str, Said]]]:
    """Return the time of each run, and what it wrote, by full names."""
    runs: dict[int, dict[str, Said]] = defaultdict(dict)
    for each in series:
        metric = each.name.removeprefix(OURS)
        if metric == each.name:
            continue
        labels = dict(each.labels)
        name = resource_name(labels, is_exporter=metric.startswith("exporter"))
        for point in each.samples:
            said = runs[int(point.time)].setdefault(name, defaultdict(int))
            said[metric] = int(point.value)
            if metric == "stream_problem_state" and point.value:
                said["reason"] = labels.get("reason", "")
    return sorted(runs.items())


class Spans:
    """The spans of every subject, by its full name, oldest first."""

    def __init__(self) -> None:
        self.of: dict[str, list[Span]] = defaultdict(list)

    def add(self, series: Iterable[Series]) -> None:
        """Add points, none of them older than those that were added before."""
        for time, seen in by_run(series):
            for about in {*seen, *self.of}:
                state = _state(seen.get(about, {}))
                if about in self.of and not state:
                    # A stream without one is as its location says.
                    location = seen.get(about.partition("/streams/")[0], {})
                    if "location_last_read" in location:
                        state = MISSING
                    elif location.get("location_up") == 0:
                        state = UNKNOWN
                if not state:
                    continue
                spans = self.of[about]
                if spans and time - spans[-1].end <= PAUSE:
                    spans[-1] = spans[-1]._replace(end=time)
                    if spans[-1].state == state:
                        continue
                spans.append(Span(time, time, state))

    def until(self, end: float, about: str) -> list[Span]:
        """Return a subject's spans until a time, with one for each silence."""
        found: list[Span] = []
        for span in (*self.of.get(about, ()), Span(end, end, "")):
            if found and span.start > found[-1].end:
                last = found[-1]
                silence = self._silence(about, last.end, span.start)
                is_short = span.start - last.end <= PAUSE
                if is_short or silence.state == last.state:
                    found[-1] = last._replace(end=span.start)
                else:
                    found[-1] = last._replace(end=silence.start)
                    found.append(silence)
            found.append(span)
        return found[:-1]

    def _silence(self, about: str, since: float, until: float) -> Span:
        """Return why a subject has no points, from when its exporter was last heard.

        No point says which exporter wrote it: it is each that fell silent when the
        subject did.
        """
        if about.startswith(_EXPORTERS):
            return Span(since, until, DEAD)
        heard = {
            name.removeprefix(_EXPORTERS): span.end
            for name, spans in self.of.items()
            for span in spans
            if name.startswith(_EXPORTERS) and abs(span.end - since) <= PAUSE
        }
        if not heard:
            return Span(since, until, UNKNOWN)
        return Span(max(since, *heard.values()), until, f"{' and '.join(heard)} {DEAD}")


def _state(said: Said) -> str:
    """Return what a run says of a subject, or an empty text."""
    if "stream_state" in said:
        name = state_name(said["stream_state"])
        is_planned = name in {"PAUSED", "NOT_STARTED"} and said.get("stream_expected")
        return f"{name}, expected" if is_planned else name
    if "location_up" in said:
        return "readable" if said["location_up"] else UNREADABLE
    if "exporter_last_run" in said:
        return "runs"
    unseen = {0: MISSING, NEVER_MISSING: UNWATCHED}
    return unseen.get(said.get("stream_last_seen", 1), "")
