"""YAML text as plain data, with the line of every value.

Scalars are those of YAML 1.2's core schema, as editors read them: ``no`` and ``on``, ``1:30`` and
``2024-01-01`` are text. What could hurt the reader is refused: aliases that multiply or contain
themselves, deep nesting, tags.
"""

from __future__ import annotations

import math
import re
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from exporter.inputs.input_errors import InputError
from exporter.text import printable, quote

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_BYTES = 1 << 20
TOO_LARGE = "is larger than 1 MiB, the most that is read; is it the right file?"
_MAX_DEPTH = 50
_TOO_DEEP = f"nests deeper than {_MAX_DEPTH} levels, or an alias contains itself; write it flatter"
_MAX_VALUES = 100_000
_LONGEST_INT = 4000
"""Digits of a number; CPython refuses to convert much longer ones."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_YAML = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[^\s,\[\]{}]+")
_PLAIN, _OTHER = "plain", "other"

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


def scalar(written: str) -> str | int | float | bool | None:
    """Return what a word without quotes means; anything but a number or a word of YAML is text."""
    if written in _WORDS:
        return _WORDS[written]
    if _INT.fullmatch(written) and len(written) <= _LONGEST_INT:
        return int(written, {"0o": 8, "0x": 16}.get(written[:2], 10))
    if _FLOAT.fullmatch(written) and math.isfinite(number := float(written)):
        return number
    return written


def parse(text: str, file: str) -> Tree:
    """Read a document.

    Args:
        text: The whole text, with or without a byte order mark.
        file: What to call it in sentences.

    Raises:
        InputError: In one sentence, if the text is not YAML or is dangerous to read.
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise InputError([f"{file}: {TOO_LARGE}"])
    if unfit := _NOT_YAML.search(text):
        line = text.count("\n", 0, unfit.start()) + 1
        column = unfit.start() - text.rfind("\n", 0, unfit.start())
        problem = f"the character {quote(unfit.group())} is not allowed; remove it"
        raise InputError([f"{file}:{line}:{column}: {problem}"])
    loader = type("_Loader", (_KeepTags, fast_loader()), {})
    try:
        root = yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise InputError([f"{file}{_problem(error, text)}"]) from None
    except yaml.YAMLError as error:
        raise InputError([f"{file}: is not YAML ({printable(str(error))})"]) from None
    except RecursionError:
        raise InputError([f"{file}: {_TOO_DEEP}"]) from None
    tree = Tree(root, file)
    if tree.data is None:
        raise InputError([f"{file}: is empty; write at least the required keys"])
    return tree


def fast_loader() -> Any:
    """Return the loader in C, many times faster, or the one in Python where PyYAML lacks it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def packaged(package: str, name: str) -> dict[str, Any]:
    """Return the content of a YAML file that is part of a package."""
    text = resources.files(package).joinpath(name).read_text("utf-8")
    parsed: dict[str, Any] = yaml.load(text, fast_loader())  # noqa: S506 - this loader is safe
    return parsed


class _KeepTags:
    """Makes a loader tell plain scalars, everything else, and explicit tags apart."""

    def resolve(self, kind: type[yaml.Node], _value: str, implicit: tuple[bool, bool]) -> str:
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _OTHER


class Tree:
    """A document as plain data. Aliases are expanded, and their values counted again.

    Attributes:
        data: Mappings, lists and scalars; keys without a value are left out.
        lines: The line of each key and item by its path, of keys without a value too.
        errors: What is wrong although the text could be read: lines and sentences.
    """

    def __init__(self, root: yaml.Node | None, file: str) -> None:
        """Read the nodes of a document.

        Raises:
            InputError: It is too large, nests too deeply or has half a character.
        """
        self.lines: dict[Path, int] = {}
        self.errors: list[tuple[int, str]] = []
        self._file = file
        self._values = 0
        self._last_line = 0
        self.data = self._value(root, ()) if root else None

    def _value(self, node: yaml.Node, path: Path) -> JsonValue:
        line = _line(node)
        self.lines.setdefault(path, line)
        self._last_line = max(self._last_line, line)
        self._values += 1
        if len(path) > _MAX_DEPTH:
            raise self._refused(self._last_line, _TOO_DEEP)
        if self._values > _MAX_VALUES:
            problem = f"has more than {_MAX_VALUES:,} values, aliases expanded; write less"
            raise self._refused(self._last_line, problem)
        if node.tag not in {_PLAIN, _OTHER}:
            self.errors.append((line, f"the tag {quote(node.tag)} is not allowed; remove it"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        if _SURROGATE.search(node.value):
            raise self._refused(line, f"{quote(node.value)} has half a character; remove it")
        return scalar(node.value) if node.tag == _PLAIN else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> JsonValue:
        data: dict[str, JsonValue] = {}
        for key, below in node.value:
            line = _line(key)
            if not isinstance(key, yaml.ScalarNode):
                self.errors.append((line, "a key must be text, not a list or a mapping"))
            elif first := self.lines.get((*path, key.value)):
                words = f"the key {quote(key.value)} is in line {first} already; remove one of them"
                self.errors.append((line, words))
            else:
                self._value(key, (*path, key.value))
                value = self._value(below, (*path, key.value))
                if value is not None:
                    data[key.value] = value
        return data

    def _refused(self, line: int, sentence: str) -> InputError:
        return InputError([f"{self._file}:{line}: {sentence}"])


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


_HELP = (
    # What the parsers say (the one in C, the one in Python), and how to fix it.
    (r"nesting depth", _TOO_DEEP),
    (r"another document", "a second document begins here; a file has one: remove ---"),
    (r"undefined alias", "no anchor above defines {word}; text that begins with * needs quotes"),
    (r"duplicate anchor", "another anchor above has this name; rename one of them"),
    (r"\btab\b|'\\t'", "YAML does not allow a tab here; indent with spaces"),
    (r"cannot start any token", "text that begins with {first} needs quotes"),
    (
        r"mapping values are not allowed",
        "a colon is not allowed here; put text that has one in quotes, or fix the indentation",
    ),
    (r"expected ':'", "this key has no colon; write it as `key: value`"),
    (r"unexpected end of stream", "the quote that opens in line {opened} is never closed"),
    (r"',' or '\]'", "the [ that opens in line {opened} is not closed, or lacks a comma"),
    (r"',' or '}'", "the {{ that opens in line {opened} is not closed, or lacks a comma"),
    (r"escape", "a backslash in double quotes begins an escape; put the text in single quotes"),
    (r"scanning an (alias|anchor)", "text that begins with * or & needs quotes"),
    (
        r"block end|expected key|'-' indicator",
        "the indentation does not match the lines above; indent the keys of one mapping alike",
    ),
    (r"tag", "an unknown tag; remove it, and put text in quotes"),
    (r"", "YAML cannot be read from here on; check indentation, colons and quotes"),
)


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return line, column and advice for what the YAML parser rejected."""
    mark = error.problem_mark
    if mark is None:
        return f": is not YAML ({printable(str(error))})"
    where = f":{mark.line + 1}:{mark.column + 1}: "
    rest = "".join(text.splitlines()[mark.line : mark.line + 1])[mark.column :]
    word = "".join(_WORD.findall(rest)[:1])
    tab = "tab" if rest.startswith("\t") else ""
    said = f"{error.context or ''} {tab} {error.problem}"
    opened = error.context_mark.line + 1 if error.context_mark else 0
    advice = next(advice for pattern, advice in _HELP if re.search(pattern, said))
    return where + advice.format(opened=opened, word=quote(word), first=word[:1])
