"""Reads YAML into pydantic models, and reports every mistake with file and line.

Without quotes, the numbers and words of JSON are values; all else is text, such as
``no``, ``1:30`` and ``2024-01-01``. Tags have no effect.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, model_validator

from exporter.documents.mistakes import InputError, value_mistake
from exporter.text import printable, quote

KeyPath = tuple[str | int, ...]  # the keys and indexes that lead to a value
_M = TypeVar("_M", bound=BaseModel)
# PyYAML's loader in C, or the one in Python if this build has no other
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_REPEATED = 10_000  # values that aliases may add to a text
_ADVICE = (
    "indent with spaces, close brackets and quotes, and put text in quotes that has a"
    " colon or begins with a sign such as *"
)
_MAX_BYTES = 1 << 20
_TOO_LARGE = "is larger than 1 MiB, the most that is read; is it the right file?"


class Section(BaseModel):
    """A mapping in a document: an unknown key is a mistake, an empty one left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        known = [field.alias or name for name, field in cls.model_fields.items()]
        kept: dict[str, object] = {}
        for key, value in data.items():
            if key not in known:
                # Forbidden whatever its value: the mistake says what is allowed.
                kept[key] = known
            elif value is not None:
                kept[key] = value
        return kept


def read_bytes(path: str, most: int, too_large: str) -> bytes:
    """Return the bytes of a file or device; raise InputError if there are too many."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); check the path"
    else:
        if len(content) <= most:
            return content
        problem = too_large
    raise InputError(f"{printable(path) or quote(path)}: {problem}")


def read_file(path: str) -> str:
    """Return the text of a file, or raise InputError."""
    try:
        return read_bytes(path, _MAX_BYTES, _TOO_LARGE).decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable(path)}: is not UTF-8 (byte {error.start} from its start); save"
            " it as UTF-8"
        ) from None


def packaged(package: str, name: str) -> dict[str, Any]:
    """Return the content of a YAML file that is part of a package."""
    text = resources.files(package).joinpath(name).read_text("utf-8")
    parsed: dict[str, Any] = yaml.load(text, _LOADER)  # noqa: S506 - PyYAML's safe loader, in C where it has one
    return parsed


def parse(text: str, file: str) -> "Document":
    """Return YAML text as a document to be validated, or raise InputError."""
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InputError(
            f"{file}:{line}: contains an invalid character ({quote(found[0])}); remove"
            " it"
        )
    # Each value takes a character at least, if no alias repeats it.
    document = Document(None, file, room=len(text) + _MOST_REPEATED)
    try:
        if root := yaml.compose(text, _LOADER):
            document.data = document.plain(root, ())
    except yaml.MarkedYAMLError as error:
        said = error.problem
        if error.context and error.context_mark:
            line = error.context_mark.line + 1
            said = f"{error.context} from line {line}: {said}"
        place = file
        if mark := error.problem_mark:
            place = f"{file}:{mark.line + 1}:{mark.column + 1}"
        raise InputError(f"{place}: is not YAML ({said}); {_ADVICE}") from None
    except RecursionError:
        raise InputError(
            f"{file}: nests too deep, or its aliases repeat too much; write it flatter"
        ) from None
    if document.data is None:
        raise InputError(f"{file}: is empty; write at least the required keys")
    return document


@dataclass(eq=False)
class Document:
    """A parsed document, or a part of one, that gathers the mistakes in it."""

    data: Any  # as plain as JSON
    file: str  # what sentences call it
    lines: dict[KeyPath, int] = field(default_factory=dict)
    prefix: KeyPath = ()  # the path in the file that leads to this document
    # Each mistake's line, 0 if the data has no lines, and a sentence about it
    _mistakes: set[tuple[int, str]] = field(default_factory=set)
    room: int = 0  # for how many more values while it is read

    def plain(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        """Return a node as plain data, aliases expanded, and keep the lines."""
        self.room -= 1
        if self.room < 0:
            raise RecursionError
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.plain(item, (*path, index))
                for index, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.ScalarNode):
            plain: JsonValue = node.value
            # Not in quotes, nor a block of text
            if not node.style:
                with suppress(ValueError):
                    plain = json.loads(node.value or "null")
            return plain
        data: dict[str, JsonValue] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be text", problem_mark=key.start_mark
                )
            place = (*path, key.value)
            line = key.start_mark.line + 1
            if first := self.lines.get(place):
                self.add_sentence(
                    f"{self.file}:{line}: the key {quote(key.value)} is in line {first}"
                    " already; remove one of them",
                    line,
                )
                continue
            self.lines[place] = line
            data[key.value] = self.plain(value, place)
        return data

    def read(self, model: type[_M]) -> _M | None:
        """Return the document as a model; None if it has mistakes, which are added."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            found = error.errors()
        for details in found:
            kind, location = details["type"], details["loc"]
            path = self._key_path(location)
            if kind == "missing":
                path = (*self._key_path(location[:-1]), location[-1])
            elif kind == "too_short" and details["ctx"]["actual_length"] < len(
                details["input"]
            ):
                # Pydantic counts no items that have an error of their own.
                continue
            self.add_error(path, value_mistake(details))
        return None

    def place(self, *location: str | int) -> str:
        """Return where the value at a path stands: file, line and key path."""
        path = ""
        for part in (*self.prefix, *location):
            if isinstance(part, int):
                path += f"[{part}]"
                continue
            name = part if re.fullmatch(r"[\w-]+", part) else quote(part)
            path += f".{name}"
        line = self._line(location)
        place = f"{self.file}:{line}" if line else self.file
        return f"{place}: {path.removeprefix('.')}" if path else place

    def add_error(self, location: KeyPath, words: str) -> None:
        """Add a mistake about the value at a path, such as ``("run", "name")``."""
        self.add_sentence(f"{self.place(*location)}: {words}", self._line(location))

    def add_sentence(self, sentence: str, line: int = 0) -> None:
        """Add a mistake that is told in a whole sentence."""
        self._mistakes.add((line, sentence))

    def accepted(self, value: _M | None) -> _M:
        """Return what was read, or raise InputError with each mistake once, by line."""
        if value is None or self._mistakes:
            sentences = [sentence for _, sentence in sorted(self._mistakes)]
            raise InputError(*sentences)
        return value

    def _key_path(self, location: Iterable[str | int]) -> KeyPath:
        """Return pydantic's location without what is no key: the tags of unions."""
        path: list[str | int] = []
        for part in location:
            is_key = (*self.prefix, *path, part) in self.lines
            if is_key or not self.lines:
                path.append(part)
        return tuple(path)

    def _line(self, location: KeyPath) -> int:
        """Return the line of a value, or of the nearest one that holds it."""
        path = (*self.prefix, *location)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)  # 0 if the data was not read from text
