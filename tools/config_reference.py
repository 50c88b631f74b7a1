"""config.yaml described: a JSON Schema for editors, a table for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.config.model import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class KeyDescription(NamedTuple):
    """A key of config.yaml: its path, its type, its default and what it means."""

    key: str
    type: str
    default: str
    description: str


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of config.yaml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
    }


def key_descriptions() -> list[KeyDescription]:
    """Return a row for every key, in the order of the model."""
    schema = Config.model_json_schema()
    return list(_rows(schema, schema["$defs"], ""))


def _rows(
    schema: Mapping[str, Any], named: Mapping[str, Any], prefix: str
) -> Iterator[KeyDescription]:
    for key, field in schema["properties"].items():
        # Optional keys have their own type or null, which is the same as to leave them out.
        kind = next(iter(field.get("anyOf", [field])))
        below = kind.get("items", kind)
        path = f"{prefix}{key}"
        needed = key in schema.get("required", ())
        section = named.get(below.get("$ref", "").rpartition("/")[2], {})
        # Pydantic leaves out a description that repeats the section's own.
        description = field.get("description") or section["description"]
        default = "required" if needed else "none" if section else _default(field)
        yield KeyDescription(path, _type(kind), default, description)
        if section:
            yield from _rows(section, named, f"{path}{'[]' if 'items' in kind else ''}.")


def _type(schema: Mapping[str, Any]) -> str:
    if "items" in schema:
        return f"list: {_type(schema['items'])}"
    if "$ref" in schema:
        return "section"
    if "enum" in schema:
        return ", ".join(schema["enum"])
    return {"boolean": "true or false", "integer": "whole number"}.get(
        schema["type"], str(schema["title"])
    )


def _default(field: Mapping[str, Any]) -> str:
    value = field["default"]
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
