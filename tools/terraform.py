"""Generates the tables of terraform/README.md: inputs, outputs and examples."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

from lab.markdown import table

MODULE = Path(__file__).parent.parent / "terraform"


def inputs() -> str:
    """Return every input of the module."""
    return table(
        ("input", "type", "default", "what it is"),
        (
            (
                f"`{name}`",
                f"`{_plain(body['type'])}`",
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
        (
            (f"`{name}`", _unescaped(body["description"]))
            for name, body in blocks("output").items()
        ),
    )


def examples() -> str:
    """Return every example with the comment that it begins with."""
    rows = []
    for path in sorted(MODULE.glob("examples/*/main.tf")):
        name = path.parent.name
        rows.append((f"[{name}](examples/{name}/main.tf)", _first_comment(path)))
    return table(("example", "shows"), rows)


@cache
def blocks(kind: str) -> Mapping[str, Any]:
    """Return the module's blocks of a kind, such as ``variable``, by name."""
    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    files = sorted(MODULE.glob("*.tf"))
    text = "\n".join(path.read_text("utf-8") for path in files)
    parsed: dict[str, Any] = hcl2.loads(text, serialization_options=options)
    return {name: body for block in parsed[kind] for name, body in block.items()}


def _plain(text: str) -> str:
    return text.removeprefix("${").removesuffix("}")


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return "**required**"
    return "none" if body["default"] is None else f"`{json.dumps(body['default'])}`"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"')


def _first_comment(path: Path) -> str:
    """Return the comment that a file begins with."""
    comment, _, _ = path.read_text("utf-8").partition("\n\n")
    return comment.removeprefix("#").replace("\n#", " ")
