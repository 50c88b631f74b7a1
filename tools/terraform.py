"""Generates the tables of terraform/README.md: inputs, outputs and examples."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import yaml

from lab.markdown import table

MODULE = Path(__file__).parent.parent / "terraform"
# What the inputs of type ``any`` must be
INPUT_RULES = yaml.safe_load((MODULE / "input_rules.yaml").read_text("utf-8"))
_FIRST_COMMENT = re.compile(r"\A(?:#.*\n)+")


def inputs() -> str:
    """Return every input of the module."""
    return table(
        ("input", "type", "default", "what it is"),
        (
            (
                f"`{name}`",
                _object_type(name) if name in INPUT_RULES else f"`{_plain(body['type'])}`",
                _default(body),
                _unescaped(body["description"]),
            )
            for name, body in sorted(blocks("variable").items())
        ),
    )


def outputs() -> str:
    """Return every output of the module."""
    return table(
        ("output", "what it is"),
        ((f"`{name}`", _unescaped(body["description"])) for name, body in blocks("output").items()),
    )


def examples() -> str:
    """Return every example with the comment that it begins with."""
    paths = sorted(MODULE.glob("examples/*/main.tf"))
    return table(
        ("example", "shows"),
        (
            (f"[{path.parent.name}](examples/{path.parent.name}/main.tf)", _first_comment(path))
            for path in paths
        ),
    )


@cache
def blocks(kind: str) -> Mapping[str, Any]:
    """Return the module's blocks of a kind with one label, such as ``variable``, by name."""
    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    files = sorted(MODULE.glob("*.tf"))
    text = "\n".join(path.read_text("utf-8") for path in files)
    parsed: dict[str, Any] = hcl2.loads(text, serialization_options=options)
    return {name: body for block in parsed[kind] for name, body in block.items()}


def _object_type(name: str) -> str:
    """Return the type of an input that is declared as ``any``: its keys, by the rules for it."""
    rules = INPUT_RULES[name]
    path = ".*" if ".*" in rules else ""
    required = rules[path].get("required", ())
    keys = ", ".join(
        f"`{key}`{' (required)' if key in required else ''}{_written_default(rules, path, key)}"
        for key in rules[path]["keys"]
    )
    return f"map of objects: {keys}" if path else f"object: {keys}"


def _written_default(rules: Mapping[str, Any], path: str, key: str) -> str:
    rule = rules[f"{path}.{key}"]
    return f" (`{json.dumps(rule['default'])}`)" if "default" in rule else ""


def _plain(text: str) -> str:
    return text.removeprefix("${").removesuffix("}")


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return "**required**"
    return "none" if body["default"] is None else f"`{json.dumps(body['default'])}`"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"')


def _first_comment(path: Path) -> str:
    """Return the comment that a file begins with, on one line.

    Raises:
        ValueError: It doesn't begin with a comment.
    """
    found = _FIRST_COMMENT.match(path.read_text("utf-8"))
    if not found:
        raise ValueError(f"{path} does not begin with a comment; say there what the example shows.")
    return " ".join(line.removeprefix("#").strip() for line in found[0].splitlines())
