"""Reads YAML into pydantic models, and reports every mistake with file and line."""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from exporter.mistakes import (
    InputError,
    Mistake,
    known_keys,
    unknown_key,
    value_mistake,
)
from exporter.text import printable, quote
from exporter.yaml_tree import KeyPath, Tree, fast_loader

_M = TypeVar("_M", bound=BaseModel)
# A value's line, or its environment variable
_Origins: TypeAlias = dict[KeyPath, int | str]

_MAX_BYTES = 1 << 20
_TOO_LARGE = "is larger than 1 MiB, the most that is read; is it the right file?"
_AFTER_EVERY_LINE = _MAX_BYTES + 1


class Section(BaseModel):
    """A mapping in a document, in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_bytes(path: str, most: int, too_large: str) -> bytes:
    """Return the bytes of a file or device; raise InputError if there are too many."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        problem = "there is no such file; check the path"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = f"cannot be read ({reason}); check the path"
    else:
        if len(content) <= most:
            return content
        problem = too_large
    raise InputError([f"{printable(path) or quote(path)}: {problem}"])


def read_file(path: str) -> str:
    """Return the text of a file, or raise InputError."""
    try:
        return read_bytes(path, _MAX_BYTES, _TOO_LARGE).decode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start} from its start); save it as UTF-8"
        raise InputError([f"{printable(path)}: {problem}"]) from None


def packaged(package: str, name: str) -> dict[str, Any]:
    """Return the content of a YAML file that is part of a package."""
    file = resources.files(package).joinpath(name)
    text = file.read_text("utf-8")
    loader = fast_loader()
    parsed: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both loaders are safe
    return parsed


def parse(text: str, file: str) -> "Document":
    """Return YAML text as a document to be validated, or raise InputError."""
    text = text.removeprefix("\ufeff")
    if len(text) > _MAX_BYTES:
        raise InputError([f"{file}: {_TOO_LARGE}"])
    tree = Tree(text, file)
    if tree.data is None:
        raise InputError([f"{file}: is empty; write at least the required keys"])
    document = Document(tree.data, file, {**tree.lines})
    for line, words in tree.mistakes:
        document.add_error_at(line, words)
    return document


class Document:
    """A parsed document, or a part of one, that gathers the mistakes in it."""

    def __init__(
        self,
        data: JsonValue,
        file: str,
        origins: _Origins | None = None,
        prefix: KeyPath = (),
    ) -> None:
        self.data = data
        self.file = file  # what sentences call it
        self._mistakes: list[Mistake] = []
        self._origins = {} if origins is None else origins
        self._prefix = prefix  # the path in the file that leads to this document

    def part(self, *path: str | int) -> "Document | None":
        """Return the value at a path as a document with these lines, or None."""
        data = self.data
        for key in path:
            if isinstance(data, dict) and key in data:
                data = data[str(key)]
            elif isinstance(data, list) and key in range(len(data)):
                data = data[int(key)]
            else:
                return None
        prefix = (*self._prefix, *path)
        return Document(data, self.file, self._origins, prefix)

    def override(
        self,
        section: str,
        key: str,
        value: JsonValue,
        variable: str,
    ) -> None:
        """Replace the value of a key in a section by an environment variable's."""
        if not isinstance(self.data, dict):
            return
        keys = self.data.get(section) or {}
        if not isinstance(keys, dict):
            return
        replaced = {**keys, key: value}
        self.data = {**self.data, section: replaced}
        path = (*self._prefix, section, key)
        self._origins[path] = variable

    def read(self, model: type[_M]) -> _M | None:
        """Return the document as a model; None if it has mistakes, which are added.

        A known key without a value counts as left out.
        """
        try:
            return self._validated(model)
        except ValidationError as error:
            self._leave_out_empty_keys(error)
        try:
            return self._validated(model)
        except ValidationError as error:
            self._add_mistakes(error, model)
            return None

    def _validated(self, model: type[_M]) -> _M:
        # As JSON, so that strictness is JSON's: a list is a tuple, text an enum's name.
        text = json.dumps(self.data)
        return model.model_validate_json(text, strict=True)

    def _leave_out_empty_keys(self, error: ValidationError) -> None:
        """Remove the known keys that have no value, of those that were refused."""
        for details in error.errors():
            if details["type"] == "extra_forbidden":
                continue
            if details["input"] is not None or not details["loc"]:
                continue
            *above, key = self._key_path(details["loc"], missing=False)
            holder = self.part(*above)
            if holder and isinstance(holder.data, dict):
                holder.data.pop(str(key), None)

    def place(self, location: KeyPath, words: str) -> str:
        """Return a sentence about a value with file, line and key path before it."""
        return self._mistake(location, words).sentence

    def add_error(self, location: KeyPath, words: str) -> None:
        """Add a mistake about the value at a path, such as ``("run", "name")``."""
        self._mistakes.append(self._mistake(location, words))

    def add_error_at(self, origin: int | str, words: str) -> None:
        """Add a mistake about a line, or about an environment variable."""
        self._mistakes.append(self._mistake_at(origin, words))

    def accepted(self, value: _M | None) -> _M:
        """Return what was read, or raise InputError with each mistake once, by line."""
        if value is None or self._mistakes:
            by_line = sorted(self._mistakes, key=lambda mistake: mistake.line)
            raise InputError(dict.fromkeys(each.sentence for each in by_line))
        return value

    def _add_mistakes(self, error: ValidationError, model: type[BaseModel]) -> None:
        reported = set()
        for details in error.errors(include_url=False):
            kind = details["type"]
            if kind == "too_short":
                # Pydantic counts no items that have an error of their own.
                counted = details["ctx"]["actual_length"]
                if counted < len(details["input"]):
                    continue
            missing = kind == "missing"
            location = self._key_path(details["loc"], missing=missing)
            # Each member of a union has its own error; the first says enough.
            in_union = len(location) < len(details["loc"])
            if in_union and location in reported:
                continue
            reported.add(location)
            if kind == "extra_forbidden":
                known = known_keys(model, location[:-1])
                words = unknown_key(str(location[-1]), known)
            elif missing and (*self._prefix, *location) in self._origins:
                words = "has no value; it is required"
            else:
                words = value_mistake(details)
            self.add_error(location, words)

    def _key_path(self, location: KeyPath, *, missing: bool) -> KeyPath:
        """Return pydantic's location without what is no key: the tags of unions.

        The last part is kept if it is ``missing``, though the document doesn't have it.
        """
        path: list[str | int] = []
        for part in location:
            if self.part(*path, part):
                path.append(part)
        if missing:
            path.append(location[-1])
        return tuple(path)

    def _mistake(self, location: KeyPath, words: str) -> Mistake:
        path = (*self._prefix, *location)
        origin = self._origin(path)
        # The name of an environment variable stands for its key.
        if path and isinstance(origin, int):
            words = f"{_written(path)}: {words}"
        return self._mistake_at(origin, words)

    def _origin(self, path: KeyPath) -> int | str:
        """Return where a value, or the nearest one that holds it, was written."""
        for length in range(len(path), -1, -1):
            if path[:length] in self._origins:
                return self._origins[path[:length]]
        return 0  # nowhere: the data was not read from text

    def _mistake_at(self, origin: int | str, words: str) -> Mistake:
        if isinstance(origin, str):
            return Mistake(_AFTER_EVERY_LINE, f"environment: {origin}: {words}")
        if origin == 0:
            return Mistake(0, f"{self.file}: {words}")
        return Mistake(origin, f"{self.file}:{origin}: {words}")


def _written(location: KeyPath) -> str:
    """Return a path as people write it: ``sources[0].project``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        name = part if re.fullmatch(r"[\w-]+", part) else quote(part)
        path += f".{name}" if path else name
    return path
