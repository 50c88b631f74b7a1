"""Loads the config from a file or the environment, or reports all mistakes in it."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from exporter.config.model import Config
from exporter.documents.document import Document, parse, read_file
from exporter.documents.mistakes import InputError, hint
from exporter.text import quote

USUAL_FILE = "config.yaml"
PREFIX = "DATASTREAM_EXPORTER_"
WHOLE = PREFIX + "CONFIG"  # holds the text of a whole config file


def load(path: str | None, environ: Mapping[str, str]) -> Config:
    """Return the config of a file, the environment or config.yaml, or InputError."""
    whole = environ.get(WHOLE)
    if path is None and whole:
        return from_text(whole, WHOLE, environ)
    if path is None and not Path(USUAL_FILE).exists():
        ways = "let init write it, name another with --config"
        fix = f"{ways}, or set {WHOLE} to its text"
        raise InputError([f"{USUAL_FILE}: no such file in this directory; {fix}"])
    file = USUAL_FILE if path is None else path
    text = read_file(file)
    return from_text(text, file, environ)


def from_text(
    text: str,
    file: str,
    environ: Mapping[str, str],
) -> Config:
    """Return the config of a text; ``file`` is what sentences call it."""
    return from_document(parse(text, file), environ)


def from_data(
    data: dict[str, Any] | None,
    name: str,
    environ: Mapping[str, str],
) -> Config:
    """Return the config of parsed data; sentences have its name, and no lines."""
    return from_document(Document(data, name), environ)


def from_document(document: Document, environ: Mapping[str, str]) -> Config:
    """Return the config of a document, or of a part of one."""
    _override(document, environ)
    config = document.read(Config)
    if config:
        _add_overlaps(document, config)
        _add_unwatched(document, config)
    return document.accepted(config).written_in(document)


def variables() -> dict[str, tuple[str, str]]:
    """Return the section and the key that each environment variable overrides."""
    keys = {}
    for section, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for key in kind.model_fields:
                keys[f"{PREFIX}{section}__{key}".upper()] = (section, key)
    return keys


def _override(document: Document, environ: Mapping[str, str]) -> None:
    """Override keys by variables that aren't empty; an unknown one is a mistake."""
    known = variables()
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        if name == WHOLE or not text:
            continue
        if name in known:
            section, key = known[name]
            document.override(section, key, text, name)
        else:
            advice = hint(name, [*known, WHOLE])
            words = f"no key of config.yaml has this name; {advice}"
            document.add_error_at(name, words)


def _add_overlaps(document: Document, config: Config) -> None:
    """Add a mistake for each source whose locations an earlier one covers."""
    pairs = combinations(enumerate(config.sources), 2)
    for (first, one), (second, other) in pairs:
        if one.project != other.project:
            continue
        what = one.project
        if one.locations and other.locations:
            shared = {*one.locations} & {*other.locations}
            if not shared:
                continue
            what = f"{', '.join(sorted(shared))} of {what}"
        fix = "merge the two, or list each location once"
        words = f"sources[{first}] covers {what} already; {fix}"
        document.add_error(("sources", second), words)


def _add_unwatched(document: Document, config: Config) -> None:
    """Add a mistake for each required stream that is not watched."""
    for index, name in enumerate(config.required):
        source = config.source_of(name.project, name.location)
        if source is None:
            words = f"no source covers project {quote(name.project)}"
            fix = "add it under sources"
        elif not source.watches(name.stream):
            words = f"the source of {name.project} leaves {quote(name.stream)} out"
            fix = "fix its include or exclude, or remove the stream from required"
        else:
            continue
        document.add_error(("required", index), f"{words}; {fix}")
