"""YAML text as a tree in which every value knows its line.

The scalars are those of YAML 1.2's core schema, as editors read them: ``no`` and ``on``,
``1:30`` and ``2024-01-01`` are text. Whatever could hurt the reader (aliases that multiply,
anchors that hold themselves, deep nesting, tags) is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from exporter.inputs.input_errors import InputError
from exporter.text import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_NODES = 100_000

# CPython refuses to convert longer ones (sys.set_int_max_str_digits).
_LONGEST_INT = 4000

_TOO_DEEP = f"nests deeper than {MAX_DEPTH} levels; write it flatter"

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_YAML = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Node:
    """A value, where it was written, and how large it is with its aliases expanded.

    Attributes:
        value: A scalar, the items of a list, or a mapping's values by their keys.
        line: The line of the value, from 1; 0 where it was not read from a file.
        written: A scalar as it was written, before it became a number or a bool.
        key_lines: The line of each key of a mapping.
        size: How many values this one and all below it are.
        height: How many levels it holds.
        variable: The environment variable that the value came from, if it did.
    """

    value: Scalar | list[Node] | dict[str, Node]
    line: int
    written: str = ""
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 0
    variable: str | None = None

    def plain(self) -> object:
        """Return the value without its lines; a key that has no value counts as not written."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items() if node.value is not None}
        return self.value


def scalar(written: str) -> Scalar:
    """Return what a word without quotes means; anything but a number or a word of YAML is text."""
    if written in _WORDS:
        return _WORDS[written]
    if _INT.fullmatch(written) and len(written) <= _LONGEST_INT:
        base = {"0o": 8, "0x": 16}.get(written[:2], 10)
        return int(written, base)
    if _FLOAT.fullmatch(written) and math.isfinite(number := float(written)):
        return number
    return written


def of_data(data: object) -> Node:
    """Return plain data, of mappings, lists and scalars, as a tree without lines."""
    if isinstance(data, Mapping):
        return Node({str(key): of_data(value) for key, value in data.items()}, line=0)
    if isinstance(data, list | tuple):
        return Node([of_data(item) for item in data], line=0)
    if data is None or isinstance(data, str | int | float):
        return Node(data, line=0, written=str(data))
    raise TypeError(f"{data!r} is no value that YAML knows")


def compose(text: str, file: str) -> tuple[Node, list[tuple[int, str]]]:
    """Read a document.

    Args:
        text: The whole text, with or without a byte order mark.
        file: What to call it in sentences.

    Returns:
        The document's root, and the errors that did not prevent reading it: each a line
        and a sentence.

    Raises:
        InputError: In one sentence, where the text is no YAML or not fit to be read.
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise InputError(
            [f"{file}: is larger than 1 MiB, the most that is read; is it the right file?"]
        )
    if unfit := _NOT_YAML.search(text):
        line = text.count("\n", 0, unfit.start()) + 1
        column = unfit.start() - text.rfind("\n", 0, unfit.start())
        what = f"the character {quote(unfit.group())} is not allowed; remove it"
        raise InputError([f"{file}:{line}:{column}: {what}"])
    return _Composer(text, file).document()


def fast_loader() -> Any:
    """Return the loader in C, many times faster, or the one in Python where PyYAML lacks it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def packaged(package: str, name: str) -> dict[str, Any]:
    """Return a YAML file of our own that a package holds, as it was parsed, by the fast loader."""
    text = resources.files(package).joinpath(name).read_text("utf-8")
    parsed: dict[str, Any] = yaml.load(text, fast_loader())  # noqa: S506 - it is a safe one
    return parsed


class _Composer:
    """Builds the tree from the parser's events, which come one by one however deep they nest."""

    def __init__(self, text: str, file: str) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=fast_loader()))
        self._text = text
        self._file = file
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0
        self._mistakes: list[tuple[int, str]] = []

    def document(self) -> tuple[Node, list[tuple[int, str]]]:
        """Return the only document's root, and the lesser mistakes in it."""
        try:
            self._skip(yaml.StreamStartEvent)
            if isinstance(next(self._events), yaml.StreamEndEvent):
                raise self._empty()
            root = self._node(next(self._events), depth=0)
            self._skip(yaml.DocumentEndEvent)
            after = next(self._events)
        except yaml.YAMLError as error:
            raise InputError([f"{self._file}{_what_is_wrong(error, self._text)}"]) from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._unfit(after, "a second document begins here; a file holds one: remove ---")
        if root.value is None:
            raise self._empty()
        return root, self._mistakes

    def _skip(self, kind: type[yaml.Event]) -> None:
        event = next(self._events)
        if not isinstance(event, kind):
            raise TypeError(f"the YAML parser sent {event} where {kind} was due")

    def _empty(self) -> InputError:
        return InputError([f"{self._file}: is empty; it has to hold at least what is required"])

    def _tell(self, event: yaml.Event, sentence: str) -> None:
        self._mistakes.append((_line(event), sentence))

    def _unfit(self, event: yaml.Event, sentence: str) -> InputError:
        return InputError([f"{self._file}:{_line(event)}: {sentence}"])

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            alias = self._referred(event)
            self._admit(event, alias.size, depth + alias.height)
            return alias
        self._admit(event, 1, depth)
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise TypeError(f"the YAML parser sent {event} where a value was due")
        if event.tag is not None:
            self._tell(event, f"the tag {quote(event.tag)} is not read here; remove it")
        if event.anchor is not None:
            # Known, but not yet complete: an alias to it from inside would never end.
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):
                raise self._unfit(event, f"{quote(event.value)} holds half a character; remove it")
            plain = event.implicit[0]
            value = scalar(event.value) if plain else event.value
            node = Node(value, _line(event), written=event.value)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, depth)
        else:
            node = self._list(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _admit(self, event: yaml.Event, values: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._unfit(event, _TOO_DEEP)
        self._nodes += values
        if self._nodes > MAX_NODES:
            raise self._unfit(
                event,
                f"holds more than {MAX_NODES:,} values, aliases expanded; write less",
            )

    def _referred(self, event: yaml.AliasEvent) -> Node:
        name = str(event.anchor)
        if name not in self._anchors:
            raise self._unfit(
                event,
                f"{quote('*' + name)} refers to an anchor that nothing above defines; text that "
                f"begins with * needs quotes",
            )
        node = self._anchors[name]
        if node is None:
            raise self._unfit(event, f"{quote('*' + name)} stands inside what it refers to")
        return node

    def _list(self, start: yaml.CollectionStartEvent, depth: int) -> Node:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Node(items, _line(start), size=_size(items), height=_height(items))

    def _mapping(self, start: yaml.MappingStartEvent, depth: int) -> Node:
        values: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if isinstance(key.value, list | dict):
                self._tell(event, "a key has to be text, not a list or a mapping")
            elif key.written in values:
                self._tell(
                    event,
                    f"the key {quote(key.written)} stands in line {lines[key.written]} already; "
                    "remove one of them",
                )
            else:
                values[key.written] = value
                lines[key.written] = _line(event)
        return Node(
            values,
            _line(start),
            key_lines=lines,
            size=_size(values.values()) + len(values),
            height=_height(values.values()),
        )


def _size(below: Iterable[Node]) -> int:
    return 1 + sum(node.size for node in below)


def _height(below: Iterable[Node]) -> int:
    return 1 + max((node.height for node in below), default=0)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


_HELP = (
    # What the parsers say (the one in C, the one in Python), and what to do about it.
    (r"nesting depth", _TOO_DEEP),
    (r"\btab\b|'\\t'", "a tab stands where YAML wants spaces; indent with spaces"),
    (
        r"mapping values are not allowed",
        "a colon is not allowed here; put text that holds one in quotes, or fix the indentation",
    ),
    (r"expected ':'", "this key has no colon; write it as `key: value`"),
    (r"unexpected end of stream", "the quote that opens in line {opened} is never closed"),
    (r"',' or '\]'", "the [ that opens in line {opened} is not closed, or lacks a comma"),
    (r"',' or '}'", "the {{ that opens in line {opened} is not closed, or lacks a comma"),
    (r"escape", "a backslash in double quotes begins an escape; put the text in single quotes"),
    (r"scanning an (alias|anchor)", "text that begins with * or & needs quotes"),
    (
        r"block end|expected key|'-' indicator",
        "the indentation does not fit the lines above; indent the keys of one mapping alike",
    ),
    (r"tag", "a tag that is not known; remove it, and put text in quotes"),
)


def _what_is_wrong(error: yaml.YAMLError, text: str) -> str:
    """Return line, column and advice for what the YAML parser stumbled over."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f": is no YAML ({printable(str(error))})"
    said = f"{error.context or ''} {error.problem}"  # type: ignore[attr-defined] # MarkedYAMLError
    line = text.splitlines()[mark.line : mark.line + 1]
    character = line[0][mark.column : mark.column + 1] if line else ""
    opened = error.context_mark.line + 1 if error.context_mark else 0  # type: ignore[attr-defined] # the same
    where = f":{mark.line + 1}:{mark.column + 1}: "
    if "cannot start any token" in said and character != "\t":
        return f"{where}text that begins with {character} needs quotes"
    if "cannot start any token" in said:
        said = "tab"
    for pattern, advice in _HELP:
        if re.search(pattern, said):
            return where + advice.format(opened=opened)
    return f"{where}YAML cannot be read from here on; check indentation, colons and quotes"
