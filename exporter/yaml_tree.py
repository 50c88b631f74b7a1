"""Reads YAML as plain data, and keeps the line of every value.

Scalars are those of YAML 1.2's core schema, as editors read them: ``no`` and ``on``,
``1:30`` and ``2024-01-01`` are text. Tags, very deep nesting and aliases that multiply
are refused.
"""

import math
import re
from typing import Any, TypeAlias

import yaml
from pydantic import JsonValue

from exporter.mistakes import InputError, syntax_mistake
from exporter.text import quote

KeyPath: TypeAlias = tuple[str | int, ...]  # the keys and indexes that lead to a value

_MAX_DEPTH = 50
_TOO_DEEP = (
    f"nests deeper than {_MAX_DEPTH} levels, or an alias contains itself;"
    " write it flatter"
)
_MAX_VALUES = 100_000

# What is not among the printable characters of the YAML specification (5.1)
_INVALID = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
# Python refuses to read or write numbers of more than 4,300 decimal digits.
_INT = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,3000}")
_BASES = {"0o": 8, "0x": 16}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN, _OTHER = "plain", "other"


def fast_loader() -> type[Any]:
    """Return PyYAML's loader in C, or the one in Python if this build has no other."""
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader


def scalar(written: str) -> str | int | float | bool | None:
    """Return what a word without quotes means: a number, a word of YAML, else text."""
    if written in _WORDS:
        return _WORDS[written]
    if _INT.fullmatch(written):
        base = _BASES.get(written[:2], 10)
        return int(written, base)
    if _FLOAT.fullmatch(written):
        number = float(written)
        if math.isfinite(number):
            return number
    return written


class _KeepTags:
    """Makes a loader tell plain scalars, everything else, and explicit tags apart."""

    def resolve(
        self,
        kind: type[yaml.Node],
        _value: str,
        implicit: tuple[bool, bool],
    ) -> str:
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _OTHER


class Tree:
    """The data of a YAML text, the line of each value, and the mistakes in its form."""

    def __init__(self, text: str, file: str) -> None:
        """Read a text, or raise InputError; ``file`` is what sentences call it."""
        self.data: JsonValue = None
        self.lines: dict[KeyPath, int] = {}
        self.mistakes: list[tuple[int, str]] = []  # a line, and what is wrong there
        self._file = file
        invalid = _INVALID.search(text)
        if invalid:
            lines = text[: invalid.end()].splitlines()
            problem = f"contains U+{ord(invalid[0]):04X}, which is not text; remove it"
            raise InputError([f"{file}:{len(lines)}: {problem}"])
        loader = type("_Loader", (_KeepTags, fast_loader()), {})
        try:
            root = yaml.compose(text, loader)
            if root:
                self.data = self._plain(root, ())
        except yaml.YAMLError as error:
            raise InputError([f"{file}{syntax_mistake(error, text)}"]) from None
        except RecursionError:
            raise InputError([f"{file}: {_TOO_DEEP}"]) from None

    def _plain(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        """Return a node as plain data, aliases expanded, and keep the lines."""
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > _MAX_DEPTH:
            raise InputError([f"{self._file}:{line}: {_TOO_DEEP}"])
        if len(self.lines) > _MAX_VALUES:
            raise InputError([f"{self._file}: has more than {_MAX_VALUES:,} values"])
        if node.tag not in {_PLAIN, _OTHER}:
            words = f"the tag {quote(node.tag)} is not allowed; remove it"
            self.mistakes.append((line, words))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._plain(item, (*path, index))
                for index, item in enumerate(node.value)
            ]
        # The parser in Python lets an escaped surrogate through.
        if _SURROGATE.search(node.value):
            problem = "contains an invalid character (unpaired surrogate); remove it"
            place = f"{self._file}:{line}"
            raise InputError([f"{place}: {quote(node.value)} {problem}"])
        if node.tag == _PLAIN:
            return scalar(node.value)
        return str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> JsonValue:
        data: dict[str, JsonValue] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                words = "a key must be text, not a list or a mapping"
                self.mistakes.append((line, words))
                continue
            place = (*path, key.value)
            if place in self.lines:
                words = (
                    f"the key {quote(key.value)} is in line {self.lines[place]} already"
                )
                self.mistakes.append((line, f"{words}; remove one of them"))
                continue
            self._plain(key, place)
            data[key.value] = self._plain(value, place)
        return data
