"""The part of the google provider's schema that the module uses, from google_schema.yaml."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping

FLAGS = ("required", "optional", "computed", "sensitive", "write_only")

SECTIONS = ("resource_schemas", "data_source_schemas", "ephemeral_resource_schemas")
"""Where a type can stand, in the words of ``terraform providers schema -json``."""

Type = str | list[str]
"""``"string"`` or ``["map", "string"]``, as in ``terraform providers schema -json``."""

_ATTRIBUTE = re.compile(r"(\w+)(?:\((\w+)\))?((?:, \w+)+)")
_NESTED_BLOCK = re.compile(r"(list|set)(?: (\d+)\.\.(\d*))?(, replace)?")


@dataclass(frozen=True)
class Attribute:
    """An argument or a read-only attribute."""

    type: Type
    flags: frozenset[str]


@dataclass(frozen=True)
class Block:
    """Attributes and nested blocks."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock]
    replace: frozenset[str] = field(default=frozenset(), compare=False)
    """Names whose change replaces the resource. No provider's schema has this."""


@dataclass(frozen=True)
class NestedBlock:
    """A block inside another, and how often it may occur."""

    block: Block
    nesting: str
    min_items: int
    max_items: int
    """0 for no maximum."""


@dataclass(frozen=True)
class Schema:
    """All that a provider offers."""

    provider: Block
    sections: Mapping[str, Mapping[str, Block]]
    """Blocks by section and type."""

    def to_proto(self) -> pb.GetProviderSchema.Response:
        """Return the schema as the plugin protocol carries it."""
        sections: dict[str, Any] = {
            section: {
                kind: pb.Schema(block=_block_to_proto(block)) for kind, block in blocks.items()
            }
            for section, blocks in self.sections.items()
        }
        provider = pb.Schema(block=_block_to_proto(self.provider))
        return pb.GetProviderSchema.Response(provider=provider, **sections)


@cache
def google_schema() -> Schema:
    """Read google_schema.yaml.

    Raises:
        ValueError: An entry doesn't have the form that the file's head describes.
    """
    path = Path(__file__).with_name("google_schema.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Schema(
        _parse_block(content["provider"]),
        {
            section: {kind: _parse_block(block) for kind, block in content[section].items()}
            for section in SECTIONS
        },
    )


def _parse_block(content: Mapping[str, Any]) -> Block:
    attributes, blocks, replace = {}, {}, set()
    for name, entry in content.items():
        if name == "block":
            continue
        text = entry if isinstance(entry, str) else entry.get("block", "")
        match = (_ATTRIBUTE if isinstance(entry, str) else _NESTED_BLOCK).fullmatch(text)
        if not match:
            raise ValueError(f"google_schema.yaml: {name}: `{text}` is not a valid entry.")
        if isinstance(entry, str):
            outer, inner, words = match.groups()
            flags = frozenset(words.removeprefix(", ").split(", "))
            attributes[name] = Attribute([outer, inner] if inner else outer, flags - {"replace"})
        else:
            nesting, least, most, _ = match.groups()
            block = _parse_block(entry)
            blocks[name] = NestedBlock(block, nesting, int(least or 0), int(most or 0))
        if text.endswith(", replace"):
            replace.add(name)
    return Block(attributes, blocks, frozenset(replace))


def _attribute_to_proto(name: str, attribute: Attribute) -> pb.Schema.Attribute:
    flags: dict[str, Any] = dict.fromkeys(attribute.flags, True)
    return pb.Schema.Attribute(name=name, type=json.dumps(attribute.type).encode(), **flags)


def _block_to_proto(block: Block) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[_attribute_to_proto(name, each) for name, each in block.attributes.items()],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block_to_proto(each.block),
                nesting=each.nesting.upper(),
                min_items=each.min_items,
                max_items=each.max_items,
            )
            for name, each in block.blocks.items()
        ],
    )
