"""Says what a plan changes about what is watched: config.yaml before and after it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import filter as matching
from itertools import product
from typing import Any

from exporter.config import Config, Source, from_text
from exporter.documents.mistakes import InputError
from exporter.setup.unwatched import covers, is_unwatched, made_up_names
from exporter.text import plural
from lab.markdown import code
from lab.plans.plan import HIDDEN
from lab.plans.values import Json
from lab.promql_durations import format_duration

# How much a change matters, the most important first
ERROR, WARNING, CHANGE = ("error", "warning", "change")
# Facts whose end is a warning
_WATCHED = ("watched", "required", "told")
# What an expectation's limits mean
_LIMITS = {
    "lag": "told of a lag above {} instead of stream-lagging's threshold",
    "quiet": "told after {} without a change",
    "failed": "patient with FAILED for {}",
}
# Seconds without a limit: none, and stream-lagging's own threshold
_USUAL = {"failed": 0.0, "lag": 900.0}


def watched(before: list[str], after: list[str]) -> dict[str, list[str]]:
    """Return sentences about the configs of all exporters, by how much they matter.

    An error has neither mark nor full stop, as it stands in bold.
    """
    found: dict[str, list[str]] = {ERROR: [], WARNING: [], CHANGE: []}
    if HIDDEN in before + after:
        found[WARNING].append("Warning: the plan hides the config.")
    elif before != after:
        for level, sentence in _changes(before, after):
            found[level].append(sentence)
    return found


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    old: list[Config] = []
    level = ERROR
    try:
        new = [from_text(text, "new config.yaml", {}) for text in after]
        level = WARNING
        old = [from_text(text, "old config.yaml", {}) for text in before]
    except InputError as error:
        yield level, f"Invalid: {code(error.sentences[0])}"
        if level == ERROR:
            return
    blind = _newly_unwatched(old, new)
    if blind:
        yield ERROR, f"Nothing is watched of {', '.join(blind.values())}"
    for source, key in product(_sources(old and new), _USUAL):
        later = _wait(new, source, key) - _wait(old, source, key)
        if later > 0:
            pages = (
                f"Pages about all streams of {code(source.project)} come up to"
                f" {format_duration(later)} later, by {code(key)}"
            )
            yield ERROR, pages
    then, now = dict(_facts(old)), dict(_facts(new))
    for fact, projects in now.items():
        if projects and fact not in then:
            yield ERROR, f"Now {fact}, which is every stream of {projects}"
        elif fact not in then:
            yield CHANGE, f"Now {fact}."
    gone = tuple(code(each) for each in blind if f"watched: {code(each)}" not in now)
    for fact in then:
        if fact in now or fact.endswith(gone):
            continue
        if fact.startswith(_WATCHED):
            yield WARNING, f"Warning: No longer {fact}."
        else:
            yield CHANGE, f"No longer {fact}."


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


def _facts(configs: Iterable[Config]) -> Iterator[tuple[str, str]]:
    """Yield what configs say, and the projects all of whose streams it expects.

    Both are Markdown.
    """
    for config in configs:
        for source in config.sources:
            project = code(source.project)
            yield f"watched: {project}", ""
            for values in (source.locations, source.include):
                if values:
                    names = ", ".join(map(code, values))
                    yield f"limited to: {names} of {project}", ""
            for glob in source.exclude:
                yield f"excluded: {code(glob)} of {project}", ""
        for name in config.required:
            yield f"required: {code(name)}", ""
        written: Any = config.document.data
        for index, one in enumerate(config.expectations):
            rule = written["expectations"][index]
            about = _rule(rule)
            if one.states:
                whole = [each for each in config.sources if covers(one, each)]
                projects = ", ".join(code(each.project) for each in whole)
                yield f"expected: {', '.join(rule['states'])} for {about}", projects
            for key in sorted(_LIMITS.keys() & rule.keys()):
                yield f"{_LIMITS[key].format(rule[key])}: {about}", ""
        for rule in written.get("mutes") or ():
            yield f"muted: {_rule(rule)}", ""
        if "interval" in (written.get("run") or {}):
            every = (
                f"a run every {config.run.interval}; a page waits up to that long for"
                f" it, exporter-silent pages within"
                f" {format_duration(2 * config.run.every + 240)}"
            )
            yield every, ""
        if "grouping" in written:
            group = config.grouping
            page = (
                f"one page: {group.streams} streams or more of a location with the same"
                f" problem within {format_duration(group.within.total_seconds())};"
                f" fewer are up to {plural(group.streams - 1, 'page')}"
            )
            yield page, ""


def _rule(rule: Json) -> str:
    """Return what an expectation or a mute is about, and when, as it is written."""
    words = code(rule["match"])
    time = {**rule, **(rule.get("during") or {})}
    for key in ("schedule", "duration", "from", "until", "timezone", "reason"):
        if time.get(key):
            words += f", {key} {code(time[key])}"
    return words
