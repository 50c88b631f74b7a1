"""A PromQL query as a tree that can be changed and written as text again.

It supports what the policies use and refuses the rest of PromQL, so that no part of a query stays
unchanged unnoticed.
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
_GROUPS = {
    str(parser.VectorMatchCardinality.ManyToOne): "group_left",
    str(parser.VectorMatchCardinality.OneToMany): "group_right",
}
_NOT_SHORT = re.compile(
    r' offset \w+|\w+_googleapis_com:(?:datastream_)?|\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\}'
)


@dataclass(frozen=True, slots=True)
class Matcher:
    """A matcher of a selector."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.label}{self.operator}{_quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """The series of a metric.

    Attributes:
        metric: The metric's name in PromQL.
        matchers: Its matchers.
        seconds: The range; None without one.
        offset: Seconds.
    """

    metric: str
    matchers: tuple[Matcher, ...]
    seconds: int | None
    offset: int = 0

    def __str__(self) -> str:
        """Return it as PromQL."""
        text = f"{self.metric}{{{', '.join(map(str, self.matchers))}}}"
        ranged = text if self.seconds is None else f"{text}[{duration_text(self.seconds)}]"
        return f"{ranged} offset {duration_text(self.offset)}" if self.offset else ranged


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a quoted text."""

    text: str

    def __str__(self) -> str:
        """Return it as PromQL."""
        return self.text


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation by labels."""

    function: str
    labels: tuple[str, ...]
    operand: Node

    @property
    def head(self) -> str:
        """What precedes the operand."""
        return f"{self.function} by ({', '.join(self.labels)})" if self.labels else self.function

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.head} ({self.operand})"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides joined or compared.

    Attributes:
        left: The left side.
        operator: What joins or compares them.
        right: The right side.
        on: The labels to match; None for all.
        group: ``group_left`` or ``group_right`` where many series of that side match one of the
            other; empty where one matches one.
    """

    left: Node
    operator: str
    right: Node
    on: tuple[str, ...] | None = None
    group: str = ""

    @property
    def head(self) -> str:
        """What stands between the sides."""
        on = "" if self.on is None else f" on ({', '.join(self.on)})"
        return f"{self.operator}{on}{f' {self.group} ()' if self.group else ''}"

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{_bracketed(self.left)} {self.head} {_bracketed(self.right)}"


Node: TypeAlias = Selector | Literal | Call | Aggregation | Binary


def parse(text: str) -> Node:
    """Return the tree of a query.

    Raises:
        ValueError: It is not PromQL, or has something that is not supported here.
    """
    try:
        root = parser.parse(text)
    except ValueError as error:
        raise ValueError(f"is not PromQL: {error}") from None
    return _node(root)


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct parts of an expression."""
    match node:
        case Call():
            return node.arguments
        case Aggregation():
            return (node.operand,)
        case Binary():
            return node.left, node.right
    return ()


def with_children(node: Node, parts: Sequence[Node]) -> Node:
    """Return an expression with other parts, as many as :func:`children` returns."""
    match node:
        case Call():
            return replace(node, arguments=tuple(parts))
        case Aggregation():
            return replace(node, operand=parts[0])
        case Binary():
            return replace(node, left=parts[0], right=parts[1])
    return node


def duration_text(seconds: int) -> str:
    """Return seconds as a query writes a duration, such as ``400s``, ``18m`` or ``24h``."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def short(node: Node) -> str:
    """Return an expression for a person: no matchers, no offsets, metrics without their prefix."""
    return _NOT_SHORT.sub("", str(node))


def _node(node: object) -> Node:
    """Convert a node of the parser; parentheses are written again where they are needed."""
    converted: Node | None = None
    match node:
        case parser.ParenExpr():
            converted = _node(node.expr)
        case parser.NumberLiteral():
            converted = Literal(f"{node.val:g}")
        case parser.StringLiteral():
            converted = Literal(_quoted(node.val))
        case parser.VectorSelector():
            converted = _selector(node, None)
        case parser.MatrixSelector():
            converted = _selector(node.vector_selector, round(node.range.total_seconds()))
        case parser.Call():
            converted = Call(node.func.name, tuple(map(_node, node.args)))
        case parser.AggregateExpr():
            converted = _aggregation(node)
        case parser.BinaryExpr():
            converted = _binary(node)
    if converted is None:
        raise _unsupported(node)
    return converted


def _unsupported(node: object) -> ValueError:
    return ValueError(f"{node} is not supported; extend {__name__}")


def _selector(node: parser.VectorSelector, seconds: int | None) -> Selector:
    offset = round(node.offset.total_seconds()) if node.offset else 0
    if node.name is None or offset < 0 or node.at or node.matchers.or_matchers:
        raise _unsupported(node)
    matchers = (
        Matcher(each.name, _OPERATORS[str(each.op)], each.value) for each in node.matchers.matchers
    )
    return Selector(node.name, tuple(matchers), seconds, offset)


def _aggregation(node: parser.AggregateExpr) -> Aggregation:
    modifier = node.modifier
    if node.param or (modifier and modifier.type != parser.AggModifierType.By):
        raise _unsupported(node)
    labels = tuple(modifier.labels) if modifier else ()
    return Aggregation(str(node.op), labels, _node(node.expr))


def _binary(node: parser.BinaryExpr) -> Binary:
    modifier = node.modifier
    matching = modifier.matching if modifier else None
    if modifier and (
        modifier.return_bool
        or modifier.group_labels
        or (matching and matching.type != parser.LabelModifierType.Include)
    ):
        raise _unsupported(node)
    group = _GROUPS.get(str(modifier.card), "") if modifier else ""
    on = tuple(matching.labels) if matching else None
    return Binary(_node(node.lhs), str(node.op), _node(node.rhs), on, group)


def _bracketed(node: Node) -> str:
    return f"({node})" if isinstance(node, Binary) else str(node)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
