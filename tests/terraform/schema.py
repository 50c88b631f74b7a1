"""The compact schema of the google provider, as a value and as the provider protocol says it.

``google.yaml`` states it; its head says how it is written.
"""

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
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).with_name("google.yaml")

Type = str | list[Any]
"""A type as ``terraform providers schema -json`` prints it: ``"string"``, ``["map", "string"]``."""

Entry = tuple[str, ...]
"""An argument or block of a schema: where it stands in the file, the type, and its path in it."""

_FLAGS = ("required", "optional", "computed", "sensitive", "write_only", "replace")
_PRIMITIVES = ("string", "number", "bool")
_NESTING = re.compile(r"(list|set|single)(?: (\d+)\.\.(\d*))?(, replace)?")


@dataclass(frozen=True)
class Attribute:
    """An argument, or what can be read only."""

    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    sensitive: bool = False
    write_only: bool = False
    replace: bool = False
    """Whether another value means another resource. No provider's schema tells."""


@dataclass(frozen=True)
class Block:
    """Arguments, and blocks of more arguments."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, Nested] = field(default_factory=dict)

    def paths(self, *around: str) -> Iterator[tuple[tuple[str, ...], Attribute | None]]:
        """Yield the path of each argument, and of each block, for which it yields None."""
        for name, attribute in self.attributes.items():
            yield (*around, name), attribute
        for name, nested in self.blocks.items():
            yield (*around, name), None
            yield from nested.block.paths(*around, name)

    def without(self, paths: set[tuple[str, ...]]) -> Block:
        """Return it without some arguments or blocks."""
        return Block(
            {name: each for name, each in self.attributes.items() if (name,) not in paths},
            {
                name: Nested(
                    each.block.without({path[1:] for path in paths if path[0] == name}),
                    each.nesting,
                    each.least,
                    each.most,
                    each.replace,
                )
                for name, each in self.blocks.items()
                if (name,) not in paths
            },
        )


@dataclass(frozen=True)
class Nested:
    """How a block stands in another."""

    block: Block
    nesting: str
    """``list``, ``set`` or ``single``."""
    least: int = 0
    most: int = 0
    """0 where there is no bound."""
    replace: bool = False


@dataclass(frozen=True)
class Provider:
    """All that a provider offers."""

    config: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]
    ephemeral: Mapping[str, Block]

    def kinds(self) -> Iterator[tuple[str, str, Block]]:
        """Yield of each thing where it stands in the file, its type, and its block."""
        for where in ("resources", "data_sources", "ephemeral"):
            for name, block in getattr(self, where).items():
                yield where, name, block

    def without(self, entries: set[Entry]) -> Provider:
        """Return it without some entries."""
        return Provider(
            self.config,
            **{
                where: {
                    name: block.without({e[2:] for e in entries if e[:2] == (where, name)})
                    for name, block in getattr(self, where).items()
                }
                for where in ("resources", "data_sources", "ephemeral")
            },
        )


@cache
def load(path: Path = FILE) -> Provider:
    """Read a compact schema.

    Raises:
        ValueError: Something in it is not written as its head says.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    kinds = {
        where: {name: parse_block(name, written) for name, written in content[where].items()}
        for where in ("resources", "data_sources", "ephemeral")
    }
    return Provider(parse_block("provider", content["provider"]), **kinds)


def documentation(path: Path = FILE) -> dict[str, str]:
    """Return the documentation page of each thing in a compact schema: ``where type`` to URL."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        f"{where} {name}": written["docs"]
        for where in ("resources", "data_sources", "ephemeral")
        for name, written in content[where].items()
    }


def parse_block(name: str, written: Mapping[str, Any]) -> Block:
    """Read a block as the file writes it; ``name`` is said where it is wrong."""
    attributes, blocks = {}, {}
    for key, value in written.items():
        if key in ("docs", "block"):
            continue
        if isinstance(value, str):
            attributes[key] = parse_attribute(f"{name}.{key}", value)
        else:
            found = _NESTING.fullmatch(value.get("block", ""))
            if not found:
                raise ValueError(
                    f"{name}.{key}: `block: {value.get('block')}` is not list, set or single, "
                    "with bounds as in `list 0..1` where there are any."
                )
            nesting, least, most, replace = found.groups()
            inner = parse_block(f"{name}.{key}", value)
            blocks[key] = Nested(inner, nesting, int(least or 0), int(most or 0), bool(replace))
    return Block(attributes, blocks)


def parse_attribute(name: str, written: str) -> Attribute:
    """Read an argument as the file writes it: ``list(string), optional``."""
    depth = [written[:at].count("(") - written[:at].count(")") for at in range(len(written))]
    cuts = [at for at, letter in enumerate(written) if letter == "," and depth[at] == 0]
    first = cuts[0] if cuts else len(written)
    flags = [flag.strip() for flag in written[first + 1 :].split(",")] if cuts else []
    wrong = [flag for flag in flags if flag not in _FLAGS]
    if wrong or not {"required", "optional", "computed"} & set(flags):
        raise ValueError(
            f"{name}: `{written}` is not a type, then required, optional or computed, then what "
            f"else there is of {', '.join(_FLAGS)}."
        )
    return Attribute(parse_type(name, written[:first].strip()), **dict.fromkeys(flags, True))


def parse_type(name: str, written: str) -> Type:
    """Read a type in Terraform's own writing: ``map(string)``."""
    if written in _PRIMITIVES:
        return written
    found = re.fullmatch(r"(list|set|map)\((.*)\)", written)
    if found:
        return [found[1], parse_type(name, found[2])]
    found = re.fullmatch(r"object\(\{ (.*) \}\)", written)
    if found:
        fields = dict(re.findall(r"(\w+) = (\w+)", found[1]))
        return ["object", {key: parse_type(name, value) for key, value in fields.items()}]
    raise ValueError(f"{name}: `{written}` is no type that this file can state.")


def to_proto(block: Block) -> pb.Schema:
    """Return a block as the provider protocol says it."""
    return pb.Schema(version=0, block=_block(block))


def _block(block: Block) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(each.type).encode(),
                required=each.required,
                optional=each.optional,
                computed=each.computed,
                sensitive=each.sensitive,
                write_only=each.write_only,
            )
            for name, each in sorted(block.attributes.items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block(each.block),
                nesting=each.nesting.upper(),
                min_items=each.least,
                max_items=each.most,
            )
            for name, each in sorted(block.blocks.items())
        ],
    )
