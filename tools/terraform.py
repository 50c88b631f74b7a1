"""Generates the tables of terraform/README.md: inputs, outputs and examples."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

from lab.markdown import table
from tools import ROOT

MODULE = ROOT / "terraform"


def inputs() -> str:
    """Return every input of the module."""
    rows = []
    variables = sorted(blocks("variable").items(), key=_required_first)
    for name, body in variables:
        kind = body["type"].removeprefix("${").removesuffix("}")
        row = (
            f"`{name}`",
            f"`{kind}`",
            _default(body),
            _unescaped(body["description"]),
        )
        rows.append(row)
    heading = ("input", "type", "default", "what it is")
    return table(heading, rows)


def outputs() -> str:
    """Return every output of the module."""
    rows = []
    for name, body in blocks("output").items():
        rows.append((f"`{name}`", _unescaped(body["description"])))
    heading = ("output", "what it is")
    return table(heading, rows)


def examples() -> str:
    """Return every example with the comment that it begins with."""
    rows = []
    for path in sorted(MODULE.glob("examples/*/main.tf")):
        name = path.parent.name
        rows.append((f"[{name}](examples/{name}/main.tf)", _first_comment(path)))
    heading = ("example", "shows")
    return table(heading, rows)


@cache
def blocks(kind: str) -> Mapping[str, Any]:
    """Return the module's blocks of a kind, such as ``variable``, by name."""
    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    texts = [path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf"))]
    # To parse all of them takes seconds.
    text = "\n".join(each for each in texts if f'{kind} "' in each)
    parsed: dict[str, Any] = hcl2.loads(text, serialization_options=options)
    found: dict[str, Any] = {}
    for block in parsed[kind]:
        found |= block
    return found


def _required_first(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, str]:
    name, body = item
    return "default" in body, name


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return "**required**"
    if body["default"] is None:
        return "none"
    return f"`{json.dumps(body['default'])}`"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("$${", "${")


def _first_comment(path: Path) -> str:
    """Return the comment that a file begins with."""
    comment, _, _ = path.read_text("utf-8").partition("\n\n")
    text = comment.removeprefix("#")
    return text.replace("\n#", " ")
