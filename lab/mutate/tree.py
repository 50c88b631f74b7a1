"""A PromQL query as a tree that can be changed and written again.

It holds what the policies are made of. Whatever else PromQL knows is refused, so that no part of a
query stays unchanged unnoticed.
https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import promql_parser as parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPERATORS = {
    str(parser.MatchOp.Equal): "=",
    str(parser.MatchOp.NotEqual): "!=",
    str(parser.MatchOp.Re): "=~",
    str(parser.MatchOp.NotRe): "!~",
}
_SHORT = re.compile(
    r' offset \w+|\w+_googleapis_com:(?:datastream_)?|\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\}'
)


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label of a selector has to be."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.label}{self.operator}{_quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """The series of a metric, with the seconds that a range goes back; None without a range.

    All is looked at as it was ``offset`` seconds ago.
    """

    metric: str
    matchers: tuple[Matcher, ...]
    seconds: int | None
    offset: int = 0

    def __str__(self) -> str:
        """Return it as PromQL."""
        text = f"{self.metric}{{{', '.join(map(str, self.matchers))}}}"
        ranged = text if self.seconds is None else f"{text}[{length(self.seconds)}]"
        return f"{ranged} offset {length(self.offset)}" if self.offset else ranged


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a text, as it is written."""

    written: str

    def __str__(self) -> str:
        """Return it as PromQL."""
        return self.written


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Node, ...]

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Series brought together, by keys."""

    function: str
    keys: tuple[str, ...]
    of: Node

    @property
    def head(self) -> str:
        """What stands before the brackets."""
        return f"{self.function} by ({', '.join(self.keys)})" if self.keys else self.function

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.head} ({self.of})"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides and what joins or compares them; without ``on``, all labels have to be the same."""

    left: Node
    operator: str
    right: Node
    on: tuple[str, ...] | None = None
    many_left: bool = False

    @property
    def head(self) -> str:
        """What stands between the sides."""
        on = "" if self.on is None else f" on ({', '.join(self.on)})"
        return f"{self.operator}{on}{' group_left ()' if self.many_left else ''}"

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{_bracketed(self.left)} {self.head} {_bracketed(self.right)}"


Node: TypeAlias = Selector | Literal | Call | Aggregate | Binary


def read(text: str) -> Node:
    """Return the tree of a query.

    Raises:
        ValueError: With a sentence, where it is no PromQL or holds what is not known here.
    """
    try:
        root = parser.parse(text)
    except ValueError as error:
        raise ValueError(f"is no PromQL: {error}") from None
    return _node(root)


def parts(node: Node) -> tuple[Node, ...]:
    """Return the expressions that an expression is made of."""
    match node:
        case Call():
            return node.arguments
        case Aggregate():
            return (node.of,)
        case Binary():
            return node.left, node.right
    return ()


def with_parts(node: Node, held: Sequence[Node]) -> Node:
    """Return an expression made of others; as many as :func:`parts` gives."""
    match node:
        case Call():
            return replace(node, arguments=tuple(held))
        case Aggregate():
            return replace(node, of=held[0])
        case Binary():
            return replace(node, left=held[0], right=held[1])
    return node


def length(seconds: int) -> str:
    """Return seconds as a query writes a duration, such as ``400s``, ``18m`` or ``24h``."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def short(node: Node) -> str:
    """Return an expression for a person: metrics without what is the same of all, no matchers."""
    return _SHORT.sub("", str(node))


def _node(node: object) -> Node:
    """Return what a node of the parser's is here; brackets are written where they are needed."""
    found: Node | None = None
    match node:
        case parser.ParenExpr():
            found = _node(node.expr)
        case parser.NumberLiteral():
            found = Literal(f"{node.val:g}")
        case parser.StringLiteral():
            found = Literal(_quoted(node.val))
        case parser.VectorSelector():
            found = _selector(node, None)
        case parser.MatrixSelector():
            found = _selector(node.vector_selector, round(node.range.total_seconds()))
        case parser.Call():
            found = Call(node.func.name, tuple(map(_node, node.args)))
        case parser.AggregateExpr():
            found = _aggregate(node)
        case parser.BinaryExpr():
            found = _binary(node)
    if found is None:
        raise ValueError(_unknown(node))
    return found


def _unknown(node: object) -> str:
    return f"{node} is not known here; teach it to {__name__}"


def _selector(node: parser.VectorSelector, seconds: int | None) -> Selector:
    offset = round(node.offset.total_seconds()) if node.offset else 0
    if node.name is None or offset < 0 or node.at or node.matchers.or_matchers:
        raise ValueError(_unknown(node))
    matchers = (
        Matcher(each.name, _OPERATORS[str(each.op)], each.value) for each in node.matchers.matchers
    )
    return Selector(node.name, tuple(matchers), seconds, offset)


def _aggregate(node: parser.AggregateExpr) -> Aggregate:
    modifier = node.modifier
    if node.param or (modifier and modifier.type != parser.AggModifierType.By):
        raise ValueError(_unknown(node))
    keys = tuple(modifier.labels) if modifier else ()
    return Aggregate(str(node.op), keys, _node(node.expr))


def _binary(node: parser.BinaryExpr) -> Binary:
    modifier = node.modifier
    matching = modifier.matching if modifier else None
    strange = modifier and (
        modifier.return_bool
        or modifier.group_labels
        or modifier.card == parser.VectorMatchCardinality.OneToMany
        or (matching and matching.type != parser.LabelModifierType.Include)
    )
    if strange:
        raise ValueError(_unknown(node))
    many_left = bool(modifier and modifier.card == parser.VectorMatchCardinality.ManyToOne)
    on = tuple(matching.labels) if matching else None
    return Binary(_node(node.lhs), str(node.op), _node(node.rhs), on, many_left)


def _bracketed(node: Node) -> str:
    return f"({node})" if isinstance(node, Binary) else str(node)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
