"""google_schema.yaml equals the providers' own schemas, and has only what the module uses."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform.fake_provider import SOURCES
from tests.terraform.module_inputs import MODULE
from tests.terraform.provider_schema import FLAGS, Attribute, Block, NestedBlock, google_schema
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.conftest import CopyModule

Json = dict[str, Any]

_BLOCKS = {
    (section, kind): block
    for section, blocks in google_schema().sections.items()
    for kind, block in blocks.items()
}


def test_the_file_equals_the_providers_own_schema(terraform: CopyModule) -> None:
    """What the file has, the provider has; what the provider requires, the file has.

    It is compared with the provider in use, and with the output of ``terraform providers schema
    -json`` in the file that ``GOOGLE_PROVIDER_SCHEMA`` names.
    """
    printed = [terraform(MODULE).run("providers", "schema", "-json")]
    if path := os.environ.get("GOOGLE_PROVIDER_SCHEMA"):
        printed.append(Path(path).read_text(encoding="utf-8"))
    for text in printed:
        whole = json.loads(text)["provider_schemas"]
        ours = google_schema().provider
        assert _reduced(whole[SOURCES["google"]]["provider"]["block"], ours) == ours
        for (section, kind), block in _BLOCKS.items():
            schema = whole[SOURCES[kind.split("_")[0]]][section]
            assert _reduced(schema[kind]["block"], block) == block, kind


def _reduced(whole: Json, ours: Block) -> Block:
    """Return the provider's own block, reduced to what it requires and what ours has."""
    attributes = {
        name: Attribute(each["type"], frozenset(flag for flag in FLAGS if each.get(flag)))
        for name, each in whole.get("attributes", {}).items()
        if name in ours.attributes or each.get("required")
    }
    empty = NestedBlock(Block({}, {}), "", 0, 0)
    blocks = {
        name: NestedBlock(
            _reduced(each["block"], ours.blocks.get(name, empty).block),
            each["nesting_mode"],
            each.get("min_items", 0),
            each.get("max_items", 0),
        )
        for name, each in whole.get("block_types", {}).items()
        if name in ours.blocks or each.get("min_items")
    }
    return Block(attributes, blocks)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"size": {"type": "string", "required": True}}, False),
        ({"size": {"type": "number", "optional": True}}, False),
        ({"size": None}, False),
        ({"color": {"type": "string", "optional": True}}, True),
        ({"color": {"type": "string", "required": True}}, False),
        ({"lid": {"nesting_mode": "set", "max_items": 1, "block": {}}}, False),
        ({"lid": {"nesting_mode": "list", "max_items": 3, "block": {}}}, False),
        ({"feet": {"nesting_mode": "list", "min_items": 1, "block": {}}}, False),
    ],
)
def test_a_difference_is_found(change: Json, *, same: bool) -> None:
    """A wrong type, flag, nesting or bound, and a missing or required entry, are differences."""
    ours = Block(
        {"size": Attribute("number", frozenset({"required"}))},
        {"lid": NestedBlock(Block({}, {}), "list", 0, 1)},
    )
    entries = {
        "size": {"type": "number", "required": True},
        "lid": {"nesting_mode": "list", "max_items": 1, "block": {}},
        **change,
    }
    whole: Json = {
        "attributes": {name: each for name, each in entries.items() if each and "type" in each},
        "block_types": {name: each for name, each in entries.items() if each and "block" in each},
    }
    assert (_reduced(whole, ours) == ours) is same


@pytest.mark.parametrize(("section", "kind"), _BLOCKS)
def test_the_module_uses_every_entry(section: str, kind: str) -> None:
    """Each attribute and block is set in a block of its type, or read somewhere in the module."""
    texts = [path.read_text("utf-8") for path in (REPOSITORY / MODULE).rglob("*.tf")]
    where = {"data_source_schemas": "data", "ephemeral_resource_schemas": "ephemeral"}
    own = rf'^{where.get(section, "resource")} "{kind}" .*?^}}$'
    blocks = re.findall(own, "\n".join(texts), re.DOTALL | re.MULTILINE)
    for name in _names(_BLOCKS[section, kind]):
        is_set = re.search(
            rf'^ *(?:{name} +=|{name} {{|dynamic "{name}" {{)', "\n".join(blocks), re.MULTILINE
        )
        assert is_set or re.search(rf"\.{name}\b", "".join(texts)), name


def _names(block: Block) -> Iterator[str]:
    yield from block.attributes
    for name, nested in block.blocks.items():
        yield name
        yield from _names(nested.block)
