"""Reads YAML into pydantic models and reports every mistake as a sentence with file and line.

Scalars are those of YAML 1.2's core schema, as editors read them: ``no`` and ``on``,
``1:30`` and ``2024-01-01`` are text. Tags, very deep nesting and aliases that multiply
are refused.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from exporter.text import printable, quote

MOST_REPORTED = 50
_M = TypeVar("_M", bound=BaseModel)
_Path: TypeAlias = tuple[str | int, ...]  # the keys and indexes that lead to a value
# A value's line, or its environment variable
_Origins: TypeAlias = dict[_Path, int | str]

_MAX_BYTES = 1 << 20
_TOO_LARGE = "is larger than 1 MiB, the most that is read; is it the right file?"
_MAX_DEPTH = 50
_TOO_DEEP = (
    f"nests deeper than {_MAX_DEPTH} levels, or an alias contains itself; write it"
    " flatter"
)
_MAX_VALUES = 100_000
# Letters of a word that gets a suggestion: longer ones take too long
_LONGEST_GUESSED = 100
_SHORTEST_BEGINNING = 3


class InputError(Exception):
    """What is wrong with a document; prints as one sentence a line, at most 50 of them."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(printable(sentence) for sentence in sentences)
        super().__init__(self.sentences)

    def __str__(self) -> str:
        more = len(self.sentences) - MOST_REPORTED
        last = [f"… and {more} more"] if more > 0 else []
        return "\n".join([*self.sentences[:MOST_REPORTED], *last])


class Section(BaseModel):
    """A mapping in a document, in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_bytes(path: str, most: int, too_large: str) -> bytes:
    """Return the bytes of a file or device; raise InputError if there are more than ``most``."""
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
    text = resources.files(package).joinpath(name).read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parsed: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both loaders are safe
    return parsed


@cache
def _messages() -> dict[str, Any]:
    return packaged("exporter", "messages.yaml")


def nearest(word: str, known: Iterable[str], similarity: float = 0.75) -> str | None:
    """Return the known word that is similar to a word (by difflib) or begins with it, or None."""
    if len(word) > _LONGEST_GUESSED:
        return None
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=similarity)
    if not matches and len(word) >= _SHORTEST_BEGINNING:
        matches = [each for each in by_lower_case if each.startswith(word.lower())]
    return by_lower_case[matches[0]] if matches else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: a suggestion, or all allowed words."""
    words = tuple(known)
    guess = nearest(word, words)
    return (
        f"did you mean {guess}?"
        if guess
        else f"allowed here: {', '.join(words) or 'nothing'}"
    )


def parse(text: str, file: str) -> "Document":
    """Return YAML text as a document to be validated; raise InputError if it is not YAML."""
    text = text.removeprefix("\ufeff")
    if len(text) > _MAX_BYTES:
        raise InputError([f"{file}: {_TOO_LARGE}"])
    document = Document(None, file)
    loader = type(
        "_Loader", (_KeepTags, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), {}
    )
    try:
        root = yaml.compose(text, loader)
        document.data = document.plain(root, ()) if root else None
    except yaml.YAMLError as error:
        raise InputError([f"{file}{_syntax_error(error, text)}"]) from None
    except UnicodeError:
        problem = "contains an invalid character (unpaired surrogate)"
        raise InputError([f"{file}: {problem}; remove it"]) from None
    except RecursionError:
        raise InputError([f"{file}: {_TOO_DEEP}"]) from None
    if document.data is None:
        raise InputError([f"{file}: is empty; write at least the required keys"])
    return document


class Document:
    """A parsed document, or a part of one, that gathers the mistakes in it."""

    def __init__(
        self,
        data: JsonValue,
        file: str,
        origins: _Origins | None = None,
        prefix: _Path = (),
    ) -> None:
        self.data = data
        self.file = file  # what sentences call it
        self._origins = {} if origins is None else origins
        self._prefix = prefix  # the path in the file that leads to this document
        self._errors: dict[str, int] = {}

    def plain(self, node: yaml.Node, path: _Path) -> JsonValue:
        """Return a node of YAML as plain data, aliases expanded, and keep the lines."""
        line = node.start_mark.line + 1
        self._origins.setdefault(path, line)
        if len(path) > _MAX_DEPTH:
            raise InputError([f"{self.file}:{line}: {_TOO_DEEP}"])
        if len(self._origins) > _MAX_VALUES:
            raise InputError([f"{self.file}: has more than {_MAX_VALUES:,} values"])
        if node.tag not in {_PLAIN, _OTHER}:
            self.add_error_at(
                line, f"the tag {quote(node.tag)} is not allowed; remove it"
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.plain(item, (*path, index))
                for index, item in enumerate(node.value)
            ]
        if re.search("[\ud800-\udfff]", node.value):
            problem = "contains an invalid character (unpaired surrogate); remove it"
            raise InputError([f"{self.file}:{line}: {quote(node.value)} {problem}"])
        return scalar(node.value) if node.tag == _PLAIN else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: _Path) -> JsonValue:
        data: dict[str, JsonValue] = {}
        for key, below in node.value:
            line, place = key.start_mark.line + 1, (*path, key.value)
            if not isinstance(key, yaml.ScalarNode):
                self.add_error_at(line, "a key must be text, not a list or a mapping")
            elif first := self._origins.get(place):
                words = (
                    f"the key {quote(key.value)} is in line {first} already; remove one"
                    " of them"
                )
                self.add_error_at(line, words)
            else:
                self.plain(key, place)
                data[key.value] = self.plain(below, place)
        return data

    def part(self, *path: str | int) -> "Document | None":
        """Return the value at a path as a document of its own, or None; lines stay those here."""
        data = self.data
        for key in path:
            if isinstance(data, dict) and key in data:
                data = data[str(key)]
            elif isinstance(data, list) and key in range(len(data)):
                data = data[int(key)]
            else:
                return None
        return Document(data, self.file, self._origins, (*self._prefix, *path))

    def override(self, section: str, key: str, value: JsonValue, variable: str) -> None:
        """Replace the value of a key in a section by that of an environment variable."""
        if isinstance(self.data, dict):
            keys = self.data.get(section) or {}
            if isinstance(keys, dict):
                self.data = {**self.data, section: {**keys, key: value}}
                self._origins[(*self._prefix, section, key)] = variable

    def read(self, model: type[_M]) -> _M | None:
        """Return the document as a model; None if it has errors, which are added.

        A known key without a value counts as left out.
        """
        try:
            return self._validated(model)
        except ValidationError as error:
            for one in error.errors():
                if (
                    one["input"] is None
                    and one["type"] != "extra_forbidden"
                    and one["loc"]
                ):
                    *above, key = self._path(one["loc"], missing=False)
                    holder = self.part(*above)
                    if holder and isinstance(holder.data, dict):
                        holder.data.pop(str(key), None)
        try:
            return self._validated(model)
        except ValidationError as error:
            self._add_errors(error, model)
            return None

    def _validated(self, model: type[_M]) -> _M:
        # As JSON, so that strictness is JSON's: a list is a tuple, text an enum's name.
        return model.model_validate_json(json.dumps(self.data), strict=True)

    def place(self, location: Sequence[str | int], words: str) -> str:
        """Return a sentence about a value with the file, line and key path before it."""
        return self._placed(location, words)[0]

    def add_error(self, location: Sequence[str | int], words: str) -> None:
        """Add a mistake about the value at a location, such as ``("sources", 0, "project")``."""
        self._errors.setdefault(*self._placed(location, words))

    def add_error_at(self, origin: int | str, words: str) -> None:
        """Add a mistake about a line, or about an environment variable."""
        self._errors.setdefault(*self._at(origin, words))

    def accepted(self, value: _M | None) -> _M:
        """Return what was read, or raise InputError with all mistakes, in the order of lines."""
        if value is None or self._errors:
            raise InputError(sorted(self._errors, key=self._errors.__getitem__))
        return value

    def _add_errors(self, error: ValidationError, model: type[BaseModel]) -> None:
        reported = set()
        for details in error.errors(include_url=False):
            kind = details["type"]
            if kind == "too_short" and details["ctx"]["actual_length"] < len(
                details["input"]
            ):
                # Items with an error of their own are not counted.
                continue
            location = self._path(details["loc"], missing=kind == "missing")
            # Each member of a union has its own error; the first says enough.
            if len(location) < len(details["loc"]) and location in reported:
                continue
            reported.add(location)
            if kind == "extra_forbidden":
                words = _unknown_key(str(location[-1]), _keys(model, location[:-1]))
            elif kind == "missing" and (*self._prefix, *location) in self._origins:
                words = "has no value; it is required"
            else:
                words = _message(details)
            self.add_error(location, words)

    def _path(self, location: _Path, *, missing: bool) -> _Path:
        """Return pydantic's location without the parts that are not keys: the tags of unions."""
        path: list[str | int] = []
        for index, part in enumerate(location):
            if self.part(*path, part) or (missing and index == len(location) - 1):
                path.append(part)
        return tuple(path)

    def _placed(self, location: Sequence[str | int], words: str) -> tuple[str, int]:
        path = (*self._prefix, *location)
        above = (path[:length] for length in range(len(path), -1, -1))
        origin = next(
            (self._origins[place] for place in above if place in self._origins), 0
        )
        named = path and isinstance(origin, int)
        return self._at(origin, f"{_written(path)}: {words}" if named else words)

    def _at(self, origin: int | str, words: str) -> tuple[str, int]:
        """Return a sentence with its place before it, and the line to sort it by."""
        if isinstance(origin, str):
            return f"environment: {origin}: {words}", _MAX_BYTES + 1  # after every line
        return (
            f"{self.file}:{origin}: {words}" if origin else f"{self.file}: {words}",
            origin,
        )


def _written(location: _Path) -> str:
    """Return a path as people write it: ``sources[0].project``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[\w-]+", part) else quote(part)
            path += f".{name}" if path else name
    return path


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Python refuses longer ones
_INT = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN, _OTHER = "plain", "other"


def scalar(written: str) -> str | int | float | bool | None:
    """Return what a word without quotes means; anything but a number or a word of YAML is text."""
    if written in _WORDS:
        return _WORDS[written]
    if _INT.fullmatch(written):
        return int(written, {"0o": 8, "0x": 16}.get(written[:2], 10))
    if _FLOAT.fullmatch(written) and math.isfinite(number := float(written)):
        return number
    return written


class _KeepTags:
    """Makes a loader tell plain scalars, everything else, and explicit tags apart."""

    def resolve(
        self, kind: type[yaml.Node], _value: str, implicit: tuple[bool, bool]
    ) -> str:
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _OTHER


def _syntax_error(error: yaml.YAMLError, text: str) -> str:
    """Return line, column and advice for what the YAML parser rejected."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f": is not YAML ({error})"
    mark = error.problem_mark
    rest = "".join(text.splitlines()[mark.line : mark.line + 1])[mark.column :]
    word = "".join(re.findall(r"[^\s,\[\]{}]+", rest)[:1])
    tab = "tab" if rest.startswith("\t") else ""
    said = f"{error.context or ''} {tab} {error.problem}"
    opened = error.context_mark.line + 1 if error.context_mark else 0
    advice = next(
        advice for pattern, advice in _messages()["syntax"] if re.search(pattern, said)
    )
    advice = advice.format(opened=opened, word=quote(word), problem=error.problem)
    return f":{mark.line + 1}:{mark.column + 1}: {advice}"


def _message(details: ErrorDetails) -> str:
    """Return what is wrong with a value, what it is, and what is allowed."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in _messages()["errors"]:
        return str(_messages()["errors"][kind]).format(**context)
    if kind in {"string_type", "enum", "literal_error"} and isinstance(
        value, int | float
    ):
        return f'{quote(value)} is not text in YAML; put it in quotes: "{quote(value)}"'
    if kind in {"enum", "literal_error"} and isinstance(value, str):
        allowed = re.findall(r"'([^']*)'", str(context["expected"])) or [
            str(context["expected"])
        ]
        return f"{quote(value)} is not allowed; {hint(value, allowed)}"
    # What is left of pydantic's "Input should be a valid integer, got a number with …".
    _, _, must = details["msg"].partition(" should ")
    must, _, more = must.partition(", ")
    if isinstance(value, dict | list):
        seen = "a list" if isinstance(value, list) else "a mapping of keys"
    elif isinstance(value, str) and " character" in must:
        seen = f"{len(value):,}"
    else:
        seen = "nothing" if value is None else quote(value)
    if not must:
        return f"{seen} is not allowed here ({details['msg']})"
    for theirs, ours in _messages()["words"].items():
        must = must.replace(theirs, ours)
    return f"must {must}, {more if more.startswith('not ') else f'not {seen}'}"


def _unknown_key(key: str, known: Sequence[str]) -> str:
    before, colon, _ = key.partition(":")
    if colon and before in known:
        return f"is not a known key; write a space after the colon of {before}"
    return f"is not a known key; {hint(key, known)}"


def _keys(kind: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys that a value of this type may have at a path, where unknown ones are not."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {
            field.alias or name: field for name, field in kind.model_fields.items()
        }
        if not path:
            return tuple(fields) if kind.model_config.get("extra") == "forbid" else ()
        return (
            _keys(fields[str(path[0])].annotation, path[1:])
            if path[0] in fields
            else ()
        )
    below = path if get_origin(kind) in {Union, UnionType, Annotated} else path[1:]
    keys = (key for inner in get_args(kind) for key in _keys(inner, below))
    return tuple(dict.fromkeys(keys))
