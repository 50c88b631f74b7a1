"""Environment variables that override a key of config.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel

from exporter.config.model import Config
from exporter.inputs.spelling import hint
from exporter.inputs.yaml_text import scalar
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.inputs.documents import Document

PREFIX = "DATASTREAM_EXPORTER_"
WHOLE = PREFIX + "CONFIG"
"""Holds the text of a whole config file."""


class Variable(NamedTuple):
    """The key that an environment variable overrides."""

    section: str
    key: str
    is_text: bool


def variables() -> dict[str, Variable]:
    """Return the variables that override a key, by name."""
    return {
        f"{PREFIX}{section}__{key}".upper(): Variable(
            section, key, is_text=field.annotation not in {int, bool}
        )
        for section, part in Config.model_fields.items()
        if isinstance(part.annotation, type) and issubclass(part.annotation, BaseModel)
        for key, field in part.annotation.model_fields.items()
    }


def override(document: Document, environ: Mapping[str, str]) -> None:
    """Override keys of the document by the environment; an unknown variable is a mistake.

    An empty variable counts as not set.
    """
    known = variables()
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name == WHOLE or not text:
            continue
        if name not in known:
            words = f"no key of config.yaml has this name; {hint(name, [*known, WHOLE])}"
            document.add_error_at(name, words)
        elif not text.isprintable():
            words = f"{quote(text)} contains characters that are not text; set it again"
            document.add_error_at(name, words)
        else:
            section, key, is_text = known[name]
            value = text if is_text else scalar(text)
            document.override(section, key, value, name)
