"""The rules by which Terraform checks config.yaml at plan, made from its JSON Schema.

Terraform can't read a JSON Schema. ``terraform/config_rules.json`` has the same rules by path, in
the form that ``terraform/mistakes.tftpl`` takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.config_reference import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SAME = ("minItems", "pattern", "enum", "minimum", "maximum")
"""Keywords of a rule that mean what they mean in JSON Schema."""

Rule = dict[str, Any]


def rules() -> dict[str, Rule]:
    """Return a rule for each path of config.yaml.

    Raises:
        ValueError: The schema has something that the rules can't express.
    """
    schema = json_schema()
    return dict(_rules("", schema, schema["$defs"]))


def _rules(
    path: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Iterator[tuple[str, Rule]]:
    schema = _resolved(path, schema, definitions)
    kind = schema.get("type", "string" if "enum" in schema else None)
    properties = schema.get("properties", {})
    rule = {key: schema[key] for key in _SAME if key in schema}
    if kind == "object":
        rule |= {"keys": list(properties), "required": schema.get("required", [])}
    elif kind == "integer":
        kind, rule["multipleOf"] = "number", 1
    yield path, {"types": [kind], "what": _what(path, schema), **rule}
    for key, value in properties.items():
        yield from _rules(f"{path}.{key}", value, definitions)
    if "items" in schema:
        yield from _rules(f"{path}[]", schema["items"], definitions)


def _resolved(
    path: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a schema without a reference and without null, which counts as absent."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if len(kinds) != 1:
        raise ValueError(f"{path} in the schema of config.yaml may have several types.")
    reference = kinds[0].get("$ref", "").removeprefix("#/$defs/")
    resolved: Mapping[str, Any] = definitions[reference] if reference else kinds[0]
    return resolved


def _what(path: str, schema: Mapping[str, Any]) -> str:
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
    raise ValueError(f"{path} in the schema of config.yaml has an unknown type.")
