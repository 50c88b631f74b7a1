"""Reads back what earlier runs wrote of problems: the memory of a process that starts.

Source: https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
(ListTimeSeries).
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.cloud import monitoring_v3

from exporter.google.calls import Calls, Deadline, list_pages
from exporter.google.clients import Clients
from exporter.google.errors import CallError, is_unknown_metric
from exporter.names import LocationName
from exporter.steps.history import ProblemHistory, earlier_problems
from exporter.steps.measure import metrics
from exporter.steps.problems import EarlierProblems, Key, Words

# How far back all points count: as long as a problem is fine again until it is over,
# and the newest point may not be visible to every run
_RECENT_SECONDS = 960
# How far back from there the last one counts
_BEFORE_SECONDS = 86_400 - _RECENT_SECONDS
_MOST_POINTS = 20_000  # in an answer: few calls, little memory

# A series that was listed, of which a page may have a part: what it is about, and its
# points by unix seconds
_Series = tuple[LocationName, Key, Words, dict[int, int]]


@dataclass
class Reader:
    """Reads back what a project's own series tell of problems before a run."""

    clients: Clients
    project: str
    timestamp: int  # of the run, in unix seconds
    deadline: Deadline
    calls: Calls

    def read_back(self) -> EarlierProblems:
        """Return the problems that were written last, of each location; or CallError.

        What fails in passing is tried again until the deadline, but no endless list.
        """
        states = self._list("stream/problem_state")
        beginnings = self._list("stream/problem_since")
        last = self._list("stream/problem_since", of_a_day=True)
        found: dict[LocationName, dict[Key, ProblemHistory]] = defaultdict(
            lambda: defaultdict(lambda: ProblemHistory(defaultdict(dict), {}))
        )
        for name, key, _, values in beginnings + last:
            found[name][key].since.update(values)
        # A job is billed for each series that is listed, and each outage makes series
        # of its own. So those of a day are listed only where a problem goes on of which
        # one metric had no point lately: nothing ran, or its points were refused, or
        # none could be read back.
        lately = {each[:2] for each in states} & {each[:2] for each in beginnings}
        if any(
            history.goes_on and (name, key) not in lately
            for name, histories in found.items()
            for key, history in histories.items()
        ):
            states += self._list("stream/problem_state", of_a_day=True)
        for name, key, words, values in states:
            found[name][key].states[words].update(values)
        return {name: earlier_problems(histories) for name, histories in found.items()}

    def _list(self, metric: str, *, of_a_day: bool = False) -> list[_Series]:
        """Return a metric's series, with all their points of the last minutes.

        ``of_a_day``: with the last one of each in the day before those minutes.
        """
        end, seconds = self.timestamp, _RECENT_SECONDS
        if of_a_day:
            end, seconds = end - seconds, _BEFORE_SECONDS
        type_ = metrics()[metric].type
        request = monitoring_v3.ListTimeSeriesRequest.pb()(
            name=f"projects/{self.project}",
            # Of a scoping project, the list has the series of other projects as well.
            filter=f'metric.type = "{type_}" AND'
            f' resource.labels.project_id = "{self.project}"',
            interval={
                "start_time": {"seconds": end - seconds},
                "end_time": {"seconds": end},
            },
            page_size=_MOST_POINTS,
        )
        if of_a_day:
            request.aggregation.alignment_period.seconds = seconds
            aligner = monitoring_v3.Aggregation.Aligner.ALIGN_NEXT_OLDER
            request.aggregation.per_series_aligner = aligner
        pages = list_pages(
            self.clients.monitoring.list_time_series,
            request,
            "monitoring.timeSeries.list",
            self.deadline,
            self.calls,
            again=_is_in_passing,
        )
        try:
            return [_read(series) for page in pages for series in page.time_series]
        except CallError as error:
            if not is_unknown_metric(error.failure):
                raise
            return []


def _read(series: Any) -> _Series:
    """Return what a series is about, and its points."""
    labels, resource = series.metric.labels, series.resource.labels
    name = LocationName(resource["namespace"], resource["location"])
    key = Key(labels["stream_id"], labels["kind"])
    words = Words(labels["streams"], labels["reason"], labels["owner"])
    values = {
        point.interval.end_time.seconds: point.value.int64_value
        for point in series.points
    }
    return name, key, words, values


def _is_in_passing(error: BaseException) -> bool:
    """Return whether a list that failed may succeed in this run: it wasn't refused."""
    return not isinstance(error, exceptions.Forbidden | exceptions.NotFound)
