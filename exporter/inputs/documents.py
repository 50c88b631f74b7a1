"""YAML documents as validated values; every mistake is a sentence with its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from exporter.inputs.input_errors import InputError
from exporter.inputs.validation_messages import known_keys, message
from exporter.inputs.yaml_nodes import MAX_BYTES, Node, compose
from exporter.text import printable, quote

__all__ = ["Document", "InputError", "load", "parse", "read_file"]

M = TypeVar("M", bound=BaseModel)
KeyPath = Sequence[str | int]

_LAST_LINE = MAX_BYTES + 1


def read_file(path: str) -> str:
    """Return the text of a file.

    Raises:
        InputError: In one sentence, where the file cannot be read or is no text.
    """
    name = printable(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError([f"{name}: there is no such file; check the path"]) from None
    except IsADirectoryError:
        raise InputError([f"{name}: is a directory; name the file in it"]) from None
    except PermissionError:
        raise InputError([f"{name}: this user may not read it; give it read permission"]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError([f"{name}: cannot be read ({reason}); check the path"]) from None
    if len(content) > MAX_BYTES:
        raise InputError(
            [f"{name}: is larger than 1 MiB, the most that is read; is it the right file?"]
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            [f"{name}: is not UTF-8 (byte {error.start} from its start); save it as UTF-8"]
        ) from None


def load(text: str, file: str, model: type[M]) -> M:
    """Return YAML text as a validated model.

    Args:
        text: The whole document.
        file: What to call it in sentences.
        model: What it has to be. Values are taken strictly, as JSON's would be: text is no
            number, and a number no text.

    Raises:
        InputError: With every error in it.
    """
    document = parse(text, file)
    return document.accepted(document.read(model))


def parse(text: str, file: str) -> Document:
    """Return YAML text as a document that is yet to be validated.

    Raises:
        InputError: In one sentence, where the text cannot be read as YAML.
    """
    root, lesser = compose(text, file)
    document = Document(root, file)
    for line, words in lesser:
        document.add_error_at_line(line, words)
    return document


class Document:
    """A parsed document, or a part of one, that gathers the mistakes in it."""

    def __init__(self, root: Node, file: str, prefix: KeyPath = ()) -> None:
        """Hold a tree; ``prefix`` is the way from the file's root to this part's."""
        self.root = root
        self.file = file
        self._prefix = tuple(prefix)
        self._errors: dict[str, int] = {}

    def part(self, key: str) -> Document | None:
        """Return what a key of the root holds as a document of its own, if there is such a key.

        Lines and key paths in its sentences stay those of the whole file; its mistakes are its
        own.
        """
        held = self.root.value.get(key) if isinstance(self.root.value, dict) else None
        return Document(held, self.file, (*self._prefix, key)) if held else None

    def override(self, section: str, key: str, node: Node) -> None:
        """Put a value in the place of what is written under a key of a section, if anything."""
        if not isinstance(self.root.value, dict):
            return
        held = self.root.value.get(section)
        if held is None or held.value is None:
            held = Node({}, self.root.line)
        if isinstance(held.value, dict):
            # Copied: an alias may hold the same mapping in another place.
            held = replace(held, value={**held.value, key: node})
        self.root = replace(self.root, value={**self.root.value, section: held})

    def read(self, model: type[M]) -> M | None:
        """Return the document as a model, or None after telling what does not fit."""
        try:
            # As JSON, so that strictness is JSON's: a list is a tuple, text an enum's name.
            return model.model_validate_json(json.dumps(self.root.plain()), strict=True)
        except ValidationError as error:
            self._add_errors(error, model)
            return None

    def place(self, location: KeyPath, words: str) -> str:
        """Return a sentence about a value with the file, line and key path before it."""
        return self._placed(location, words)[0]

    def add_error(self, location: KeyPath, words: str) -> None:
        """Add a mistake about the value at a location, such as ``("sources", 0, "project")``."""
        told, line = self._placed(location, words)
        self._errors.setdefault(told, line)

    def add_error_at_line(self, line: int, words: str) -> None:
        """Add a mistake that belongs to a line, whatever stands there."""
        self._errors.setdefault(f"{self.file}:{line}: {words}", line)

    def add_environment_error(self, variable: str, words: str) -> None:
        """Add a mistake about an environment variable."""
        self._errors.setdefault(f"environment: {variable}: {words}", _LAST_LINE)

    def accepted(self, value: M | None) -> M:
        """Return what was read, if nothing was wrong.

        Raises:
            InputError: All that was told, in the order of their lines.
        """
        if value is None or self._errors:
            raise InputError(sorted(self._errors, key=self._errors.__getitem__))
        return value

    def _add_errors(self, error: ValidationError, model: type[BaseModel]) -> None:
        told = set()
        for details in error.errors(include_url=False):
            if details["type"] == "too_short" and details["input"]:
                # Counted without the entries that are told of already.
                continue
            location = self._path(details["loc"], missing=details["type"] == "missing")
            # Each member of a union has its own complaint; the first says enough.
            if len(location) < len(details["loc"]) and location in told:
                continue
            told.add(location)
            words = message(details, location, known_keys(model, location[:-1]))
            if details["type"] == "missing" and self._holds(location):
                words = "has no value; it is required"
            self.add_error(location, words)

    def _holds(self, location: KeyPath) -> bool:
        node: Node | None = self.root
        for part in location:
            node = _child(node, part)
        return node is not None

    def _path(self, location: KeyPath, *, missing: bool) -> tuple[str | int, ...]:
        """Return pydantic's location without what names no key (the tags of unions)."""
        path: list[str | int] = []
        node: Node | None = self.root
        for index, part in enumerate(location):
            below = _child(node, part)
            if below is not None or (missing and index == len(location) - 1):
                path.append(part)
                node = below
        return tuple(path)

    def _placed(self, location: KeyPath, words: str) -> tuple[str, int]:
        node, line = self.root, self.root.line
        for part in location:
            below = _child(node, part)
            if below is None:
                break
            line = node.key_lines.get(str(part), below.line)
            node = below
        if node.variable:
            return f"environment: {node.variable}: {words}", _LAST_LINE
        where = f"{self.file}:{line}" if line else self.file
        path = _written([*self._prefix, *location])
        return f"{where}: {path}{': ' if path else ''}{words}", line


def _child(node: Node | None, part: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(node.value, dict):
        return node.value.get(str(part))
    if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None


def _written(location: KeyPath) -> str:
    """Return a path as people write it: ``sources[0].project``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[\w-]+", part) else quote(part)
            path += f".{name}" if path else name
    return path
