"""Checks config, and that everything a run needs is in place: a finding for each thing.

What is wrong with config is a mistake and found when it is read. Here it is valid, but
may not say what its author meant.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import filter as matching
from logging import ERROR, INFO, WARNING
from threading import Event
from typing import TextIO

from exporter.command.findings import Finding
from exporter.command.progress import waiting
from exporter.config import Config, Source
from exporter.config.locations import KNOWN
from exporter.config.model import Expectation, Mute
from exporter.config.unwatched import covers, is_unwatched
from exporter.documents.durations import text_of
from exporter.documents.mistakes import nearest
from exporter.documents.yaml_tree import KeyPath
from exporter.google.calls import Calls, Deadline
from exporter.log.summary import failure_groups, name_first, omitted, problem_of
from exporter.run.read_back import REFUSALS
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.steps.compare import ComparedLocation, Omission, is_open
from exporter.steps.measure import Sample
from exporter.steps.write import Writer
from exporter.text import plural, quote

NODE = "check"  # the node_id of the one point that ``check`` writes: no run has it


def check_config(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what config mutes and expects when, and what in it is probably wrong."""
    place = config.document.place
    for index, mute in enumerate(config.mutes):
        ends = _local_and_utc(mute.end, mute.timezone or UTC)
        words = f"{quote(mute.match)} is muted until {ends}"
        if mute.end <= now:
            words = f"{quote(mute.match)} is watched since {ends}; remove this mute"
        yield Finding(INFO, place(("mutes", index)), words)
    for index, expectation in enumerate(config.expectations):
        here = place(("expectations", index))
        whole = [one.project for one in config.sources if covers(expectation, one)]
        if whole:
            words = f"is about every stream of {name_first(whole)}; narrow its match"
            yield Finding(WARNING, here, words)
        if limits := _limits(expectation, expectation.limits):
            yield Finding(INFO, here, f"{quote(expectation.match)}: {limits}")
        window = expectation.during
        if not window:
            continue
        part = place(("expectations", index, "during"))
        if opens := next(window.openings(now), None):
            at = _local_and_utc(opens, window.timezone)
            yield Finding(
                INFO, part, f"opens next at {at}, for {text_of(window.length)}"
            )
        elif not is_open(window, now):
            words = "is over; remove this expectation, or correct its times"
            yield Finding(WARNING, part, words)
    for index, source in enumerate(config.sources):
        if is_unwatched(source, [config], now):
            words = f"nothing of {source.project} is watched; narrow excludes and mutes"
            yield Finding(WARNING, place(("sources", index)), words)
    yield from _misspelled(config)


def _misspelled(config: Config) -> Iterator[Finding]:
    """Yield a warning for each location that may be misspelled."""
    for index, source in enumerate(config.sources):
        for number, location in enumerate(source.locations or ()):
            if location in KNOWN:
                continue
            words = f"this version doesn't know {quote(location)}: new, or misspelled"
            if guess := nearest(location, KNOWN):
                words += f"; did you mean {guess}?"
            path = ("sources", index, "locations", number)
            yield Finding(WARNING, config.document.place(path), words)


def _local_and_utc(time: datetime, zone: tzinfo) -> str:
    """Return a time in its zone, and in UTC."""
    local = f"{time.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    utc = f"{time:%Y-%m-%d %H:%M} UTC"
    return local if local == utc else f"{local} ({utc})"


def _globs(config: Config, now: datetime) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where each glob stands, the glob, and the same one on full names.

    A mute that has ended has none.
    """
    for key in ("expectations", "mutes"):
        for index, one in enumerate(getattr(config, key)):
            if isinstance(one, Mute) and one.end <= now:
                continue
            yield (key, index, "match"), one.match, one.match
    for index, source in enumerate(config.sources):
        streams = f"projects/{source.project}/locations/*/streams/"
        for key in ("include", "exclude"):
            for place, glob in enumerate(getattr(source, key)):
                yield ("sources", index, key, place), glob, streams + glob


def check_access(
    session: Session,
    stop: Event,
    err: TextIO,
    *,
    write: bool,
) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    ``err`` shows how far that is.

    It also looks where config doesn't, for streams that nothing watches. Without
    ``write``, nothing is written, and whether a run could is left open.
    """
    config = session.config
    deadline = Deadline.after(config.run.deadline.total_seconds(), stop)
    # It also discovers the projects whose locations are listed.
    more = dict.fromkeys(
        Source(project=each.project) for each in config.sources if each.locations
    )
    wide = config.model_copy(update={"sources": (*config.sources, *more)})
    everywhere = Session(wide, session.clients, session.task)
    with waiting(err, deadline.left):
        report = run_once(everywhere, deadline, writes=False)
    with_streams = {each.name.project for each in report.locations if each.held}
    for project, found in report.discovered.items():
        level, text = INFO, f"{plural(len(found), 'location')} discovered"
        unknown = any(each.project == project for each in report.unread)
        if not (project in with_streams or unknown or report.stopped):
            level, text = WARNING, f"{text}, without a stream"
        yield Finding(level, f"projects/{project}", text)
    for location in report.locations:
        yield from _location(config, location)
    for group in failure_groups(report):
        # What a run doesn't read may fail.
        due = any(config.reads(each.project, each.location) for each in group.names)
        yield Finding(ERROR if due else WARNING, "", group.text)
    if report.stopped:
        return
    if not report.unread:
        names = [
            str(location.name.stream(stream))
            for location in report.locations
            for stream in location.held
        ]
        now = datetime.fromtimestamp(report.timestamp, UTC)
        for path, glob, on_names in _globs(config, now):
            if not matching(names, on_names):
                words = f"{quote(glob)} matches no stream"
                yield Finding(WARNING, config.document.place(path), words)
    metrics = f"projects/{config.metrics.project}"
    level, text = INFO, "problems of earlier runs can be read back"
    if failure := report.unrecalled:
        level, follows = WARNING, "no problem can be written meanwhile"
        if failure.kind in REFUSALS:
            level, follows = ERROR, "each alerts alone"
        text = f"problems can't be read back, so {follows}: {failure}"
    yield Finding(level, metrics, text)
    if write and not deadline.stopped:
        yield from _writing(session, metrics, deadline)


def _location(config: Config, location: ComparedLocation) -> Iterator[Finding]:
    """Yield of a location how many streams a run reads, what alerts, what it leaves."""
    name = str(location.name)
    forgotten = [*location.held]
    fix = "add the location to its source"
    if config.reads(*location.name):
        # Most discovered locations have none.
        if location.held:
            count = len(location.listed)
            text = f"{plural(count, 'stream')} watched"
            if left_out := omitted(location.omitted):
                text += f", {left_out}"
            yield Finding(INFO if count else WARNING, name, text)
        for one in location.streams:
            if limits := _limits(one.added, one.limits):
                yield Finding(INFO, str(one.name), limits)
            if problem := problem_of(one):
                yield Finding(WARNING, "alerts now", f"{one.name} {problem}")
        left = location.unwatched
        forgotten = [each for each in left if left[each] is Omission.NOT_INCLUDED]
        fix = "add them to `include`, or to `exclude`"
    if forgotten:
        text = f"nothing watches {name_first(sorted(forgotten))}; {fix}"
        yield Finding(WARNING, name, text)


def _limits(added: Expectation | None, limits: Mapping[str, timedelta]) -> str:
    """Return in words the limits that streams have, or ``""``."""
    words = {"lag": "may lag {}", "quiet": "alerts after {} without a change"}
    said = [words[each].format(text_of(most)) for each, most in limits.items()]
    if added and added.longest:
        states = ", ".join(state.name for state in added.states)
        said.append(f"{states} for at most {text_of(added.longest)}")
    return "; ".join(said)


def _writing(session: Session, metrics: str, deadline: Deadline) -> Iterator[Finding]:
    """Write one point of ``exporter/points_lost``; yield whether that is permitted."""
    config = session.config
    sample = Sample(
        "exporter/points_lost",
        config.run.location,
        config.run.name,
        NODE,
        (),
        0,
    )
    clients, project = session.clients.monitorings, config.metrics.project
    writer = Writer(clients, project, int(time.time()), Calls())
    written = writer.write([sample], deadline)
    # It is superseded if another check just wrote one.
    if not written.lost:
        yield Finding(INFO, metrics, "points can be written to Cloud Monitoring")
    for error in written.errors:
        if error.failure:
            yield Finding(ERROR, metrics, str(error.failure))
