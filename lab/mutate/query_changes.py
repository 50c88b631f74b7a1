"""What can be changed in one place of a PromQL query."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.mutate.choices import without_one_choice
from lab.mutate.query_tree import (
    Aggregation,
    Binary,
    Call,
    Literal,
    Node,
    Selector,
    children,
    duration_text,
    short,
    with_children,
)
from lab.policies import promql

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPARISONS = {"==": "!=", "!=": "==", ">": ">=", ">=": ">", "<": "<=", "<=": "<"}
"""The replacement of each comparison."""

FUNCTIONS = {
    "last_over_time": ("max_over_time", "min_over_time"),
    "min_over_time": ("max_over_time", "last_over_time"),
    "max_over_time": ("min_over_time", "last_over_time"),
    "increase": ("last_over_time",),
    "changes": ("resets",),
    "min": ("max",),
    "max": ("min",),
    "sum": ("count",),
    "count": ("sum",),
}
"""The replacements of each function."""

_NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_RESOURCE = "monitored_resource"


class QueryChange(NamedTuple):
    """A description of a change, and the changed expression."""

    description: str
    node: Node


def query_changes(node: Node) -> Iterator[QueryChange]:
    """Yield an expression changed in one place each, outermost first and left to right."""
    match node:
        case Selector():
            yield from _selector(node)
        case Call():
            yield from _call(node)
        case Aggregation():
            yield from _aggregation(node)
        case Binary():
            yield from _binary(node)
    parts = children(node)
    for index, part in enumerate(parts):
        for description, changed in query_changes(part):
            others = parts[:index], parts[index + 1 :]
            yield QueryChange(description, with_children(node, (*others[0], changed, *others[1])))


def _selector(node: Selector) -> Iterator[QueryChange]:
    for seconds in (node.seconds // 2, node.seconds * 2) if node.seconds else ():
        yield QueryChange(
            f"{short(node)} → [{duration_text(seconds)}]", replace(node, seconds=seconds)
        )
    if node.offset:
        yield QueryChange(f"{short(node)} without its offset", replace(node, offset=0))
    name = short(replace(node, seconds=None))
    for index, matcher in enumerate(node.matchers):
        before, after = node.matchers[:index], node.matchers[index + 1 :]
        what = f"{name}{{{matcher}}}"
        yield QueryChange(f"{what} left out", replace(node, matchers=(*before, *after)))
        negated = replace(matcher, operator=_NEGATED[matcher.operator])
        changes = [(f"→ {negated.operator}", negated)]
        if "~" in matcher.operator:
            changes += [
                (f"without {choice}", replace(matcher, value=rest))
                for choice, rest in without_one_choice(matcher.value)
            ]
        for how, changed in changes:
            yield QueryChange(f"{what} {how}", replace(node, matchers=(*before, changed, *after)))


def _call(node: Call) -> Iterator[QueryChange]:
    text, function = short(node), node.function
    for other in FUNCTIONS.get(function, ()):
        yield QueryChange(f"{text} → {other}", replace(node, function=other))
    first = node.arguments[0]
    if function.endswith("_over_time") and isinstance(first, Selector):
        # A selector without a range sees the points of the last five minutes.
        instant: Node = replace(first, seconds=None)
        if function == "absent_over_time":
            instant = Call("absent", (instant,))
        yield QueryChange(f"{text} without its look-back window", instant)
    if function == "absent":
        yield QueryChange(f"{function}(…) left out", first)
    if function == "label_replace":
        yield from _label_replace(node)


def _label_replace(node: Call) -> Iterator[QueryChange]:
    first, target, replacement, source, pattern = node.arguments
    what = f"label_replace({_first_metric(first)}, {target}, …)"
    yield QueryChange(f"{what} left out", first)
    for label in sorted(promql.read(str(first)).result.names - {_RESOURCE}):
        other = Literal(f'"{label}"')
        if other != source:
            yield QueryChange(
                f"{what} from {other} instead of {source}",
                Call(node.function, (first, target, replacement, other, pattern)),
            )


def _aggregation(node: Aggregation) -> Iterator[QueryChange]:
    what = f"{node.head} ({_first_metric(node.operand)})"
    for other in FUNCTIONS.get(node.function, ()):
        yield QueryChange(f"{what} → {other}", replace(node, function=other))
    for label in node.labels:
        rest = tuple(each for each in node.labels if each != label)
        yield QueryChange(f"{what} without {label}", replace(node, labels=rest))
    yield QueryChange(f"{what}: {node.function} left out", node.operand)


def _binary(node: Binary) -> Iterator[QueryChange]:
    left, right = _first_metric(node.left), _first_metric(node.right)
    for label in node.on or ():
        rest = tuple(each for each in node.on or () if each != label)
        yield QueryChange(f"{node.head} {right} without {label}", replace(node, on=rest))
    if node.group:
        yield QueryChange(f"{node.head} {right} without {node.group}", replace(node, group=""))
    if node.operator in COMPARISONS:
        yield from _comparison(node)
        return
    yield QueryChange(f"{node.operator} {right} left out", node.left)
    if node.operator != "unless":
        yield QueryChange(f"{left} {node.operator} left out", node.right)


def _comparison(node: Binary) -> Iterator[QueryChange]:
    right = node.right.text if isinstance(node.right, Literal) else _first_metric(node.right)
    what = f"{_first_metric(node.left)} {node.operator} {right}"
    other = COMPARISONS[node.operator]
    yield QueryChange(f"{what} → {other}", replace(node, operator=other))
    if isinstance(node.right, Literal):
        for step in (-1, 1):
            number = f"{float(right) + step:g}"
            yield QueryChange(f"{what} → {number}", replace(node, right=Literal(number)))
    yield QueryChange(f"{what} left out", node.left)


def _first_metric(node: Node) -> str:
    """Return the first metric of an expression, with its range."""
    if isinstance(node, Selector):
        return short(node)
    return next((found for part in children(node) if (found := _first_metric(part))), "")
