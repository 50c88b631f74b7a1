"""A policy's values in a plan as a flat mapping, with unknown and sensitive values marked.

A plan keeps the marks in trees of the same shape as the values (``after_unknown``,
``after_sensitive``):
https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

SENSITIVE = "(sensitive value)"
UNKNOWN = "(known after apply)"
"""Placeholders for values that cannot be shown, as in Terraform's own plans."""

_DEEPEST = 30
_CONDITION = re.compile(r"conditions\[[0-9]+\]")
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.0+)?s")

SINGLE_BLOCKS = frozenset(
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
"""Blocks that occur at most once, which the provider still represents as lists.

https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/monitoring_alert_policy
"""

JsonScalar: TypeAlias = str | int | float | bool | None


class PlannedValue(NamedTuple):
    """A scalar, or a list of scalars.

    Attributes:
        value: The value; None if it is absent or unknown.
        unknown: Whether it, or an item of it, is known only after apply.
        sensitive: Whether it must not be shown.
    """

    value: JsonScalar | tuple[JsonScalar, ...] = None
    unknown: bool = False
    sensitive: bool = False

    @property
    def shown(self) -> JsonValue:
        """The value with placeholders for what is sensitive or unknown."""
        if self.sensitive:
            return SENSITIVE
        if self.unknown and self.value is None:
            return UNKNOWN
        if isinstance(self.value, tuple):
            return [UNKNOWN if item is None and self.unknown else item for item in self.value]
        return self.value

    @property
    def texts(self) -> tuple[str, ...]:
        """The known texts of a list."""
        items = self.value if isinstance(self.value, tuple) else ()
        return tuple(item for item in items if isinstance(item, str))

    @property
    def seconds(self) -> int | None:
        """The whole seconds of an API duration such as ``60s``; None if it is not one."""
        found = _SECONDS.fullmatch(self.value) if isinstance(self.value, str) else None
        return int(found[1]) if found else None


ABSENT = PlannedValue()


@dataclass(frozen=True, slots=True)
class PolicyValues:
    """The values of a policy by path, such as ``documentation.links[0].url``.

    Empty texts and lists are left out: the provider treats them as absent.
    """

    by_path: Mapping[str, PlannedValue]

    def get(self, path: str) -> PlannedValue:
        """Return the value at a path, or the unknown value that contains the path."""
        found = self.by_path.get(path)
        if found is not None:
            return found
        for outer, value in self.by_path.items():
            if value.unknown and path.startswith((f"{outer}.", f"{outer}[")):
                return value
        return ABSENT

    def text(self, path: str) -> str:
        """Return the text at a path; empty if there is none, a placeholder if it is sensitive."""
        found = self.get(path)
        if found.sensitive:
            return SENSITIVE
        return found.value if isinstance(found.value, str) else ""

    def below(self, path: str) -> dict[str, PlannedValue]:
        """Return the values below a path by their relative paths."""
        prefix = f"{path}."
        return {
            full.removeprefix(prefix): value
            for full, value in self.by_path.items()
            if full.startswith(prefix)
        }

    def conditions(self) -> tuple[str, ...]:
        """Return the paths of the conditions, such as ``conditions[0]``."""
        found = map(_CONDITION.match, self.by_path)
        return tuple(dict.fromkeys(match[0] for match in found if match))

    def condition_types(self, condition: str) -> tuple[str, ...]:
        """Return the types set in a condition, such as ``condition_threshold``: normally one."""
        blocks = (re.split(r"[.\[]", path)[0] for path in self.below(condition))
        return tuple(dict.fromkeys(block for block in blocks if block.startswith("condition_")))

    def with_conditions_renamed(self, paths: Mapping[str, str]) -> PolicyValues:
        """Return the values with the paths of conditions replaced."""
        return PolicyValues(
            {
                _CONDITION.sub(lambda match: paths[match[0]], path, count=1)
                if _CONDITION.match(path)
                else path: value
                for path, value in self.by_path.items()
            }
        )


def split_condition(path: str) -> tuple[str, str]:
    """Return the condition that a path lies in, if any, and the rest of the path."""
    match = _CONDITION.match(path)
    return (match[0], path.removeprefix(f"{match[0]}.")) if match else ("", path)


class NestingError(Exception):
    """Values are nested more deeply than those of any resource."""


def flatten(values: object, unknown: object = None, sensitive: object = None) -> PolicyValues:
    """Return the values of a resource by path.

    Args:
        values: ``before`` or ``after`` of a change.
        unknown: ``after_unknown``.
        sensitive: ``before_sensitive`` or ``after_sensitive``.

    Raises:
        NestingError: They are nested too deeply.
    """
    return PolicyValues(dict(_flatten("", values, unknown, sensitive, 0)))


def _flatten(
    path: str, value: object, unknown: object, sensitive: object, depth: int
) -> Iterator[tuple[str, PlannedValue]]:
    if depth > _DEEPEST:
        raise NestingError
    if unknown is True:
        yield path, PlannedValue(None, unknown=True, sensitive=sensitive is True)
    elif isinstance(value, dict) or isinstance(unknown, dict):
        known = value if isinstance(value, dict) else {}
        later = unknown if isinstance(unknown, dict) else {}
        for key in sorted({*known, *later}):
            inner = f"{path}.{key}" if path else str(key)
            mark = sensitive is True or _mark(sensitive, key)
            yield from _flatten(inner, known.get(key), later.get(key), mark, depth + 1)
    elif isinstance(value, list) or isinstance(unknown, list):
        yield from _flatten_list(path, _items(value), _items(unknown), sensitive, depth)
    elif isinstance(value, str | int | float) and value != "":
        yield path, PlannedValue(value, sensitive=sensitive is True)


def _flatten_list(
    path: str, values: list[object], unknown: list[object], sensitive: object, depth: int
) -> Iterator[tuple[str, PlannedValue]]:
    length = max(len(values), len(unknown))
    values += [None] * (length - len(values))
    unknown += [None] * (length - len(unknown))
    if not any(isinstance(item, dict | list) for item in (*values, *unknown)):
        if values:
            hidden = sensitive is True or any(item is True for item in _items(sensitive))
            scalars = tuple(
                item if isinstance(item, str | int | float) else None for item in values
            )
            yield path, PlannedValue(scalars, any(item is True for item in unknown), hidden)
        return
    single = length == 1 and path.rpartition(".")[2] in SINGLE_BLOCKS
    for index, (value, later) in enumerate(zip(values, unknown, strict=True)):
        mark = sensitive is True or _mark(sensitive, index)
        inner = path if single else f"{path}[{index}]"
        yield from _flatten(inner, value, later, mark, depth + 1)


def _mark(marks: object, key: object) -> object:
    if isinstance(marks, dict):
        return marks.get(key)
    if isinstance(marks, list) and isinstance(key, int) and key < len(marks):
        return marks[key]
    return None


def _items(value: object) -> list[object]:
    return [*value] if isinstance(value, list) else []
