"""YAML documents as validated values; every mistake is a sentence with its file and line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from exporter.inputs import yaml_text
from exporter.inputs.files import read_bytes, reading
from exporter.inputs.input_errors import InputError
from exporter.inputs.validation_messages import known_keys, message
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

__all__ = ["Document", "InputError", "load", "parse", "read_file"]

M = TypeVar("M", bound=BaseModel)

_LAST_LINE = yaml_text.MAX_BYTES + 1


def read_file(path: str) -> str:
    """Return the text of a file.

    Raises:
        InputError: In one sentence, if the file cannot be read or is not text.
    """
    with reading(path):
        return read_bytes(path, yaml_text.MAX_BYTES, yaml_text.TOO_LARGE).decode()


def load(text: str, file: str, model: type[M]) -> M:
    """Return YAML text as a validated model.

    Args:
        text: The whole document.
        file: What to call it in sentences.
        model: What it has to be. Values are taken strictly, as JSON's would be: text is not a
            number, and a number is not text.

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
    tree = yaml_text.parse(text, file)
    document = Document(tree.data, file, tree.lines)
    for line, words in tree.errors:
        document.add_error_at(line, words)
    return document


class Document:
    """A parsed document, or a part of one, that gathers the mistakes in it.

    Attributes:
        data: What it contains.
        file: What sentences call it.
    """

    def __init__(
        self,
        data: JsonValue,
        file: str,
        origins: Mapping[yaml_text.Path, int | str] | None = None,
        prefix: yaml_text.Path = (),
    ) -> None:
        """Take the data, and where it is from.

        Args:
            data: What it contains.
            file: What sentences call it.
            origins: The lines of values, or their environment variables, by path in the file.
            prefix: The path in the file that leads to this document.
        """
        self.data = data
        self.file = file
        self._origins = origins or {}
        self._prefix = prefix
        self._errors: dict[str, int] = {}

    def part(self, *path: str | int) -> Document | None:
        """Return the value at a path as a document of its own, or None if there is none.

        Lines and paths in its sentences stay those of the whole file; its mistakes are its own.
        """
        data = self.data
        for part in path:
            if isinstance(data, dict) and part in data:
                data = data[str(part)]
            elif isinstance(data, list) and part in range(len(data)):
                data = data[int(part)]
            else:
                return None
        return Document(data, self.file, self._origins, (*self._prefix, *path))

    def override(self, section: str, key: str, value: JsonValue, variable: str) -> None:
        """Replace the value of a key in a section by that of an environment variable."""
        if isinstance(self.data, dict):
            keys = self.data.get(section, {})
            if isinstance(keys, dict):
                self.data = {**self.data, section: {**keys, key: value}}
                self._origins = {**self._origins, (*self._prefix, section, key): variable}

    def read(self, model: type[M]) -> M | None:
        """Return the document as a model; None if it has errors, which are added."""
        try:
            # As JSON, so that strictness is JSON's: a list is a tuple, text an enum's name.
            return model.model_validate_json(json.dumps(self.data), strict=True)
        except ValidationError as error:
            self._add_errors(error, model)
            return None

    def place(self, location: Sequence[str | int], words: str) -> str:
        """Return a sentence about a value with the file, line and key path before it."""
        return self._placed(location, words)[0]

    def add_error(self, location: Sequence[str | int], words: str) -> None:
        """Add a mistake about the value at a location, such as ``("sources", 0, "project")``."""
        self._errors.setdefault(*self._placed(location, words))

    def add_error_at(self, origin: int | str, words: str) -> None:
        """Add a mistake about a line, or about an environment variable."""
        self._errors.setdefault(*self._at(origin, words))

    def accepted(self, value: M | None) -> M:
        """Return what was read, if nothing was wrong.

        Raises:
            InputError: All errors, in the order of their lines.
        """
        if value is None or self._errors:
            raise InputError(sorted(self._errors, key=self._errors.__getitem__))
        return value

    def _add_errors(self, error: ValidationError, model: type[BaseModel]) -> None:
        reported = set()
        for details in error.errors(include_url=False):
            kind = details["type"]
            if kind == "too_short" and details["ctx"]["actual_length"] < len(details["input"]):
                # Items with an error of their own are not counted.
                continue
            location = self._path(details["loc"], missing=kind == "missing")
            # Each member of a union has its own error; the first says enough.
            if len(location) < len(details["loc"]) and location in reported:
                continue
            reported.add(location)
            words = message(details, location, known_keys(model, location[:-1]))
            if kind == "missing" and (*self._prefix, *location) in self._origins:
                words = "has no value; it is required"
            self.add_error(location, words)

    def _path(self, location: Sequence[str | int], *, missing: bool) -> yaml_text.Path:
        """Return pydantic's location without the parts that are not keys: the tags of unions."""
        path: list[str | int] = []
        for index, part in enumerate(location):
            if self.part(*path, part) or (missing and index == len(location) - 1):
                path.append(part)
        return tuple(path)

    def _placed(self, location: Sequence[str | int], words: str) -> tuple[str, int]:
        path = (*self._prefix, *location)
        above = (path[:length] for length in range(len(path), -1, -1))
        origin = next((self._origins[place] for place in above if place in self._origins), 0)
        named = path and isinstance(origin, int)
        return self._at(origin, f"{_written(path)}: {words}" if named else words)

    def _at(self, origin: int | str, words: str) -> tuple[str, int]:
        """Return a sentence with its place before it, and the line to sort it by."""
        if isinstance(origin, str):
            return f"environment: {origin}: {words}", _LAST_LINE
        return f"{self.file}:{origin}: {words}" if origin else f"{self.file}: {words}", origin


def _written(location: Sequence[str | int]) -> str:
    """Return a path as people write it: ``sources[0].project``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[\w-]+", part) else quote(part)
            path += f".{name}" if path else name
    return path
