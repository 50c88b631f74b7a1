"""Checks that everything a run needs is in place: one line each, with what to do."""

import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from threading import Event
from typing import TypeAlias

from exporter.config import Config
from exporter.config.locations import KNOWN
from exporter.expectations import doubtful_globs, window_complaint
from exporter.google.calls import Calls, Deadline
from exporter.measure import GLOBAL, POINTS_LOST, Sample
from exporter.memory import Memory
from exporter.report import Report, Session
from exporter.run import Run
from exporter.summary import failure_groups, name_all
from exporter.text import plural
from exporter.write import Writer

NODE = "check"  # the node_id of the one point that ``check`` writes: no run has it

# One line of ``check``: how bad it is, as a level of logging, and what was found. ERROR
# makes the exit code 1.
Finding: TypeAlias = tuple[int, str]


def findings(
    session: Session,
    stop: Event,
    *,
    write: bool = True,
) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    Without ``write``, nothing is written, and whether a run could is left open.
    """
    config = session.config
    for text in _doubts(config):
        yield WARNING, text
    seconds = config.run.deadline.total_seconds()
    deadline = Deadline.after(seconds, stop)
    now = int(time.time())
    report = Run(session, Memory(), now, deadline).look(recalling=True)
    yield from _reading(report)
    if not report.unread and not report.stopped:
        for text in doubtful_globs(config, report.locations):
            yield WARNING, text
    if not report.stopped:
        yield _read_back(config.metrics.project, report)
    if write and not deadline.stopped:
        yield from _writing(session, deadline)


def _doubts(config: Config) -> Iterator[str]:
    """Yield which windows are valid and yet hardly meant."""
    for index, one in enumerate(config.expectations):
        if one.during is None:
            continue
        complaint = window_complaint(one.during)
        if complaint:
            path = ("expectations", index, "during")
            yield config.document.place(path, complaint)


def _reading(report: Report) -> Iterator[Finding]:
    """Yield which projects were discovered, and which locations read and collected."""
    for project, found in report.discoveries.items():
        text = f"{plural(len(found), 'location')} discovered"
        yield INFO, f"projects/{project}: {text}"
    tried = {location.name for location in report.locations} | report.unread.keys()
    for name in sorted(tried):
        if name.location not in {*KNOWN, GLOBAL}:
            text = "is a location that this version doesn't know: new, or misspelled"
            yield WARNING, f"{name}: {text}"
    for location in report.locations:
        # Most discovered locations have none.
        if location.name.project in report.discoveries and not location.held:
            continue
        text = plural(sum(1 for _ in location.listed), "stream")
        yield INFO, f"{location.name}: {text}"
        for one in location.streams:
            if not one.exists:
                yield WARNING, f"{one.name}: {one.problem}"
    for group in failure_groups(report):
        yield ERROR, f"{name_all(group.names)}: {group.text}"


def _read_back(project: str, report: Report) -> Finding:
    """Return whether problems that earlier runs wrote could be read back."""
    if report.unrecalled is None:
        text = "problems of earlier runs can be read back"
        return INFO, f"projects/{project}: {text}"
    text = "problems can't be read back, so each alerts alone"
    return WARNING, f"projects/{project}: {text}: {report.unrecalled}"


def _writing(session: Session, deadline: Deadline) -> Iterator[Finding]:
    """Write one point of ``exporter/points_lost``; yield whether that is permitted."""
    config = session.config
    location = config.run.location or GLOBAL
    sample = Sample(
        POINTS_LOST,
        location,
        config.run.name,
        NODE,
        labels=(),
        value=0,
    )
    project = config.metrics.project
    now = int(time.time())
    writer = Writer(session.clients.monitorings, project, now, Calls())
    written = writer.write([sample], deadline)
    subject = f"projects/{project}"
    if written.accepted:
        yield INFO, f"{subject}: one point written to Cloud Monitoring"
    elif written.superseded:
        text = "writing is permitted; no point written, as a check just wrote one"
        yield INFO, f"{subject}: {text}"
    for error in written.errors:
        if error.failure:
            yield ERROR, f"{subject}: {error.failure}"
