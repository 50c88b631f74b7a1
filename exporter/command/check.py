"""Checks that everything a run needs is in place: one line each, with what to do."""

import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from threading import Event

from exporter.command.doubts import Finding, idle_globs
from exporter.config import Config, Source
from exporter.config.locations import KNOWN
from exporter.google.calls import Calls, Deadline
from exporter.log.summary import failure_groups, name_first, problem_of
from exporter.names import GLOBAL, LocationName, ProjectName
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Mode, Session
from exporter.steps.compare import ComparedLocation
from exporter.steps.measure import POINTS_LOST, Sample
from exporter.steps.write import Writer
from exporter.text import plural

NODE = "check"  # the node_id of the one point that ``check`` writes: no run has it


def findings(
    session: Session,
    stop: Event,
    *,
    write: bool = True,
) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    It also looks where config doesn't, for streams that nothing watches. Without
    ``write``, nothing is written, and whether a run could is left open.
    """
    config = session.config
    seconds = config.run.deadline.total_seconds()
    deadline = Deadline.after(seconds, stop)
    everywhere = Session(_widened(config), session.clients, session.task)
    report = run_once(everywhere, deadline, Mode.CHECK)
    yield from _reading(config, report)
    if not report.unread and not report.stopped:
        names = [
            str(location.name.stream(stream))
            for location in report.locations
            for stream in location.held
        ]
        yield from idle_globs(config, names)
    if not report.stopped:
        yield _read_back(config.metrics.project, report)
    if write and not deadline.stopped:
        yield from _writing(session, deadline)


def _widened(config: Config) -> Config:
    """Return a config that also discovers the projects whose locations are listed."""
    listed = {each.project for each in config.sources}
    listed -= {each.project for each in config.sources if each.locations is None}
    more = [Source(project=project) for project in sorted(listed)]
    return config.model_copy(update={"sources": (*config.sources, *more)})


def _reading(config: Config, report: Report) -> Iterator[Finding]:
    """Yield what was discovered and read, and what would alert; then what failed."""
    for project, found in report.discovered.items():
        text = f"{plural(len(found), 'location')} discovered"
        yield INFO, f"projects/{project}: {text}"
    tried = {location.name for location in report.locations} | report.unread.keys()
    for name in sorted(tried):
        if isinstance(name, LocationName) and name.location not in KNOWN:
            text = "is a location that this version doesn't know: new, or misspelled"
            yield WARNING, f"{name}: {text}"
    for location in report.locations:
        yield from _location(config, location)
    for group in failure_groups(report):
        # What a run doesn't read may fail.
        level = WARNING
        for each in group.names:
            at = GLOBAL if isinstance(each, ProjectName) else each.location
            if config.reads(each.project, at):
                level = ERROR
        yield level, group.text


def _location(config: Config, location: ComparedLocation) -> Iterator[Finding]:
    """Yield of a location how many streams a run reads, what alerts, what it leaves."""
    name = location.name
    unwatched = {*location.held}
    fix = "add the location to its source"
    if config.reads(*name):
        # Most discovered locations have none.
        if location.held:
            count = sum(1 for _ in location.listed)
            yield INFO, f"{name}: {plural(count, 'stream')} watched"
        for one in location.streams:
            if problem := problem_of(one):
                yield WARNING, f"alerts now: {one.name} {problem}"
        watched = {one.name.stream for one in location.streams}
        unwatched -= watched.union(location.excluded)
        fix = "add them to `include`, or to `exclude`"
    if unwatched:
        text = f"nothing watches {name_first(sorted(unwatched))}; {fix}"
        yield WARNING, f"{name}: {text}"


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
