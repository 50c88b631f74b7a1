"""Terraform's values as the plugin protocol carries them: msgpack with a marker for "unknown".

See https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol and, for the
encoding, https://pkg.go.dev/github.com/zclconf/go-cty/cty/msgpack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgpack  # type: ignore[import-untyped]
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.terraform.provider_schema import Attribute, Block

Object = dict[str, Any]
"""A block's values by argument and nested block; None for what isn't set."""


class Unknown:
    """A value that is known after apply."""


UNKNOWN: Final = Unknown()


def decode(value: pb.DynamicValue) -> Any:
    """Return a value as Python types, with ``UNKNOWN`` for unknown parts."""
    return msgpack.unpackb(
        value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False
    )


def encode(value: Any) -> pb.DynamicValue:
    """Return a value as the protocol carries it."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=_extension))


def _extension(value: object) -> msgpack.ExtType:
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\x00")
    raise TypeError(f"{value!r} is not a Terraform value.")


def map_attributes(
    block: Block, values: Any, change: Callable[[str, Attribute, Any], Any], *path: str
) -> Any:
    """Return a block's values with ``change`` applied to every attribute, nested ones included.

    Args:
        block: The schema.
        values: The values, None, or unknown; they aren't modified.
        change: Takes an attribute's dotted path, its schema and its value, and returns the new one.
        path: The names of the enclosing blocks.
    """
    if values is None or values is UNKNOWN:
        return values
    new = {
        name: change(".".join((*path, name)), attribute, values.get(name))
        for name, attribute in block.attributes.items()
    }
    for name, nested in block.blocks.items():
        inner = values.get(name)
        new[name] = (
            inner
            if inner is UNKNOWN
            else [map_attributes(nested.block, each, change, *path, name) for each in inner or []]
        )
    return new
