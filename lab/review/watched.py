"""Says what a plan changes about what is watched: config.yaml before and after it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import filter as matching
from itertools import product
from typing import Any

from exporter.config import Config, Source
from exporter.documents.mistakes import InputError
from exporter.setup.unwatched import covers, is_unwatched, made_up_names
from exporter.text import capitalized, plural
from lab.markdown import code
from lab.plans.plan import HIDDEN, Configs, parsed
from lab.plans.values import Json
from lab.policies.deployment import is_created
from lab.promql_durations import format_duration

# How much a change matters, the most important first
ERROR, WARNING, CHANGE = ("error", "warning", "change")
# What an expectation's limits mean
_LIMITS = {
    "lag": "limit of lag",
    "quiet": "limit without a change",
    "failed": "patience with FAILED",
}
# Facts whose end is a warning
_WATCHED = ("watched", "required", _LIMITS["quiet"])
# Seconds without a limit: none, and stream-lagging's own threshold
_USUAL = {"failed": 0.0, "lag": 900.0}
_EVERY = ", which is every stream of "
_LONGEST = 1_000  # characters of a mistake


def watched(configs: Mapping[str, Configs]) -> dict[str, list[str]]:
    """Return sentences about each deployment's config, by how much they matter.

    They have no full stop.
    """
    found: dict[str, list[str]] = {ERROR: [], WARNING: [], CHANGE: []}
    old: list[Config] = []
    new: list[Config] = []
    for each in configs.values():
        # Of a deployment whose new config isn't known, the old one doesn't count.
        with suppress(InputError):
            new += parsed(each.after, "new")
            old += parsed(each.before, "old")
    blind = _newly_unwatched(old, new)
    if blind:
        found[ERROR].append(f"Nothing is watched of {', '.join(blind.values())}")
    for name, each in configs.items():
        start = f"{code(name)}: " if len(configs) > 1 else ""
        for level, sentence in _changes(*each):
            found[level].append(f"{start}{sentence}")
    return found


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what changes in a deployment, and how much it matters."""
    if HIDDEN in before + after:
        yield WARNING, "Warning: the plan hides the config"
        return
    if before == after:
        return
    old: list[Config] = []
    level = ERROR
    try:
        new = parsed(after, "new")
        level = WARNING
        old = parsed(before, "old")
    except InputError as error:
        for mistake in error.sentences:
            yield level, f"Invalid: {code(mistake, _LONGEST)}"
        if level == ERROR:
            return
    for source, key in product(_sources(old and new), _USUAL):
        later = _wait(new, source, key) - _wait(old, source, key)
        if later > 0:
            pages = f"Pages about all streams of {code(source.project)} come up to"
            yield ERROR, f"{pages} {format_duration(later)} later, by {code(key)}"
    then, now = _facts(old), _facts(new)
    for fact, value in now.items():
        sentence = f"Now {fact}{value}"
        if fact in then:
            sentence = capitalized(f"{fact}{then[fact]} → {value}")
        if then.get(fact) != value:
            yield ERROR if _EVERY in value else CHANGE, sentence
    for fact, was in then.items():
        if fact not in now:
            is_lag = fact.startswith(_LIMITS["lag"])
            end = "; stream-lagging's threshold holds" if is_lag else ""
            level = WARNING if fact.startswith(_WATCHED) else CHANGE
            yield level, f"No longer {fact}{was}{end}"


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
            found[source.project] = f"{code(source.project)} outside its limits"
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


def _facts(configs: Iterable[Config]) -> dict[str, str]:
    """Return what configs say, in Markdown: what it is about, and its value."""
    found: dict[str, str] = {}
    for fact, value in _said(configs):
        if found.setdefault(fact, value) != value:
            found[fact] += f", and {value}"
    return found


def _said(configs: Iterable[Config]) -> Iterator[tuple[str, str]]:
    """Yield each fact and its value, in the order of config.yaml."""
    for config in configs:
        for source in config.sources:
            project = code(source.project)
            yield f"watched: {project}", ""
            for values in (source.locations, source.include):
                if values:
                    yield f"limited to: {', '.join(map(code, values))} of {project}", ""
            for glob in source.exclude:
                yield f"excluded: {code(glob)} of {project}", ""
        for name in config.required:
            yield f"required: {code(name)}", ""
        yield from _expected(config)
        written: Any = config.document.data
        for rule in written.get("mutes") or ():
            yield f"muted: {code(rule['match'])}, ", _when(rule)[2:]
        if "interval" in (written.get("run") or {}):
            silent = format_duration(2 * config.run.every + 240)
            every = f"{config.run.interval}; a page waits up to that long for it"
            every += f", exporter-silent pages within {silent}"
            if not is_created("interval-2m", config):
                every += ", and stream-flapping goes: it needs 2m or less"
            yield "a run every ", every
        if "grouping" in written:
            count = config.grouping.streams
            within = format_duration(config.grouping.within.total_seconds())
            page = f"{count} streams or more of a location with the same problem"
            page += f" within {within}; fewer are up to {plural(count - 1, 'page')}"
            yield "one page: ", page


def _expected(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what expectations say; a window of a whole day, each day, never closes."""
    written: Any = config.document.data
    for index, one in enumerate(config.expectations):
        rule = written["expectations"][index]
        about, when = code(one.match), _when(rule.get("during") or {})
        during = one.during
        if during and during.length.days and f"{during.schedule}".endswith("* * *"):
            when += ", which is always"
        if one.states:
            states = f"{', '.join(rule['states'])}{when or ', always'}"
            whole = [each.project for each in config.sources if covers(one, each)]
            if whole:
                states += f"{_EVERY}{', '.join(map(code, whole))}"
            yield f"expected for {about}: ", states
        for key in sorted(_LIMITS.keys() & rule.keys()):
            yield f"{_LIMITS[key]} for {about}: ", f"{rule[key]}{when}"


def _when(time: Json) -> str:
    """Return when an expectation or a mute applies, each part after a comma."""
    keys = ("schedule", "duration", "from", "until", "timezone", "reason")
    return "".join(f", {key} {code(time[key])}" for key in keys if time.get(key))
