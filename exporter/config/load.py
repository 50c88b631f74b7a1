"""Loads the config from a file or the environment, or reports all mistakes in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from exporter import documents
from exporter.config.model import Config
from exporter.documents import Document
from exporter.mistakes import InputError, hint, nearest
from exporter.text import quote

USUAL_FILE = "config.yaml"
PREFIX = "DATASTREAM_EXPORTER_"
WHOLE = PREFIX + "CONFIG"  # holds the text of a whole config file
_SWITCHES = {"true": True, "false": False}
_MERGE = "Merge the two, or list"
_EVERY = "*"  # stands for every location of a project


class _Watched(Config):
    """A config in which only the sources and the required streams are checked."""

    model_config = ConfigDict(extra="ignore")

    metrics: Any = None
    expectations: Any = None
    collect: Any = None
    run: Any = None
    endpoints: Any = None


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
    text = documents.read_file(file)
    return from_text(text, file, environ)


def from_text(
    text: str,
    file: str,
    environ: Mapping[str, str],
) -> Config:
    """Return the config of a text; ``file`` is what sentences call it."""
    return from_document(documents.parse(text, file), environ)


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
    # A mistake elsewhere must not hide what the sources and required streams get wrong.
    watched = config or document.read(_Watched)
    if watched:
        _add_overlaps(document, watched)
        _add_unwatched(document, watched)
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
        if name not in known:
            advice = hint(name, [*known, WHOLE])
            words = f"no key of config.yaml has this name; {advice}"
            document.add_error_at(name, words)
        elif not text.isprintable():
            words = f"{quote(text)} contains characters that are not text; set it again"
            document.add_error_at(name, words)
        else:
            section, key = known[name]
            value = _SWITCHES.get(text, text)
            document.override(section, key, value, name)


def _add_overlaps(document: Document, config: Config) -> None:
    """Add a mistake for each location that an earlier source covers."""
    # By project: the index of the first source of each location.
    covered: dict[str, dict[str, int]] = {}
    for index, source in enumerate(config.sources):
        before = covered.setdefault(source.project, {})
        if source.locations is None and before:
            first = next(iter(before.values()))
            what = f"sources[{first}] already covers {source.project}"
            words = f"{what}. {_MERGE} locations in both."
            document.add_error(("sources", index), words)
        for place, location in enumerate(source.locations or ()):
            other = before.get(_EVERY, before.get(location))
            if other is not None:
                what = f"sources[{other}] already covers {location} of {source.project}"
                path = ("sources", index, "locations", place)
                document.add_error(path, f"{what}. {_MERGE} it once.")
        for location in source.locations or (_EVERY,):
            before.setdefault(location, index)


def _add_unwatched(document: Document, config: Config) -> None:
    """Add a mistake for each required stream that is listed twice, or not watched."""
    projects = {source.project for source in config.sources}
    written: dict[object, int] = {}
    for index, name in enumerate(config.required):
        source = config.source_of(name.project, name.location)
        first = written.setdefault(name, index)
        if first < index:
            words = f"{quote(str(name))} is required[{first}] already"
            fix = "remove one of them"
        elif source is None:
            guess = nearest(name.project, projects)
            words = f"no source covers project {quote(name.project)}"
            fix = f"did you mean {guess}?" if guess else "add it under sources"
        elif not source.watches(name.stream):
            words = f"the source of {name.project} leaves {quote(name.stream)} out"
            fix = "fix its include or exclude, or remove the stream from required"
        else:
            continue
        document.add_error(("required", index), f"{words}; {fix}")
