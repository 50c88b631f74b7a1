"""Says what a plan changes about what is watched: config.yaml before and after it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.config import Config, Source, from_text
from exporter.documents.mistakes import InputError
from exporter.setup.unwatched import covers, is_unwatched
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
# Facts about a project's streams, of which nothing is said when the project goes
_PARTS = ("limited to", "excluded")


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
        known = {
            name for each in old for name in each.required if name.project in blind
        }
        streams = f" ({plural(len(known), 'required stream')})" if known else ""
        yield ERROR, f"Nothing is watched of {', '.join(blind.values())}{streams}"
    then, now = dict(_facts(old)), dict(_facts(new))
    for fact, projects in now.items():
        if fact in then:
            continue
        if projects:
            yield ERROR, f"Now {fact}, which is every stream of {projects}"
        else:
            yield CHANGE, f"Now {fact}."
    told = {f"watched: {code(project)}" for project in blind}
    for fact in then:
        project = fact.rpartition(" of ")[2]
        goes_too = fact.startswith(_PARTS) and f"watched: {project}" not in now
        if fact in now or fact in told or goes_too:
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
            yield f"a run every {written['run']['interval']}", ""
        if "grouping" in written:
            group = config.grouping
            within = format_duration(group.within.total_seconds())
            streams = f"{group.streams} streams or more of a location"
            yield f"one page: {streams} with the same problem within {within}", ""


def _rule(rule: Json) -> str:
    """Return what an expectation or a mute is about, and when, as it is written."""
    words = code(rule["match"])
    time = {**rule, **(rule.get("during") or {})}
    for key in ("schedule", "duration", "from", "until", "timezone", "reason"):
        if time.get(key):
            words += f", {key} {code(time[key])}"
    return words
