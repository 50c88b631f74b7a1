"""What can be changed in one place of a PromQL query."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.mutate.expressions import without_one_choice
from lab.mutate.tree import (
    Aggregate,
    Binary,
    Call,
    Literal,
    Node,
    Selector,
    length,
    parts,
    short,
    with_parts,
)
from lab.policies.promql import read as asked

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPARISONS = {"==": "!=", "!=": "==", ">": ">=", ">=": ">", "<": "<=", "<=": "<"}
"""What each comparison is turned into."""

FUNCTIONS = {
    "last_over_time": ("max_over_time", "min_over_time"),
    "min_over_time": ("max_over_time", "last_over_time"),
    "max_over_time": ("min_over_time", "last_over_time"),
    "increase": ("last_over_time",),
    "min": ("max",),
    "max": ("min",),
    "sum": ("count",),
    "count": ("sum",),
}
"""What each function is taken for."""

_NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_RESOURCE = "monitored_resource"


class Change(NamedTuple):
    """What was changed, in words, and what came of it."""

    words: str
    node: Node


def changes(node: Node) -> Iterator[Change]:
    """Yield an expression changed in one place each, from the outside in and left to right."""
    match node:
        case Selector():
            yield from _selector(node)
        case Call():
            yield from _call(node)
        case Aggregate():
            yield from _aggregate(node)
        case Binary():
            yield from _binary(node)
    held = parts(node)
    for index, part in enumerate(held):
        for words, changed in changes(part):
            yield Change(words, with_parts(node, [*held[:index], changed, *held[index + 1 :]]))


def _selector(node: Selector) -> Iterator[Change]:
    for seconds in (node.seconds // 2, node.seconds * 2) if node.seconds else ():
        yield Change(f"{short(node)} → [{length(seconds)}]", replace(node, seconds=seconds))
    if node.offset:
        yield Change(f"{short(node)} without its offset", replace(node, offset=0))
    for index, each in enumerate(node.matchers):
        others = node.matchers[:index], node.matchers[index + 1 :]
        name = short(replace(node, seconds=None))
        yield Change(f"{name}{{{each}}} left out", replace(node, matchers=(*others[0], *others[1])))
        turned = replace(each, operator=_NEGATED[each.operator])
        yield Change(
            f"{name}{{{each}}} → {turned.operator}",
            replace(node, matchers=(*others[0], turned, *others[1])),
        )
        for choice, rest in without_one_choice(each.value) if "~" in each.operator else ():
            fewer = replace(each, value=rest)
            yield Change(
                f"{name}{{{each}}} without {choice}",
                replace(node, matchers=(*others[0], fewer, *others[1])),
            )


def _call(node: Call) -> Iterator[Change]:
    text, function = short(node), node.function
    for other in FUNCTIONS.get(function, ()):
        yield Change(f"{text} → {other}", replace(node, function=other))
    first = node.arguments[0]
    if function.endswith("_over_time") and isinstance(first, Selector):
        bare: Node = replace(first, seconds=None)
        if function == "absent_over_time":
            bare = Call("absent", (bare,))
        # A selector without a range sees what came in the last five minutes.
        yield Change(f"{text} without its look-back", bare)
    if function == "absent":
        yield Change(f"{function}(…) left out", first)
    if function == "label_replace":
        yield from _label_replace(node)


def _label_replace(node: Call) -> Iterator[Change]:
    first, target, made, source, pattern = node.arguments
    what = f"label_replace({_about(first)}, {target}, …)"
    yield Change(f"{what} left out", first)
    for other in sorted(asked(str(first)).result.names - {_RESOURCE}):
        taken = Literal(f'"{other}"')
        if taken != source:
            held = (first, target, made, taken, pattern)
            yield Change(f"{what} from {taken} in the place of {source}", Call(node.function, held))


def _aggregate(node: Aggregate) -> Iterator[Change]:
    what = f"{node.head} ({_about(node.of)})"
    for other in FUNCTIONS.get(node.function, ()):
        yield Change(f"{what} → {other}", replace(node, function=other))
    for key in node.keys:
        left = tuple(each for each in node.keys if each != key)
        yield Change(f"{what} without {key}", replace(node, keys=left))
    yield Change(f"{what}: {node.function} left out", node.of)


def _binary(node: Binary) -> Iterator[Change]:
    left, right = _about(node.left), _about(node.right)
    for key in node.on or ():
        fewer = tuple(each for each in node.on or () if each != key)
        yield Change(f"{node.head} {right} without {key}", replace(node, on=fewer))
    if node.many_left:
        yield Change(f"{node.head} {right} without group_left", replace(node, many_left=False))
    if node.operator in COMPARISONS:
        yield from _comparison(node)
    else:
        yield Change(f"{node.operator} {right} left out", node.left)
        if node.operator != "unless":
            yield Change(f"{left} {node.operator} left out", node.right)


def _comparison(node: Binary) -> Iterator[Change]:
    right = node.right.written if isinstance(node.right, Literal) else _about(node.right)
    what = f"{_about(node.left)} {node.operator} {right}"
    other = COMPARISONS[node.operator]
    yield Change(f"{what} → {other}", replace(node, operator=other))
    if isinstance(node.right, Literal):
        for by in (-1, 1):
            number = f"{float(right) + by:g}"
            yield Change(f"{what} → {number}", replace(node, right=Literal(number)))
    yield Change(f"{what} left out", node.left)


def _about(node: Node) -> str:
    """Return the first metric of an expression, with its range, to tell what is meant."""
    if isinstance(node, Selector):
        return short(node)
    return next((found for part in parts(node) if (found := _about(part))), "")
