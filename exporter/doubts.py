"""Says what config mutes and expects when, and which of it is hardly meant."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from itertools import islice, pairwise
from logging import INFO, WARNING
from typing import NamedTuple, TypeAlias

from exporter.config import Config
from exporter.config.model import Window
from exporter.expectations import ComparedLocation, is_open
from exporter.text import quote
from exporter.yaml_tree import KeyPath

# One line of ``check``: how bad it is, as a level of logging, and what was found. ERROR
# makes the exit code 1.
Finding: TypeAlias = tuple[int, str]
# The name of no stream, so only a glob that is too wide matches it
_NOBODY = "projects/~/locations/~/streams/~"
# Openings of a window: enough to see a week's shortest gap
_OPENINGS = 32


class Glob(NamedTuple):
    """A glob in config, and a text that it matches only if it is too wide."""

    path: KeyPath  # where it stands
    text: str
    nobody: str


def globs(config: Config) -> Iterator[Glob]:
    """Yield every glob in config."""
    for key in ("expectations", "mutes"):
        for index, one in enumerate(getattr(config, key)):
            yield Glob((key, index, "match"), one.match, _NOBODY)
    for index, source in enumerate(config.sources):
        for key in ("include", "exclude"):
            for place, glob in enumerate(getattr(source, key)):
                yield Glob(("sources", index, key, place), glob, "~")


def wide_globs(config: Config) -> Iterator[Finding]:
    """Yield a warning for each glob that matches every stream there could be."""
    for glob in globs(config):
        if fnmatchcase(glob.nobody, glob.text):
            yield _warning(config, glob, "matches every stream; narrow or remove it")


def idle_globs(
    config: Config, locations: Sequence[ComparedLocation]
) -> Iterator[Finding]:
    """Yield a warning for each glob that matches none, or all of several streams."""
    names: list[str] = []
    ids: dict[object, list[str]] = {}
    for location in locations:
        names += [str(location.name.stream(each)) for each in location.held]
        of_source = ids.setdefault(config.source_of(*location.name), [])
        of_source += location.held
    for glob in globs(config):
        candidates = names
        if glob.path[0] == "sources":
            source = config.sources[int(glob.path[1])]
            candidates = ids.get(source, [])
        matched = matching(candidates, glob.text)
        if not matched:
            yield _warning(config, glob, "matches no stream")
        elif fnmatchcase(glob.nobody, glob.text):
            continue  # which is said without an account
        elif 1 < len(matched) == len(candidates):
            words = "matches every stream there is; narrow or remove it"
            yield _warning(config, glob, words)


def _warning(config: Config, glob: Glob, words: str) -> Finding:
    return WARNING, config.document.place(glob.path, f"{quote(glob.text)} {words}")


def schedules(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield when each mute ends, and each window opens next."""
    place = config.document.place
    for index, mute in enumerate(config.mutes):
        ends = local_and_utc(mute.end, mute.timezone)
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
        text = local_and_utc(opens, window.timezone)
        yield INFO, f"opens next at {text}, for {window.length}"
    elif not is_open(window, now):
        yield WARNING, "is over; remove this expectation, or correct its times"
    # In UTC, where no day has 23 hours
    in_utc = window.model_copy(update={"timezone": UTC})
    following = islice(in_utc.openings(now), _OPENINGS)
    if any(later - one < window.length for one, later in pairwise(following)):
        fix = "shorten its duration, or open it less often"
        yield WARNING, f"opens again before it closes; {fix}"


def local_and_utc(time: datetime, zone: tzinfo | None) -> str:
    """Return a time in its zone, and in UTC."""
    utc = f"{time:%Y-%m-%d %H:%M} UTC"
    if zone in {None, UTC}:
        return utc
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M} {zone} ({utc})"
