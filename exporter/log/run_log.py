"""What the log says of a run: each thing that went wrong by its name, then one line for all."""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, Any

from exporter.log.failure_groups import fields_of, listed, of_project
from exporter.log.lines import FIELDS, LOGGER
from exporter.log.stream_memory import Memory, log_entries
from exporter.measure.expectations import label_complaint
from exporter.measure.samples import ObjectsMeasurement
from exporter.names import StreamName
from exporter.read.observations import GLOBAL
from exporter.text import capitalized, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exporter.measure.samples import Measurement, Sample
    from exporter.names import LocationName
    from exporter.read.observations import Observations
    from exporter.run import Report
    from exporter.write.result import WriteError

RUN = "run"
"""The event of the line that sums a run up."""

SHOWN = "shown"
"""The name under which a record says that the screen shows the same in another place."""

_MOST_SERIES = 3
_MOST_LABELS = 20


class RunLog:
    """Logs the runs of one process: what changed once, what stays wrong every ten minutes."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, *, first_shown: bool = False
    ) -> None:
        """Start without memory: the first run names everything that isn't as it should be.

        Args:
            monotonic: Returns seconds of a clock that never goes back.
            first_shown: Whether a screen lists what the first run found. Those records carry
                ``SHOWN``, for the handler of that screen to leave them out.
        """
        self._monotonic = monotonic
        self._shown = first_shown
        self._memory = Memory()
        self._labels: set[str] = set()
        self._unknown: set[str] = set()

    def log(self, report: Report) -> None:
        """Log what a run read, what it could not write, and its summary."""
        log_ignored_labels(report.measurement, self._labels)
        self.log_findings(report.measurement)
        log_unknown_locations(report, self._unknown)
        log_run(report)

    def log_findings(self, measurement: Measurement) -> None:
        """Log what is wrong with streams, what changed, and what could not be read."""
        entries, self._memory = log_entries(measurement, self._memory, self._monotonic())
        for level, message, fields in entries:
            LOGGER.log(level, "%s", message, extra={FIELDS: fields, SHOWN: self._shown})
        self._shown = False


def log_ignored_labels(measurement: Measurement, logged: set[str]) -> None:
    """Log each stream's ``expected-state`` label that is ignored, unless it is in ``logged``."""
    unlisted_errors = 0
    for location in measurement.locations:
        for stream, _ in location.streams:
            name = StreamName(*location.name, stream.id)
            complaint = label_complaint(name, stream.label)
            if complaint and complaint not in logged:
                if len(logged) >= _MOST_LABELS:
                    unlisted_errors += 1
                    continue
                logged.add(complaint)
                _log(logging.WARNING, complaint, **fields_of([name]))
    if unlisted_errors:
        verb = "is" if unlisted_errors == 1 else "are"
        text = f"{plural(unlisted_errors, 'more label')} of this kind {verb} ignored."
        _log(logging.WARNING, text)


def log_unknown_locations(report: Report, logged: set[str]) -> None:
    """Log the locations that Cloud Monitoring doesn't know, unless they are in ``logged``."""
    for location in sorted(report.written.unknown_locations - logged):
        logged.add(location)
        _log(
            logging.WARNING,
            f"Cloud Monitoring doesn't know the location {location} yet. Its series are written "
            f"under the location {GLOBAL}, with {location} in the namespace (PROJECT/{location}).",
            location=location,
        )


def log_run(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    _log_write_errors(written.errors)
    if written.unlisted_errors:
        _log(logging.ERROR, f"{plural(written.unlisted_errors, 'more request')} failed.")
    _log_withheld(written.withheld_locations)
    if report.stopped:
        _log(logging.WARNING, _left_out(report))
    counts = {"event": RUN, **summary(report)}
    objects = ""
    if isinstance(report.measurement, ObjectsMeasurement):
        objects = "objects of " if report.measurement.observations.streams else "objects: "
    calls = f"{plural(report.calls, 'call')} in {report.seconds:.2f} s"
    text = f"{objects}{fleet(report.measurement)}; {_points(report)}; {calls}."
    _log(logging.INFO if report.complete else logging.ERROR, capitalized(text), **counts)


def summary(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the summary line carries them."""
    seen, written = report.measurement.observations, report.written
    return {
        "node_id": report.measurement.exporter.node_id,
        "streams": seen.streams,
        "locations": len(seen.locations),
        "unreadable": unreadable(seen),
        "written": written.accepted,
        "superseded": written.superseded,
        "lost": written.lost,
        "left_out": written.left_out,
        "held_back": len(written.withheld_locations),
        "calls": report.calls,
        "seconds": round(report.seconds, 3),
    }


def unreadable(observations: Observations) -> int:
    """Return how many readings failed, a project's discovery counting as one."""
    return len(observations.unread) + len(observations.failed_discoveries)


def fleet(measurement: Measurement) -> str:
    """Return in words what was seen: how many streams, and how they are."""
    seen = measurement.observations
    unread = f"{plural(unreadable(seen), 'location')} unreadable" if unreadable(seen) else ""
    if seen.nothing_read:
        return f"nothing could be read: {unread}"
    return ", ".join(filter(None, (_streams(measurement), unread)))


def _streams(measurement: Measurement) -> str:
    locations = measurement.locations
    if not locations:
        return "no locations read" if measurement.observations.skipped else "no locations to read"
    streams = plural(measurement.observations.streams, "stream")
    found = "" if measurement.observations.streams else " found"
    how = [
        f"{count:,} {what}"
        for count, what in (
            (sum(one.failed for one in locations), "failed"),
            (sum(one.unexpected for one in locations), "not as expected"),
        )
        if count
    ]
    text = f"{streams}{found} in {plural(len(locations), 'location')}"
    text += f" ({', '.join(how)})" if how else ""
    missing = sum(len(one.missing) for one in locations)
    return f"{text}, {missing:,} required and missing" if missing else text


def _points(report: Report) -> str:
    written = report.written
    text = f"{plural(written.accepted, 'point')} written"
    for count, what in (
        (written.lost, "lost"),
        (written.superseded, "superseded"),
        (written.left_out, "left out"),
    ):
        text += f", {count:,} {what}" if count else ""
    return text


def _left_out(report: Report) -> str:
    skipped, written = report.measurement.observations.skipped, report.written
    if skipped:
        return (
            f"Interrupted while reading: {plural(skipped, 'location')} not read, nothing written."
        )
    if written.left_out:
        return (
            f"Interrupted while writing: what was under way is finished, "
            f"{plural(written.left_out, 'point')} left out."
        )
    return "Interrupted, but everything was written."


def _log_withheld(withheld_locations: Iterable[LocationName]) -> None:
    for _, group in itertools.groupby(sorted(withheld_locations), key=lambda at: at.project):
        names = list(group)
        of_several = f" ({listed(names)})" if len(names) > 1 else ""
        _log(
            logging.WARNING,
            f"location/last_read of {of_project(names)}{of_several} is not written, as a last_seen "
            f"there may not have been written: its streams would read as missing.",
            **fields_of(names),
        )


def _log_write_errors(errors: Iterable[WriteError]) -> None:
    """Log what was not written, what failed for the same reason in one line."""
    by_cause: dict[tuple[str, bool], list[WriteError]] = {}
    for error in errors:
        by_cause.setdefault((str(error.failure), error.named), []).append(error)
    for group in by_cause.values():
        _log_write_error(group)


def _log_write_error(group: Sequence[WriteError]) -> None:
    series = [sample for error in group for sample in error.series]
    named = ", ".join(map(str, series[:_MOST_SERIES]))
    more = len(series) - _MOST_SERIES
    named += f" and {more:,} more" if more > 0 else ""
    among = "" if group[0].named else "among "
    points = plural(sum(error.points for error in group), "point")
    failure = group[0].failure
    if failure is None:
        _log(
            logging.WARNING,
            f"{points} superseded, {among}{named}: another run has written these series at the "
            "same time or later. Is there a second exporter, or was this machine's clock set back?",
            **_of(series[0]),
        )
    else:
        _log(
            logging.ERROR,
            f"{points} lost, {among}{named}: {failure}",
            **_of(series[0]),
            reason=failure.kind,
        )


def _of(sample: Sample) -> dict[str, Any]:
    # The exporter's own series are of no project that is watched: its name stands there.
    space = "namespace" if sample.metric.resource == "exporter" else "project"
    return {
        "metric": sample.metric.type,
        space: sample.namespace,
        "location": sample.location,
        "node_id": sample.node_id,
    }


def _log(level: int, message: str, **fields: Any) -> None:
    LOGGER.log(level, "%s", message, extra={FIELDS: fields})
