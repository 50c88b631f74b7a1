"""Says what a plan changes about what is watched: config.yaml before and after it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from fnmatch import filter as matching
from typing import Any, TypeAlias

from cronsim import CronSim

from exporter.config import from_text
from exporter.config.locations import KNOWN
from exporter.mistakes import InputError
from lab.markdown import code
from lab.review.values import Json

# Stands for a text that the plan doesn't have: it is sensitive, or known after apply
HIDDEN = "(hidden)"
# How much a change matters, the most important first
ERROR, WARNING, CHANGE = ("error", "warning", "change")
# Stream ids that only a glob like * matches together
_SAMPLES = ["a", "z9", "0", "Orders-prod_eu"]
# What is said of a project's streams, and not when the whole project goes
_PARTS = ("limited to", "excluded")

# A verb and words in Markdown: what a config says about some streams
_Fact: TypeAlias = tuple[str, str]


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
    old: dict[_Fact, bool] = {}
    level = ERROR
    try:
        new = dict(_facts(after, "new config.yaml"))
        level = WARNING
        old = dict(_facts(before, "old config.yaml"))
    except InputError as error:
        yield level, f"**Invalid: {code(error.sentences[0])}**"
        if level == ERROR:
            return
    for (verb, words), everything in new.items():
        if (verb, words) in old:
            continue
        sentence = f"Now {verb}: {words}"
        if everything:
            yield ERROR, f"**Error: {sentence}, which is every stream.**"
        else:
            yield CHANGE, f"{sentence}."
    for verb, words in old:
        project = words.rpartition(" of ")[2]
        part_of_gone = verb in _PARTS and ("watched", project) not in new
        if (verb, words) in new or part_of_gone:
            continue
        if verb in {"watched", "required"}:
            yield WARNING, f"Warning: No longer {verb}: {words}."
        else:
            yield CHANGE, f"No longer {verb}: {words}."


def _facts(texts: Iterable[str], file: str) -> Iterator[tuple[_Fact, bool]]:
    """Yield what configs say, and whether a glob there matches every stream.

    Raise InputError if a config is invalid.
    """
    for config in [from_text(text, file, {}) for text in texts]:
        streams = []
        for source in config.sources:
            of = f"of {code(source.project)}"
            yield ("watched", code(source.project)), False
            for values in (source.locations, source.include):
                if values:
                    names = ", ".join(map(code, values))
                    yield ("limited to", f"{names} {of}"), False
            for glob in source.exclude:
                everything = matching(_SAMPLES, glob) == _SAMPLES
                yield ("excluded", f"{code(glob)} {of}"), everything
            for location in source.locations or KNOWN:
                start = f"projects/{source.project}/locations/{location}/streams/"
                streams += [start + sample for sample in _SAMPLES]
        for name in config.required:
            yield ("required", code(name)), False
        written: Any = config.document.data
        for key, verb in (("expectations", "expected"), ("mutes", "muted")):
            for rule in written.get(key) or ():
                everything = matching(streams, rule["match"]) == streams
                yield (verb, _rule(rule)), everything


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
