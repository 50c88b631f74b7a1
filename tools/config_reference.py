"""Describes config.yaml: a JSON Schema for editors, a table for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from exporter.config.model import Config

Schema = Mapping[str, Any]


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


def _rows(schema: Schema, named: Schema, prefix: str) -> Iterator[KeyDescription]:
    for key, field in schema["properties"].items():
        kind = _without_null(field)
        section = named.get(_reference(kind.get("items", kind)), {})
        # Pydantic leaves out a description that repeats the section's own.
        description = field.get("description") or section["description"]
        if key in schema.get("required", ()):
            default = "required"
        else:
            default = "none" if section else _default(field)
        yield KeyDescription(f"{prefix}{key}", _type(kind), default, description)
        if section:
            item = "[]" if "items" in kind else ""
            yield from _rows(section, named, f"{prefix}{key}{item}.")


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a value: null is the same as to leave the key out."""
    found: Schema = schema.get("anyOf", [schema])[0]
    return found


def _reference(schema: Schema) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2])


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list: {_type(schema['items'])}"
    if "$ref" in schema:
        return "section"
    if "enum" in schema:
        return ", ".join(schema["enum"])
    words = {"boolean": "true or false", "integer": "whole number"}
    return words.get(schema["type"], str(schema["title"]))


def _default(field: Schema) -> str:
    value = field["default"]
    if value is None:
        return "none"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
