"""Pydantic's complaints in the words of this project."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from exporter.inputs.spelling import hint
from exporter.text import quote

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Words: TypeAlias = Callable[[str, Mapping[str, Any]], str]


def message(details: ErrorDetails, location: Sequence[str | int], keys: Sequence[str]) -> str:
    """Return what is wrong with a value, what it is, and what is allowed.

    Args:
        details: Pydantic's complaint.
        location: Where; its last part is the key that is missing or unknown.
        keys: The keys that are known there.
    """
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return f"is not a known key; {hint(str(location[-1]), keys)}"
    if kind in {"value_error", "assertion_error"}:
        return str(context["error"])
    if kind in {"enum", "literal_error"} and isinstance(value, str):
        expected = str(context["expected"])
        allowed = re.findall(r"'([^']*)'", expected) or [expected]
        return f"{quote(value)} is not allowed; {hint(value, allowed)}"
    words = _WORDS.get(kind)
    return words(_seen(value), context) if words else f"{_seen(value)} does not fit here"


def known_keys(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys that a document of this model may hold at a location."""
    kinds: list[Any] = [model]
    for part in location:
        kinds = [below for kind in kinds for below in _below(kind, part)]
    return tuple(
        field.alias or name
        for kind in kinds
        for plain in _alternatives(kind)
        if _is_model(plain)
        for name, field in plain.model_fields.items()
    )


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    for plain in _alternatives(kind):
        if _is_model(plain):
            for name, field in plain.model_fields.items():
                if part == (field.alias or name):
                    yield field.annotation
        elif arguments := get_args(plain):
            # A list's items, a mapping's values.
            yield arguments[-1] if get_origin(plain) is dict else arguments[0]


def _alternatives(kind: Any) -> Iterator[Any]:
    """Return the types that a value may be of, without their annotations."""
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _alternatives(member)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _seen(value: object) -> str:
    """Return a value as a sentence's subject."""
    if isinstance(value, dict):
        return "a mapping of keys"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else quote(value)


def _needs(what: str) -> _Words:
    return lambda seen, _: f"{seen} stands where {what} is needed"


def _text(seen: str, _: Mapping[str, Any]) -> str:
    if seen in {"a list", "a mapping of keys", "nothing"}:
        return f"{seen} stands where text is needed"
    return f'{seen} is not text to YAML; put it in quotes: "{seen}"'


def _limit(wrong: str, allowed: str, key: str) -> _Words:
    return lambda seen, context: f"{seen} is {wrong}; {allowed} {context[key]} is allowed"


def _count(words: str, key: str, unit: str) -> _Words:
    return lambda _, context: f"holds {words} {context[key]} {unit}"


def _few(_: str, context: Mapping[str, Any]) -> str:
    held = f"holds {context['actual_length']} entries" if context["actual_length"] else "is empty"
    return f"{held}; at least {context['min_length']} is needed"


def _tag(seen: str, context: Mapping[str, Any]) -> str:
    return f"{seen} is of no kind that is known here; allowed: {context.get('expected_tags', '')}"


_TRUTH = _needs("true or false")
_WHOLE = _needs("a whole number")
_NUMBER = _needs("a number")
_LIST = _needs("a list")
_MAPPING = _needs("a mapping of keys")
_TIME = _needs("a time such as 2026-01-31T12:00:00Z")

# https://docs.pydantic.dev/latest/errors/validation_errors/
_WORDS: Mapping[str, _Words] = {
    "missing": lambda _, __: "is missing; it is required",
    "string_type": _text,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "enum": _text,
    "literal_error": _text,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _needs("a time with its zone, such as 2026-01-31T12:00:00Z,"),
    "greater_than": _limit("too small", "more than", "gt"),
    "greater_than_equal": _limit("too small", "at least", "ge"),
    "less_than": _limit("too large", "less than", "lt"),
    "less_than_equal": _limit("too large", "at most", "le"),
    "too_short": _few,
    "too_long": _count("more than", "max_length", "entries"),
    "string_too_short": _count("less than", "min_length", "characters"),
    "string_too_long": _count("more than", "max_length", "characters"),
    "string_pattern_mismatch": lambda seen, context: (
        f"{seen} does not have the form {context['pattern']}"
    ),
    "union_tag_invalid": _tag,
    "union_tag_not_found": _tag,
}
