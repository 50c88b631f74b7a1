"""What the log says of a run: each thing that went wrong by its name, then one line for all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exporter.expectations import label_complaint
from exporter.logs import FIELDS, LOGGER
from exporter.names import StreamName

if TYPE_CHECKING:
    from exporter.metrics import Sample
    from exporter.monitoring import Trouble
    from exporter.observations import Observations
    from exporter.run import Look, Report

_MOST_SERIES = 3


def tell_readings(observations: Observations) -> None:
    """Log what could not be discovered, read or collected."""
    for project, failure in observations.discoveries.items():
        if failure:
            _log(
                logging.WARNING,
                f"The locations of projects/{project} could not be discovered: {failure}",
                project=project,
                reason=failure.kind,
            )
    for location in observations.unread:
        failure = location.failure
        _log(
            logging.WARNING,
            f"{location.at} was not read, so its streams are unknown: {failure}",
            **location.at._asdict(),
            reason=failure.kind if failure else None,
        )
    for name, failure in observations.uncollected.items():
        _log(
            logging.ERROR,
            f"What {name} holds was not collected and its series are left out: {failure}",
            **name._asdict(),
            reason=failure.kind,
        )


def tell_labels(look: Look, told: set[str]) -> None:
    """Log each stream's ``expected-state`` label that is ignored, unless it is in ``told``."""
    for one in look.judged:
        for stream in one.location.streams:
            name = StreamName(*one.location.at, stream.id)
            complaint = label_complaint(name, stream.label)
            if complaint and complaint not in told:
                told.add(complaint)
                _log(logging.WARNING, complaint, **name._asdict())


def tell(report: Report) -> None:
    """Log what was not written and why, then the summary of the run."""
    written = report.written
    for trouble in written.troubles:
        _tell_trouble(trouble)
    if written.untold:
        _log(logging.ERROR, f"{written.untold} more batches were refused points.")
    for at in sorted(written.held):
        _log(
            logging.WARNING,
            f"location/last_read of {at} is held back, as a last_seen of its streams was not "
            f"written: no stream of it can read as missing.",
            **at._asdict(),
        )
    if report.stopped:
        _log(logging.WARNING, _left_out(report))
    counts = summary(report)
    calls = f"{counts['calls']} calls in {counts['seconds']:.1f} s"
    _log(
        logging.INFO if report.complete else logging.ERROR,
        f"{fleet(report.look)}; {_points(report)}; {calls}.",
        **counts,
    )


def summary(report: Report) -> dict[str, Any]:
    """Return the numbers of a run, as the summary line carries them."""
    seen, written = report.look.observations, report.written
    return {
        "streams": seen.streams,
        "locations": len(seen.locations),
        "unreadable": unreadable(seen),
        "written": written.accepted,
        "superseded": written.superseded,
        "lost": written.lost,
        "left_out": written.left_out,
        "held_back": len(written.held),
        "calls": report.calls,
        "seconds": round(report.seconds, 3),
    }


def unreadable(observations: Observations) -> int:
    """Return how many readings failed, a project's discovery counting as one."""
    failed = sum(1 for failure in observations.discoveries.values() if failure)
    return len(observations.unread) + failed


def fleet(look: Look) -> str:
    """Return in words what was seen: how many streams, and how they are."""
    seen = look.observations
    failed = sum(one.failed for one in look.judged)
    unexpected = sum(one.unexpected for one in look.judged)
    missing = sum(len(one.missing) for one in look.judged)
    how = [
        f"{count} {what}"
        for count, what in ((failed, "failed"), (unexpected, "not as expected"))
        if count
    ]
    text = f"{_plural(seen.streams, 'stream')} in {_plural(len(look.judged), 'location')}"
    text += f" ({', '.join(how)})" if how else ""
    text += f", {missing} required and missing" if missing else ""
    unread = unreadable(seen)
    return text + (f", {_plural(unread, 'location')} unreadable" if unread else "")


def _points(report: Report) -> str:
    written = report.written
    text = f"{_plural(written.accepted, 'point')} written"
    for count, what in (
        (written.lost, "lost"),
        (written.superseded, "superseded"),
        (written.left_out, "left out"),
    ):
        text += f", {count} {what}" if count else ""
    return text


def _left_out(report: Report) -> str:
    seen, written = report.look.observations, report.written
    if seen.skipped or not written.settled:
        return (
            f"Interrupted while reading: {_plural(seen.skipped, 'location')} not read, "
            f"nothing written."
        )
    return (
        f"Interrupted while writing: what was under way is finished, "
        f"{_plural(written.left_out, 'point')} and the exporter's own series are left out."
    )


def _tell_trouble(trouble: Trouble) -> None:
    named = ", ".join(map(str, trouble.series[:_MOST_SERIES]))
    more = len(trouble.series) - _MOST_SERIES
    named += f" and {more} more" if more > 0 else ""
    among = "" if trouble.named else "among "
    first = trouble.series[0]
    if trouble.failure is None:
        _log(
            logging.WARNING,
            f"{_plural(trouble.points, 'point')} superseded, {among}{named}: another run has "
            f"written these series at the same time or later. Is there a second exporter?",
            **_of(first),
        )
    else:
        _log(
            logging.ERROR,
            f"{_plural(trouble.points, 'point')} lost, {among}{named}: {trouble.failure}",
            **_of(first),
            reason=trouble.failure.kind,
        )


def _of(sample: Sample) -> dict[str, Any]:
    return {"metric": sample.metric.type, **sample.at._asdict(), "node_id": sample.node_id}


def _plural(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _log(level: int, message: str, **fields: Any) -> None:
    LOGGER.log(level, "%s", message, extra={FIELDS: fields})
