"""The values of a resource in a plan: flat, with what is unknown or hidden marked as such.

A plan states beside the values, in trees of the same shape, which of them are known only after the
apply and which are sensitive (``after_unknown``, ``after_sensitive``):
https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HIDDEN = "(sensitive value)"
UNKNOWN = "(known after apply)"
"""What stands for a value that may not be shown, or is not known: as in Terraform's own plans."""

_DEEPEST = 30

ONCE = frozenset(
    {
        "alert_strategy",
        "condition_absent",
        "condition_matched_log",
        "condition_monitoring_query_language",
        "condition_prometheus_query_language",
        "condition_sql",
        "condition_threshold",
        "documentation",
        "notification_rate_limit",
    }
)
"""Blocks that there is one of at most: the API's one value is the provider's list of one.

https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/monitoring_alert_policy
"""


class Leaf(NamedTuple):
    """A value that holds no others, or a list of such.

    Attributes:
        value: The value; None where there is none, or none is known.
        unknown: Whether it, or an entry of it, is known only after the apply.
        hidden: Whether it is sensitive, so that nobody may be shown it.
    """

    value: Any = None
    unknown: bool = False
    hidden: bool = False


NOTHING = Leaf()


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a resource by their paths, such as ``documentation.links[0].url``.

    What is empty is left out: to the provider, an empty text and an empty list are nothing.
    """

    leaves: Mapping[str, Leaf]

    def leaf(self, path: str) -> Leaf:
        """Return what stands at a path, or that all around it is unknown or hidden."""
        found = self.leaves.get(path)
        if found is not None:
            return found
        for around, leaf in self.leaves.items():
            if leaf.unknown and path.startswith((f"{around}.", f"{around}[")):
                return leaf
        return NOTHING

    def text(self, path: str) -> str:
        """Return the text at a path; empty where there is none, and nothing that is hidden."""
        leaf = self.leaf(path)
        if leaf.hidden:
            return HIDDEN
        return leaf.value if isinstance(leaf.value, str) else ""

    def below(self, path: str) -> dict[str, Leaf]:
        """Return what stands below a path, by the rest of theirs."""
        start = f"{path}."
        return {
            each.removeprefix(start): leaf
            for each, leaf in self.leaves.items()
            if each.startswith(start)
        }


class TooDeepError(Exception):
    """Values lie in values, more deeply than those of any resource."""


def values_of(given: Any, unknown: Any = None, sensitive: Any = None) -> Values:
    """Return the values of a resource.

    Args:
        given: ``before`` or ``after``.
        unknown: ``after_unknown``.
        sensitive: ``before_sensitive`` or ``after_sensitive``.

    Raises:
        TooDeepError: They are nested too deeply.
    """
    return Values(dict(_leaves("", given, unknown, sensitive, 0)))


def _leaves(
    path: str, value: Any, unknown: Any, sensitive: Any, depth: int
) -> Iterator[tuple[str, Leaf]]:
    if depth > _DEEPEST:
        raise TooDeepError
    if unknown is True:
        yield path, Leaf(None, unknown=True, hidden=sensitive is True)
        return
    if isinstance(value, dict) or isinstance(unknown, dict):
        held = value if isinstance(value, dict) else {}
        later = unknown if isinstance(unknown, dict) else {}
        for key in sorted({*held, *later}):
            below = f"{path}.{key}" if path else str(key)
            marks = sensitive is True or _part(sensitive, key)
            yield from _leaves(below, held.get(key), later.get(key), marks, depth + 1)
        return
    if isinstance(value, list) or isinstance(unknown, list):
        yield from _listed(path, _items(value), _items(unknown), sensitive, depth)
        return
    if value is not None and value != "":
        yield path, Leaf(value, hidden=sensitive is True)


def _listed(
    path: str, values: list[Any], unknown: list[Any], sensitive: Any, depth: int
) -> Iterator[tuple[str, Leaf]]:
    length = max(len(values), len(unknown))
    values += [None] * (length - len(values))
    unknown += [None] * (length - len(unknown))
    if not any(isinstance(each, dict | list) for each in (*values, *unknown)):
        if values:
            hidden = sensitive is True or any(mark is True for mark in _items(sensitive))
            yield path, Leaf(tuple(values), any(each is True for each in unknown), hidden)
        return
    single = length == 1 and path.rpartition(".")[2] in ONCE
    for index, (value, later) in enumerate(zip(values, unknown, strict=True)):
        marks = sensitive is True or _part(sensitive, index)
        below = path if single else f"{path}[{index}]"
        yield from _leaves(below, value, later, marks, depth + 1)


def _part(marks: Any, key: Any) -> Any:
    if isinstance(marks, dict):
        return marks.get(key)
    if isinstance(marks, list) and isinstance(key, int) and key < len(marks):
        return marks[key]
    return None


def _items(value: Any) -> list[Any]:
    return [*value] if isinstance(value, list) else []
