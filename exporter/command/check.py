"""Checks config, and that everything a run needs is in place: a finding for each thing.

What is wrong with config is a mistake and found when it is read. Here it is valid, but
may not say what its author meant.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from fnmatch import filter as matching
from itertools import islice, pairwise
from logging import ERROR, INFO, WARNING
from threading import Event

from exporter.command.findings import Finding
from exporter.config import Config, Source
from exporter.config.locations import KNOWN
from exporter.config.model import Window
from exporter.documents.mistakes import nearest
from exporter.documents.yaml_tree import KeyPath
from exporter.google.calls import Calls, Deadline
from exporter.log.summary import failure_groups, name_first, problem_of
from exporter.names import GLOBAL, ProjectName
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.steps.compare import ComparedLocation, is_open
from exporter.steps.measure import Sample
from exporter.steps.write import Writer
from exporter.text import plural, quote

NODE = "check"  # the node_id of the one point that ``check`` writes: no run has it
# Openings of a window: enough to see a week's shortest gap
_OPENINGS = 32


def check_config(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what config mutes and expects when, and what in it is probably wrong."""
    place = config.document.place
    for index, mute in enumerate(config.mutes):
        ends = _local_and_utc(mute.end, mute.timezone or UTC)
        level = INFO
        words = f"{quote(mute.match)} is muted until {ends}"
        if mute.end <= now:
            level = WARNING
            words = f"{quote(mute.match)} is watched since {ends}; remove this mute"
        yield Finding(level, place(("mutes", index)), words)
    for index, expectation in enumerate(config.expectations):
        if expectation.during:
            part = place(("expectations", index, "during"))
            yield from _window(part, expectation.during, now)
    # Only a glob that is too wide matches a stream of such a name.
    names = [
        f"projects/{each.project}/locations/~/streams/~" for each in config.sources
    ]
    for path, glob, on_names in _globs(config):
        if matching(names, on_names):
            words = f"{quote(glob)} matches every stream; narrow or remove it"
            yield Finding(WARNING, place(path), words)
    for index, source in enumerate(config.sources):
        for number, location in enumerate(source.locations or ()):
            part = place(("sources", index, "locations", number))
            yield from _location_name(part, location)
    for index, stream in enumerate(config.required):
        yield from _location_name(place(("required", index)), stream.location)


def _location_name(part: str, location: str) -> Iterator[Finding]:
    """Yield a warning if a location may be misspelled."""
    if location not in KNOWN:
        text = f"this version doesn't know {quote(location)}: new, or misspelled"
        if guess := nearest(location, KNOWN):
            text += f"; did you mean {guess}?"
        yield Finding(WARNING, part, text)


def _window(part: str, window: Window, now: datetime) -> Iterator[Finding]:
    """Yield when a window opens next, or that it is over or too long."""
    opens = next(window.openings(now), None)
    if opens:
        text = _local_and_utc(opens, window.timezone)
        yield Finding(INFO, part, f"opens next at {text}, for {window.length}")
    elif not is_open(window, now):
        text = "is over; remove this expectation, or correct its times"
        yield Finding(WARNING, part, text)
    # In UTC, where no day has 23 hours
    in_utc = window.model_copy(update={"timezone": UTC})
    following = islice(in_utc.openings(now), _OPENINGS)
    if any(later - one < window.length for one, later in pairwise(following)):
        fix = "shorten its duration, or open it less often"
        yield Finding(WARNING, part, f"opens again before it closes; {fix}")


def _local_and_utc(time: datetime, zone: tzinfo) -> str:
    """Return a time in its zone, and in UTC."""
    local = f"{time.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    utc = f"{time:%Y-%m-%d %H:%M} UTC"
    return local if local == utc else f"{local} ({utc})"


def _globs(config: Config) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where each glob stands, the glob, and the same one on full names."""
    for key in ("expectations", "mutes"):
        for index, one in enumerate(getattr(config, key)):
            yield (key, index, "match"), one.match, one.match
    for index, source in enumerate(config.sources):
        streams = f"projects/{source.project}/locations/*/streams/"
        for key in ("include", "exclude"):
            for place, glob in enumerate(getattr(source, key)):
                yield ("sources", index, key, place), glob, streams + glob


def check_access(
    session: Session, stop: Event, *, write: bool = True
) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    It also looks where config doesn't, for streams that nothing watches. Without
    ``write``, nothing is written, and whether a run could is left open.
    """
    config = session.config
    seconds = config.run.deadline.total_seconds()
    deadline = Deadline.after(seconds, stop)
    # It also discovers the projects whose locations are listed.
    listed = {each.project for each in config.sources if each.locations}
    more = [Source(project=project) for project in sorted(listed)]
    wide = config.model_copy(update={"sources": (*config.sources, *more)})
    everywhere = Session(wide, session.clients, session.task)
    report = run_once(everywhere, deadline, writes=False)
    yield from _reading(config, report)
    if not report.unread and not report.stopped:
        names = [
            str(location.name.stream(stream))
            for location in report.locations
            for stream in location.held
        ]
        for path, glob, on_names in _globs(config):
            if not matching(names, on_names):
                words = f"{quote(glob)} matches no stream"
                yield Finding(WARNING, config.document.place(path), words)
    metrics = f"projects/{config.metrics.project}"
    if not report.stopped:
        if report.unrecalled is None:
            text = "problems of earlier runs can be read back"
            yield Finding(INFO, metrics, text)
        else:
            text = "problems can't be read back, so each alerts alone"
            yield Finding(WARNING, metrics, f"{text}: {report.unrecalled}")
    if write and not deadline.stopped:
        yield from _writing(session, metrics, deadline)


def _reading(config: Config, report: Report) -> Iterator[Finding]:
    """Yield what was discovered and read, and what would alert; then what failed."""
    for project, found in report.discovered.items():
        text = f"{plural(len(found), 'location')} discovered"
        yield Finding(INFO, f"projects/{project}", text)
    for location in report.locations:
        yield from _location(config, location)
    for group in failure_groups(report):
        # What a run doesn't read may fail.
        level = WARNING
        for each in group.names:
            at = GLOBAL if isinstance(each, ProjectName) else each.location
            if config.reads(each.project, at):
                level = ERROR
        yield Finding(level, "", group.text)


def _location(config: Config, location: ComparedLocation) -> Iterator[Finding]:
    """Yield of a location how many streams a run reads, what alerts, what it leaves."""
    name = location.name
    unwatched = {*location.held}
    fix = "add the location to its source"
    if config.reads(*name):
        # Most discovered locations have none.
        if location.held:
            count = sum(1 for _ in location.listed)
            yield Finding(INFO, str(name), f"{plural(count, 'stream')} watched")
        for one in location.streams:
            if problem := problem_of(one):
                yield Finding(WARNING, "alerts now", f"{one.name} {problem}")
        watched = {one.name.stream for one in location.streams}
        unwatched -= watched.union(location.excluded)
        fix = "add them to `include`, or to `exclude`"
    if unwatched:
        text = f"nothing watches {name_first(sorted(unwatched))}; {fix}"
        yield Finding(WARNING, str(name), text)


def _writing(session: Session, metrics: str, deadline: Deadline) -> Iterator[Finding]:
    """Write one point of ``exporter/points_lost``; yield whether that is permitted."""
    config = session.config
    location = config.run.location or GLOBAL
    sample = Sample("exporter/points_lost", location, config.run.name, NODE, (), 0)
    now = int(time.time())
    clients = session.clients.monitorings
    writer = Writer(clients, config.metrics.project, now, Calls())
    written = writer.write([sample], deadline)
    if written.accepted:
        yield Finding(INFO, metrics, "one point written to Cloud Monitoring")
    elif written.superseded:
        text = "writing is permitted; no point written, as a check just wrote one"
        yield Finding(INFO, metrics, text)
    for error in written.errors:
        if error.failure:
            yield Finding(ERROR, metrics, str(error.failure))
