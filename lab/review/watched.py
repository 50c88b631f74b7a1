"""Says what a plan stops or delays of what is watched: config before and after it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import filter as matching

from exporter.config import Config, Source
from exporter.config.model import Expectation
from exporter.documents.mistakes import InputError
from exporter.setup.unwatched import covers, is_unwatched, made_up_names
from lab.markdown import code
from lab.promql_durations import format_duration
from lab.review.finding import ERROR, WARNING, ReviewFinding
from lab.review.plan import HIDDEN, Configs, parsed

# Seconds that a page waits without a limit: none, and stream-lagging's own threshold
_USUAL = {"failed": 0.0, "lag": 900.0}
_LONGEST = 1_000  # characters of a mistake


def watched(configs: Mapping[str, Configs]) -> Iterator[ReviewFinding]:
    """Yield what the config's diff doesn't say of each deployment, or not plainly."""
    old: list[Config] = []
    new: list[Config] = []
    for each in configs.values():
        # Of a deployment whose new config isn't known, the old one doesn't count.
        with suppress(InputError):
            new += parsed(each.after, "new")
            old += parsed(each.before, "old")
    if blind := _newly_unwatched(old, new):
        projects = ", ".join(blind.values())
        yield ReviewFinding(ERROR, "unwatched", f"Nothing is watched of {projects}")
    for name, each in configs.items():
        start = f"{code(name)}: " if len(configs) > 1 else ""
        for level, key, sentence in _changes(*each):
            yield ReviewFinding(level, key, f"{start}{sentence}")


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the level, the key and the sentence of a deployment's findings."""
    if HIDDEN in before + after:
        yield WARNING, "hidden", "Warning: the plan hides the config"
        return
    if before == after:
        return
    try:
        new = parsed(after, "new")
    except InputError as error:
        for mistake in error.args:
            yield ERROR, "invalid", f"Invalid: {code(mistake, _LONGEST)}"
        return
    old: list[Config] = []
    try:
        old = parsed(before, "old")
    except InputError as error:
        for mistake in error.args:
            yield WARNING, "invalid", f"Invalid: {code(mistake, _LONGEST)}"
    for source in _sources(new):
        for limit in _USUAL:
            later = _wait(new, source, limit) - _wait(old, source, limit)
            if old and later > 0:
                pages = f"Pages about all streams of {code(source.project)} come up to"
                sentence = f"{pages} {format_duration(later)} later, by {code(limit)}"
                yield ERROR, "delayed", sentence
    known = [(project, one.states, one.during) for project, one in _expected(old)]
    for project, one in _expected(new):
        expected = project, one.states, one.during
        if expected not in known:
            known.append(expected)
            states = ", ".join(state.name for state in one.states)
            when = "in a window" if one.during else "always"
            streams = f"Now fine for every stream of {code(project)}"
            sentence = f"{streams}: {states}, {when}, by {code(one.match)}"
            yield ERROR, "expected", sentence


def _expected(configs: Iterable[Config]) -> Iterator[tuple[str, Expectation]]:
    """Yield the projects and what adds states for every stream of their source."""
    for config in configs:
        for one in config.expectations:
            for source in config.sources:
                if covers(one, source):
                    yield source.project, one


def _newly_unwatched(old: Sequence[Config], new: Sequence[Config]) -> dict[str, str]:
    """Return the projects with a source that the new configs leave unwatched whole.

    One that the old ones left so too is no news. Each has its name in Markdown, and
    whether new limits leave a part of it.
    """
    now = datetime.now(UTC)
    before = _sources(old)
    known = [each for each in before if is_unwatched(each, old, now)]
    after = _sources(new)
    found: dict[str, str] = {}
    for source in (*before, *after):
        if source not in known and is_unwatched(source, new, now):
            found[source.project] = code(source.project)
    for source in after:
        if source.project in found and not is_unwatched(source, new, now):
            found[source.project] = (
                f"{code(source.project)} outside its new include and locations"
            )
    return found


def _wait(configs: Iterable[Config], source: Source, key: str) -> float:
    """Return for how many seconds a limit delays pages about all of its streams."""
    wait = _USUAL[key]
    names = [*map(str, made_up_names(source))]
    for config in configs:
        for one in config.expectations:
            if key in one.limits and matching(names, one.match) == names:
                wait = one.limits[key].total_seconds()
    return wait


def _sources(configs: Iterable[Config]) -> list[Source]:
    return [source for config in configs for source in config.sources]
