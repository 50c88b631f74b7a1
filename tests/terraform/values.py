"""Terraform's values as the provider protocol carries them: msgpack, with a sign for "unknown".

See https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol and, for the
encoding, https://pkg.go.dev/github.com/zclconf/go-cty/cty/msgpack.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgpack  # type: ignore[import-untyped]
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.terraform.schema import Attribute, Block

_UNKNOWN: Final = 0
"""The extension that says unknown; 12 says what else is known of it, which nothing here needs."""


class Unknown:
    """A value that is known only after an apply."""

    def __repr__(self) -> str:
        """Return what a plan says for it."""
        return "(known after apply)"


UNKNOWN: Final = Unknown()
"""The one there is."""

Object = dict[str, Any]
"""A block's values, by argument and nested block; None where nothing is set."""


def decode(value: pb.DynamicValue) -> Any:
    """Return a value in Python's own types, with :data:`UNKNOWN` in it where it is unknown."""
    return msgpack.unpackb(
        value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False
    )


def encode(value: Any) -> pb.DynamicValue:
    """Return a value as the protocol carries it."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=_unknown))


def from_state(text: bytes) -> Any:
    """Return a value as a state file holds it.

    A number with a fraction stays text: as such the protocol takes it, and it stays as exact as
    Terraform wrote it.
    """
    return json.loads(text, parse_float=str)


def _unknown(value: object) -> msgpack.ExtType:
    if value is UNKNOWN:
        return msgpack.ExtType(_UNKNOWN, b"\x00")
    raise TypeError(f"{value!r} is no value of Terraform's.")


def changed(
    block: Block,
    values: Any,
    change: Callable[[tuple[str, ...], Attribute, Any], Any],
    *path: str,
) -> Any:
    """Return a block's values with each argument's replaced, those of nested blocks too.

    Args:
        block: The schema.
        values: What fits it: a dict, None or unknown; it stays as it is.
        change: Takes an argument's path (its name, after those of the blocks around it), its
            schema and its value, and returns the new value.
        path: The names of the blocks around this one.
    """
    if values is None or values is UNKNOWN:
        return values
    new = {
        name: change((*path, name), attribute, values.get(name))
        for name, attribute in block.attributes.items()
    }
    for name, nested in block.blocks.items():
        inner = values.get(name)
        if isinstance(inner, list):
            new[name] = [changed(nested.block, each, change, *path, name) for each in inner]
        elif inner is None and nested.nesting != "single":
            new[name] = []
        else:
            new[name] = changed(nested.block, inner, change, *path, name)
    return new
