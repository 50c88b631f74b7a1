"""Checks config, and that everything a run needs is in place: a finding for each thing.

What is wrong with config is a mistake and found when it is read. Here it is valid, but
may not say what its author meant.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import filter as matching
from itertools import islice
from logging import ERROR, INFO, WARNING
from threading import Event

from exporter.config.locations import KNOWN
from exporter.config.model import Config, Source, Window
from exporter.documents.document import KeyPath
from exporter.documents.durations import text_of
from exporter.documents.mistakes import nearest
from exporter.google.calls import Calls, Deadline
from exporter.log.summary import count_words, failure_groups, name_first, what_is_wrong
from exporter.run.report import Report
from exporter.run.run import run_once
from exporter.run.session import Session
from exporter.setup.findings import NOTICE, Finding
from exporter.setup.unwatched import covers, is_unwatched
from exporter.steps.compare import ComparedLocation, Omission
from exporter.steps.measure import exporter_sample
from exporter.steps.write import Writer
from exporter.text import plural, quote

# How many openings of a window are looked at for those that follow without a break
_OPENINGS = 20
# Calls a minute of an account, in all projects together:
# https://docs.cloud.google.com/datastream/quotas
_QUOTA = 1_200
# Cloud Run ends a job or function 5 s later
_CLOUD_RUN_DEADLINE = timedelta(seconds=50)
# Every other part of a stream's full name, and how many slashes that has
_KINDS = "projects/locations/streams"
_SLASHES = 5
_LONG_PATIENCE = timedelta(minutes=30)
_PLACEHOLDER = "my-project"  # in the examples of the docs
NODE = "check"  # the node_id of the one point that ``check`` writes: no run has it


def check_config(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what config mutes and expects when, and what in it is probably wrong."""
    place = config.document.place
    if config.run.deadline > _CLOUD_RUN_DEADLINE:
        yield Finding(
            WARNING,
            place("run", "deadline"),
            f"{text_of(config.run.deadline)} is too long for a job or function, which"
            " Cloud Run ends after 55s; write at most 50s",
        )
    projects = {config.metrics.project, *(each.project for each in config.sources)}
    if _PLACEHOLDER in projects:
        yield Finding(
            WARNING,
            config.document.file,
            f"{_PLACEHOLDER} is a placeholder; write your own project's id",
        )
    for index, mute in enumerate(config.mutes):
        ends = _local_and_utc(mute.end, mute.timezone or UTC)
        level, words = INFO, f"{quote(mute.match)} is muted until {ends}"
        if mute.end <= now:
            level = NOTICE
            words = f"this mute of {quote(mute.match)} ended at {ends}; remove it"
        yield Finding(level, place("mutes", index), words)
    for path, _, glob in _globs(config, now):
        kinds = "/".join(glob.split("/")[::2])
        if glob.count("/") == _SLASHES and not matching([_KINDS], kinds):
            yield Finding(
                WARNING,
                place(*path),
                f"{quote(glob)} matches no stream's full name; write it as"
                " projects/*/locations/*/streams/*",
            )
    yield from _check_expectations(config, now)
    for index, source in enumerate(config.sources):
        if is_unwatched(source, [config], now):
            yield Finding(
                WARNING,
                place("sources", index),
                f"no stream of {source.project} is watched; narrow excludes or mutes",
            )
        for number, location in enumerate(source.locations or ()):
            if location not in KNOWN:
                guess = _guess(location.replace("eu-", "europe-"), KNOWN)
                yield Finding(
                    WARNING,
                    place("sources", index, "locations", number),
                    f"this version doesn't know {quote(location)}; it is new or"
                    f" misspelled{guess}",
                )


def _check_expectations(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield which expectations keep more silent than they seem, and when each holds."""
    place = config.document.place
    for index, expectation in enumerate(config.expectations):
        whole = [each.project for each in config.sources if covers(expectation, each)]
        if whole:
            yield Finding(
                WARNING,
                place("expectations", index),
                f"its states are fine for every stream of {name_first(whole)}, so no"
                " stream there alerts for them; narrow its match",
            )
        patience = expectation.failed or timedelta()
        if patience > _LONG_PATIENCE:
            yield Finding(
                NOTICE,
                place("expectations", index, "failed"),
                f"{text_of(patience)} begins anew after four good minutes, so a stream"
                " that comes and goes may never page",
            )
        if expectation.during:
            quiet = expectation.limits.get("quiet", timedelta())
            for level, words in _check_window(expectation.during, quiet, now):
                yield Finding(level, place("expectations", index, "during"), words)


def _check_window(
    window: Window, quiet: timedelta, now: datetime
) -> Iterator[tuple[int, str]]:
    """Yield when a window is open, and whether ``quiet`` can alert within it."""
    # How long it is open without a break, now and soon
    longest = window.length
    closes = None
    begin = end = now - window.length
    for opening in islice(window.openings(end), _OPENINGS):
        if opening > end:
            begin = opening
        end = opening + window.length
        longest = max(longest, end - begin)
        if opening <= now:
            closes = end
    if closes:
        yield INFO, f"is open until {_local_and_utc(closes, window.timezone)}"
    if opens := next(window.openings(now), None):
        time = _local_and_utc(opens, window.timezone)
        yield INFO, f"opens next at {time}, for {text_of(window.length)}"
    elif not closes:
        yield WARNING, "has ended; remove this expectation, or correct its times"
    if quiet >= longest:
        words = (
            f"quiet: {text_of(quiet)} never alerts: this window is open for at most"
            f" {text_of(longest)}; make it longer than quiet, or remove quiet"
        )
        yield WARNING, words


def _local_and_utc(time: datetime, zone: tzinfo) -> str:
    """Return a time in its zone, and in UTC."""
    local = f"{time.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    utc = f"{time:%Y-%m-%d %H:%M} UTC"
    return local if local == utc else f"{local} ({utc})"


def _globs(config: Config, now: datetime) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield where each glob stands, what makes it one on full names, and the glob.

    A mute that has ended has none.
    """
    for index, expectation in enumerate(config.expectations):
        yield ("expectations", index, "match"), "", expectation.match
    for index, mute in enumerate(config.mutes):
        if mute.end > now:
            yield ("mutes", index, "match"), "", mute.match
    for index, source in enumerate(config.sources):
        prefix = f"projects/{source.project}/locations/*/streams/"
        for key in ("include", "exclude"):
            for number, glob in enumerate(getattr(source, key)):
                yield ("sources", index, key, number), prefix, glob


def check_access(session: Session, stop: Event, *, writes: bool) -> Iterator[Finding]:
    """Yield what is found of all that a run calls for, in the order of a run.

    It also looks for streams that no source watches; ``stop`` ends it early. Unless it
    ``writes``, the permission to write isn't checked.
    """
    config = session.config
    deadline = Deadline.after(config.run.deadline.total_seconds(), stop)
    # It also discovers the projects whose locations are listed.
    more = {Source(project=each.project) for each in config.sources if each.locations}
    wide = config.model_copy(update={"sources": (*config.sources, *more)})
    report = run_once(Session(wide, session.clients), deadline, writes=False)
    unclear = {name.project for name in report.unread}
    unclear.update(each.name.project for each in report.locations if each.held)
    for project, found in sorted(report.discovered.items()):
        text = f"{plural(len(found), 'location')} discovered"
        level = INFO
        if not (project in unclear or report.stopped):
            level = WARNING
            text += "; none has a stream"
        yield Finding(level, f"projects/{project}", text)
    names = [
        str(location.name.stream(stream))
        for location in report.locations
        for stream in location.held
    ]
    for location in report.locations:
        yield from _location(config, location, names)
    for group in failure_groups(report):
        # What a run doesn't read may fail.
        level = WARNING
        if not group.names or any(map(config.reads, group.names)):
            level = ERROR
        yield Finding(level, "", group.text)
    if report.stopped:
        return
    read = sum(map(config.reads, (*report.read, *report.unread)))
    calls = read + len(report.discovered)
    if calls > _QUOTA:
        yield Finding(
            WARNING,
            config.document.place("sources"),
            f"a run makes {calls:,} calls, and Datastream allows {_QUOTA:,} a minute;"
            " list the locations of each source, or divide the sources among"
            f" {math.ceil(calls / _QUOTA)} deployments",
        )
    if not report.unread:
        for path, prefix, glob in _globs(config, datetime.now(UTC)):
            if not matching(names, prefix + glob):
                # A glob of include or exclude is one on ids.
                known = [name.rpartition("/")[2] for name in names] if prefix else names
                yield Finding(
                    WARNING,
                    config.document.place(*path),
                    f"{quote(glob)} matches no stream{_guess(glob, known)}",
                )
    yield from _check_series(session, report, deadline, writes=writes)


def _location(
    config: Config, location: ComparedLocation, names: Iterable[str]
) -> Iterator[Finding]:
    """Yield of a location how many streams a run reads, what alerts, what it leaves.

    ``names`` are those of all streams that there are.
    """
    name = str(location.name)
    if config.reads(location.name):
        # Most discovered locations have none.
        if location.held:
            count = len(location.listed)
            text = f"{plural(count, 'stream')} watched"
            if left_out := count_words(location.omitted, Omission):
                text += f", {left_out}"
            level = INFO if count else WARNING
            yield Finding(level, name, text)
        for watched in location.streams:
            if problem := what_is_wrong(watched):
                if not watched.exists:
                    problem += _guess(str(watched.name), names)
                yield Finding(
                    WARNING, "alerts if it lasts", f"{watched.name} {problem}"
                )
        forgotten = [
            stream
            for stream, why in location.unwatched.items()
            if why is Omission.NOT_INCLUDED
        ]
        fix = "add them to `include`, or to `exclude`"
    else:
        forgotten = [*location.held]
        fix = "add the location to its source"
    if forgotten:
        yield Finding(
            WARNING, name, f"no source watches {name_first(sorted(forgotten))}; {fix}"
        )


def _guess(text: str, names: Iterable[str]) -> str:
    """Return a did-you-mean: the name whose end resembles that of a name or a glob."""
    by_id = {name.rpartition("/")[2]: name for name in names}
    guess = nearest(text.rpartition("/")[2], by_id)
    return f"; did you mean {by_id[guess]}?" if guess else ""


def _check_series(
    session: Session, report: Report, deadline: Deadline, *, writes: bool
) -> Iterator[Finding]:
    """Yield whether problems can be read back, and points be written.

    To see that, it writes one point of ``exporter/points_lost``.
    """
    config = session.config
    place = f"projects/{config.metrics.project}"
    if not report.problems_unread:
        yield Finding(INFO, place, "problems of earlier runs can be read back")
    if deadline.stopped or not writes:
        return
    sample = exporter_sample(config.run, "exporter/points_lost", 0, NODE)
    written = Writer(
        session.clients.monitorings,
        config.metrics.project,
        report.timestamp,
        Calls(session.clients.caller),
    ).write_points([sample], deadline)
    # It is superseded if another check just wrote one.
    if not written.lost:
        yield Finding(INFO, place, "points can be written to Cloud Monitoring")
    for error in written.errors:
        if error.failure:
            yield Finding(ERROR, place, str(error.failure))
