"""Pydantic's errors in the words of this project."""

from __future__ import annotations

import re
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from exporter.inputs.spelling import hint
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

_FIXED = {
    "missing": "is missing; it is required",
    "value_error": "{error}",
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}, not '{tag:.60}'",
    "union_tag_not_found": "must have the key {discriminator}",
}
_WORDS = {
    # Pydantic's words for a type, and those of somebody who writes YAML.
    "be a valid string": "be text",
    "be a valid boolean": "be true or false",
    "be a valid integer": "be a whole number",
    "be a valid number": "be a number",
    "be a valid array": "be a list",
    "be an object": "be a mapping of keys",
    "be a valid datetime": "be a time such as 2026-01-31T12:00:00Z",
    "have timezone info": "be a time with its zone, such as 2026-01-31T12:00:00Z",
    "be greater than or equal to": "be at least",
    "be less than or equal to": "be at most",
    " after validation": "",
}


def message(details: ErrorDetails, location: Sequence[str | int], keys: Sequence[str]) -> str:
    """Return what is wrong with a value, what it is, and what is allowed.

    Args:
        details: Pydantic's error.
        location: Where; its last part is the key that is missing or unknown.
        keys: The keys that are known there.
    """
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in _FIXED:
        return _FIXED[kind].format(**context)
    if kind == "extra_forbidden":
        return f"is not a known key; {hint(str(location[-1]), keys)}"
    if kind in {"string_type", "enum", "literal_error"} and isinstance(value, int | float):
        return f'{quote(value)} is not text in YAML; put it in quotes: "{quote(value)}"'
    if kind in {"enum", "literal_error"} and isinstance(value, str):
        allowed = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        return f"{quote(value)} is not allowed; {hint(value, allowed)}"
    return _must(details["msg"], value)


def known_keys(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys that a document of this model may have at a location."""
    kinds: list[Any] = [model]
    for part in location:
        kinds = [
            below
            for plain in _alternatives(kinds)
            for below in ([_fields(plain).get(str(part))] if _fields(plain) else get_args(plain))
        ]
    return tuple(name for plain in _alternatives(kinds) for name in _fields(plain))


def _must(text: str, value: object) -> str:
    """Return what a value must be and is not: ``Input should be …`` in other words."""
    _, _, must = text.partition(" should ")
    # After a comma, some say what the value is, "not 0"; others why, "unable to parse".
    must, _, more = must.partition(", ")
    if isinstance(value, dict | list):
        seen = "a list" if isinstance(value, list) else "a mapping of keys"
    elif isinstance(value, str) and " character" in must:
        seen = f"{len(value):,}"
    else:
        seen = "nothing" if value is None else quote(value)
    if not must:
        return f"{seen} is not allowed here; {text[0].lower()}{text[1:]}"
    for theirs, ours in _WORDS.items():
        must = must.replace(theirs, ours)
    return f"must {must}, {more if more.startswith('not ') else f'not {seen}'}"


def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of a model's keys; none for anything else."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def _alternatives(kinds: Sequence[Any]) -> Iterator[Any]:
    """Yield types without their annotations, and each member of a union by itself."""
    for kind in kinds:
        if get_origin(kind) is Annotated:
            yield from _alternatives(get_args(kind)[:1])
        elif get_origin(kind) in {Union, UnionType}:
            yield from _alternatives(get_args(kind))
        else:
            yield kind
