"""Says what config mutes and expects when, and which of it is hardly meant."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from fnmatch import filter as matching
from itertools import islice, pairwise
from logging import INFO, WARNING
from typing import NamedTuple, TypeAlias

from exporter.config import Config
from exporter.config.model import Window
from exporter.documents.yaml_tree import KeyPath
from exporter.steps.compare import is_open
from exporter.text import quote

# One line of ``check``: how bad it is, as a level of logging, and what was found. ERROR
# makes the exit code 1.
Finding: TypeAlias = tuple[int, str]
# Openings of a window: enough to see a week's shortest gap
_OPENINGS = 32


class Glob(NamedTuple):
    """A glob in config."""

    path: KeyPath  # where it stands
    text: str
    on_names: str  # the same as a glob on full names


def globs(config: Config) -> Iterator[Glob]:
    """Yield every glob in config."""
    for key in ("expectations", "mutes"):
        for index, one in enumerate(getattr(config, key)):
            yield Glob((key, index, "match"), one.match, one.match)
    for index, source in enumerate(config.sources):
        streams = f"projects/{source.project}/locations/*/streams/"
        for key in ("include", "exclude"):
            for place, glob in enumerate(getattr(source, key)):
                path = ("sources", index, key, place)
                yield Glob(path, glob, streams + glob)


def wide_globs(config: Config) -> Iterator[Finding]:
    """Yield a warning for each glob that matches all that a project may have."""
    # Only a glob that is too wide matches a stream of such a name.
    names = [
        f"projects/{each.project}/locations/~/streams/~" for each in config.sources
    ]
    for glob in globs(config):
        if matching(names, glob.on_names):
            words = f"{quote(glob.text)} matches every stream; narrow or remove it"
            yield WARNING, config.document.place(glob.path, words)


def idle_globs(config: Config, names: Sequence[str]) -> Iterator[Finding]:
    """Yield a warning for each glob that matches none of the streams there are."""
    for glob in globs(config):
        if not matching(names, glob.on_names):
            words = f"{quote(glob.text)} matches no stream"
            yield WARNING, config.document.place(glob.path, words)


def schedules(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield when each mute ends, and each window opens next."""
    place = config.document.place
    for index, mute in enumerate(config.mutes):
        ends = _local_and_utc(mute.end, mute.timezone or UTC)
        level = INFO
        words = f"{quote(mute.match)} is muted until {ends}"
        if mute.end <= now:
            level = WARNING
            words = f"{quote(mute.match)} is watched since {ends}; remove this mute"
        yield level, place(("mutes", index), words)
    for index, expectation in enumerate(config.expectations):
        if expectation.during:
            path = ("expectations", index, "during")
            for level, words in _window(expectation.during, now):
                yield level, place(path, words)


def _window(window: Window, now: datetime) -> Iterator[Finding]:
    opens = next(window.openings(now), None)
    if opens:
        text = _local_and_utc(opens, window.timezone)
        yield INFO, f"opens next at {text}, for {window.length}"
    elif not is_open(window, now):
        yield WARNING, "is over; remove this expectation, or correct its times"
    # In UTC, where no day has 23 hours
    in_utc = window.model_copy(update={"timezone": UTC})
    following = islice(in_utc.openings(now), _OPENINGS)
    if any(later - one < window.length for one, later in pairwise(following)):
        fix = "shorten its duration, or open it less often"
        yield WARNING, f"opens again before it closes; {fix}"


def _local_and_utc(time: datetime, zone: tzinfo) -> str:
    """Return a time in its zone, and in UTC."""
    local = f"{time.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    utc = f"{time:%Y-%m-%d %H:%M} UTC"
    return local if local == utc else f"{local} ({utc})"
