"""Says what a plan changes about what is watched: config.yaml before and after it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fnmatch import filter as matching
from fnmatch import fnmatchcase
from typing import Any

from cronsim import CronSim

from exporter.config import from_text
from exporter.documents.mistakes import InputError
from lab.markdown import code
from lab.review.values import Json

# Stands for a text that the plan doesn't have: it is sensitive, or known after apply
HIDDEN = "(hidden)"
# How much a change matters, the most important first
ERROR, WARNING, CHANGE = ("error", "warning", "change")
# The id of no stream and no location, so only a glob that is too wide matches it
_NOBODY = "~"
# Facts that matter more when they go
_WATCHED = ("watched", "required")
# Facts about a project's streams, of which nothing is said when the project goes
_PARTS = ("limited to", "excluded")


def watched(before: list[str], after: list[str]) -> dict[str, list[str]]:
    """Return sentences about the configs of all exporters, by how much they matter."""
    found: dict[str, list[str]] = {ERROR: [], WARNING: [], CHANGE: []}
    if HIDDEN in before + after:
        found[WARNING].append("Warning: the plan hides the config.")
    elif before == after:
        found[CHANGE].append("Nothing changes." if after else "The plan has no config.")
    else:
        for level, sentence in _changes(before, after):
            found[level].append(sentence)
    return found


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    old: dict[str, bool] = {}
    level = ERROR
    try:
        new = dict(_facts(after, "new config.yaml"))
        level = WARNING
        old = dict(_facts(before, "old config.yaml"))
    except InputError as error:
        yield level, f"**Invalid: {code(error.sentences[0])}**"
        if level == ERROR:
            return
    for fact, everything in new.items():
        if fact in old:
            continue
        if everything:
            yield ERROR, f"**Error: Now {fact}, which is every stream.**"
        else:
            yield CHANGE, f"Now {fact}."
    for fact in old:
        project = fact.rpartition(" of ")[2]
        goes_too = fact.startswith(_PARTS) and f"watched: {project}" not in new
        if fact in new or goes_too:
            continue
        if fact.startswith(_WATCHED):
            yield WARNING, f"Warning: No longer {fact}."
        else:
            yield CHANGE, f"No longer {fact}."


def _facts(texts: Iterable[str], file: str) -> Iterator[tuple[str, bool]]:
    """Yield what configs say in Markdown, and whether it is about every stream.

    Raise InputError if a config is invalid.
    """
    for config in [from_text(text, file, {}) for text in texts]:
        streams = []
        for source in config.sources:
            project = code(source.project)
            yield f"watched: {project}", False
            for values in (source.locations, source.include):
                if values:
                    names = ", ".join(map(code, values))
                    yield f"limited to: {names} of {project}", False
            for glob in source.exclude:
                everything = fnmatchcase(_NOBODY, glob)
                yield f"excluded: {code(glob)} of {project}", everything
            for location in source.locations or (_NOBODY,):
                parent = f"projects/{source.project}/locations/{location}"
                streams.append(f"{parent}/streams/{_NOBODY}")
        for name in config.required:
            yield f"required: {code(name)}", False
        written: Any = config.document.data
        for key, verb in (("expectations", "expected"), ("mutes", "muted")):
            for rule in written.get(key) or ():
                everything = matching(streams, rule["match"]) == streams
                yield f"{verb}: {_rule(rule)}", everything


def _rule(rule: Json) -> str:
    """Return an expectation or a mute as its author wrote it."""
    words = code(rule["match"])
    if "states" in rule:
        words = f"{', '.join(rule['states'])} for {words}"
    time = {**rule, **(rule.get("during") or {})}
    if "schedule" in time:
        # Any moment will do.
        opens = CronSim(time["schedule"], datetime(2024, 1, 1, tzinfo=UTC)).explain()
        words += f", {opens[0].lower()}{opens[1:]} for {time['duration']}"
    for key in ("from", "until", "timezone", "reason"):
        if time.get(key):
            words += f", {key} {code(time[key])}"
    return words
