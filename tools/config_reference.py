"""Describes config.yaml: a JSON Schema for editors, a table for people, rules for Terraform.

Terraform can't read a JSON Schema. ``terraform/config_rules.json`` has the same rules by path, in
the form that ``terraform/mistakes.tftpl`` takes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from exporter.config.model import Config

# Keywords of a rule that mean what they mean in JSON Schema
_SAME = ("minItems", "pattern", "enum", "minimum", "maximum")

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


def rules() -> dict[str, dict[str, Any]]:
    """Return Terraform's rule for each path of config.yaml."""
    schema = Config.model_json_schema()
    return dict(_rules("", schema, schema["$defs"]))


def _rows(schema: Schema, named: Schema, prefix: str) -> Iterator[KeyDescription]:
    for key, field in schema["properties"].items():
        kind = _without_null(field)
        section = named.get(_reference(kind.get("items", kind)), {})
        # Pydantic leaves out a description that repeats the section's own.
        description = field.get("description") or section["description"]
        needed = key in schema.get("required", ())
        default = "required" if needed else "none" if section else _default(field)
        yield KeyDescription(f"{prefix}{key}", _type(kind), default, description)
        if section:
            yield from _rows(section, named, f"{prefix}{key}{'[]' if 'items' in kind else ''}.")


def _rules(path: str, schema: Schema, named: Schema) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = _without_null(schema)
    kind = named.get(_reference(kind), kind)
    name = "string" if "enum" in kind else kind["type"]
    properties = kind.get("properties", {})
    rule: dict[str, Any] = {"types": [name], "what": _what(kind)}
    rule |= {key: kind[key] for key in _SAME if key in kind}
    if name == "integer":
        rule |= {"types": ["number"], "multipleOf": 1}
    if name == "object":
        rule |= {"keys": list(properties), "required": kind.get("required", [])}
    yield path, rule
    for key, value in properties.items():
        yield from _rules(f"{path}.{key}", value, named)
    if "items" in kind:
        yield from _rules(f"{path}[]", kind["items"], named)


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a value: null is the same as to leave the key out."""
    found: Schema = next(iter(schema.get("anyOf", [schema])))
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
    return value if isinstance(value, str) else json.dumps(value)


def _what(schema: Schema) -> str:
    """Return what a value must be, in words."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    match schema["type"]:
        case "object":
            return f"a mapping with the keys {', '.join(schema['properties'])}"
        case "array":
            least = schema.get("minItems", 0)
            return f"a list with {least} item or more" if least else "a list"
        case "boolean":
            return "true or false"
        case "integer":
            return f"a whole number from {schema['minimum']} to {schema['maximum']}"
        case "string":
            form = f" of the form {schema['pattern']}" if "pattern" in schema else ""
            return f"a {schema['title']}{form}"
    raise ValueError(f"{schema} of config.yaml has a type that the rules don't know.")
