"""Reads YAML as plain data, and keeps the line of every value.

Without quotes, the numbers and words of JSON are values; all else is text, such as
``no``, ``1:30`` and ``2024-01-01``. Tags have no effect.
"""

import json
from contextlib import suppress
from typing import Any

import yaml
from pydantic import JsonValue

from exporter.documents.mistakes import InputError
from exporter.text import quote

KeyPath = tuple[str | int, ...]  # the keys and indexes that lead to a value

# PyYAML's loader in C, or the one in Python if this build has no other
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MOST_REPEATED = 10_000  # values that aliases may add to a text
_ADVICE = (
    "indent with spaces, close brackets and quotes, and put text in quotes that has a"
    " colon or begins with a sign such as *"
)


class Tree:
    """The data of a YAML text, the line of each value, and which keys stand twice."""

    def __init__(self, text: str, file: str) -> None:
        """Read a text, or raise InputError; ``file`` is what sentences call it."""
        self.data: JsonValue = None
        self.lines: dict[KeyPath, int] = {}
        self.mistakes: list[tuple[int, str]] = []  # a line, and what is wrong there
        # Each value takes a character at least, if no alias repeats it.
        self._room = len(text) + _MOST_REPEATED
        if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
            line = text.count("\n", 0, found.start()) + 1
            problem = f"contains an invalid character ({quote(found[0])}); remove it"
            raise InputError([f"{file}:{line}: {problem}"])
        try:
            root = yaml.compose(text, LOADER)
            if root:
                self.data = self._plain(root, ())
        except yaml.MarkedYAMLError as error:
            said = error.problem
            if error.context and error.context_mark:
                line = error.context_mark.line + 1
                said = f"{error.context} from line {line}: {said}"
            place = file
            if mark := error.problem_mark:
                place = f"{file}:{mark.line + 1}:{mark.column + 1}"
            problem = f"{place}: is not YAML ({said}); {_ADVICE}"
            raise InputError([problem]) from None
        except RecursionError:
            problem = "nests too deep, or its aliases repeat too much; write it flatter"
            raise InputError([f"{file}: {problem}"]) from None

    def _plain(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        """Return a node as plain data, aliases expanded, and keep the lines."""
        self._room -= 1
        if self._room < 0:
            raise RecursionError
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._plain(item, (*path, index))
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
            mark = key.start_mark
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be text"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            place = (*path, key.value)
            if place in self.lines:
                first = self.lines[place]
                words = f"the key {quote(key.value)} is in line {first} already"
                self.mistakes.append((mark.line + 1, f"{words}; remove one of them"))
                continue
            self.lines[place] = mark.line + 1
            data[key.value] = self._plain(value, place)
        return data
