"""Loads the config from a file or the environment, or reports all mistakes in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict

from exporter.config import checks
from exporter.config.environment import WHOLE, override
from exporter.config.model import Config
from exporter.inputs import documents
from exporter.inputs.documents import Document, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL_FILE = "config.yaml"


class Loaded(NamedTuple):
    """A config and where it came from.

    Attributes:
        config: The config.
        warnings: A sentence for each thing that may be right and is worth checking.
        source: The file, or the environment variable that contained the text.
    """

    config: Config
    warnings: tuple[str, ...]
    source: str


class _Watched(Config):
    """A config in which only the sources and the required streams are checked."""

    model_config = ConfigDict(extra="ignore")

    metrics: Any = None
    expectations: Any = None
    collect: Any = None
    run: Any = None
    endpoints: Any = None


def load(path: str | None, environ: Mapping[str, str]) -> Loaded:
    """Return the config from a file, else from the environment, else from ``config.yaml``.

    Args:
        path: The file that was asked for, if one was.
        environ: The environment: the text of a whole config, and values for single keys.

    Raises:
        InputError: With every error in it.
    """
    if path is not None:
        return from_text(documents.read_file(path), path, environ)
    if text := environ.get(WHOLE):
        return from_text(text, WHOLE, environ)
    if not Path(USUAL_FILE).exists():
        problem = "no such file in this directory"
        fix = f"create it, name another with --config, or set {WHOLE} to its text"
        raise InputError([f"{USUAL_FILE}: {problem}; {fix}"])
    return from_text(documents.read_file(USUAL_FILE), USUAL_FILE, environ)


def from_text(text: str, file: str, environ: Mapping[str, str]) -> Loaded:
    """Return the config of a text; ``file`` is what sentences call it.

    Raises:
        InputError: With every error in it.
    """
    return from_document(documents.parse(text, file), environ)


def from_data(data: dict[str, Any] | None, name: str, environ: Mapping[str, str]) -> Loaded:
    """Return the config of parsed data; sentences have its name, and no lines.

    Raises:
        InputError: With every error in it.
    """
    return from_document(Document(data, name), environ)


def from_document(document: Document, environ: Mapping[str, str]) -> Loaded:
    """Return the config of a document, or of a part of one.

    Raises:
        InputError: With every error in it.
    """
    override(document, environ)
    config = document.read(Config)
    # A mistake elsewhere must not hide what the sources and required streams get wrong.
    watched = config or document.read(_Watched)
    if watched:
        for location, sentence in checks.errors(watched):
            document.add_error(location, sentence)
    config = document.accepted(config)
    warnings = tuple(document.place(*warning) for warning in checks.warnings(config))
    return Loaded(config, warnings, document.file)
