"""The compact schema: how it is read, and that it is the provider's own as far as it goes."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform import schema
from tests.terraform.answers import Diagnostic, RefusedError
from tests.terraform.comparing import differences, unused
from tests.terraform.core import GOOGLE
from tests.terraform.modules import CHANNELS, EXAMPLES, GIVEN, MODULE, TOKEN
from tests.terraform.schema import Attribute, Block, Nested, Provider
from tests.terraform.standin import SOURCE, StandIn
from tests.terraform.world import World

if TYPE_CHECKING:
    from tests.terraform.conftest import Terraform

_BOX = Block(
    {
        "size": Attribute("number", required=True),
        "tags": Attribute(["set", "string"], optional=True, computed=True),
        "token": Attribute("string", optional=True, write_only=True),
    },
    {
        "lid": Nested(Block({"color": Attribute("string", optional=True)}), "list", 1, 1),
        "feet": Nested(Block({"height": Attribute("number", optional=True)}), "set"),
    },
)
_COMPACT = Provider(Block(), {"google_box": _BOX}, {}, {})
_WHOLE: dict[str, Any] = {
    "provider": {"block": {"attributes": {"zone": {"type": "string", "optional": True}}}},
    "data_source_schemas": {},
    "ephemeral_resource_schemas": {},
    "resource_schemas": {
        "google_box": {
            "block": {
                "attributes": {
                    "size": {"type": "number", "required": True},
                    "tags": {"type": ["set", "string"], "optional": True, "computed": True},
                    "token": {"type": "string", "optional": True, "write_only": True},
                    "description": {"type": "string", "optional": True},
                },
                "block_types": {
                    "lid": {
                        "nesting_mode": "list",
                        "min_items": 1,
                        "max_items": 1,
                        "block": {"attributes": {"color": {"type": "string", "optional": True}}},
                    },
                    "feet": {
                        "nesting_mode": "set",
                        "block": {"attributes": {"height": {"type": "number", "optional": True}}},
                    },
                },
            }
        }
    },
}
_AT = "resources google_box"
_USES_BOXES = """
resource "google_box" "one" {
  size = 1
  dynamic "lid" {
    for_each = ["red"]
    content { color = lid.value }
  }
}
output "tags" { value = [for tag in google_box.one.tags : upper(tag)] }
"""


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("size", None, "{}.size: the provider has no such argument."),
        ("size type", "string", "{}.size: it is number here, and string in the provider."),
        (
            "tags type",
            ["list", "string"],
            "{}.tags: it is set(string) here, and list(string) in the provider.",
        ),
        ("tags computed", None, "{}.tags: it is computed here, and not in the provider."),
        ("token sensitive", True, "{}.token: it is sensitive in the provider, and not here."),
        ("token write_only", None, "{}.token: it is write_only here, and not in the provider."),
        (
            "lid block attributes color required",
            True,
            "{}.lid.color: it is required in the provider, and not here.",
        ),
        ("lid nesting_mode", "set", "{}.lid: it is a list here, and a set in the provider."),
        ("lid max_items", 3, "{}.lid: it stands 1..1 times here, and 1..3 in the provider."),
        ("feet", None, "{}.feet: the provider has no such block."),
        (
            "owner",
            {"type": "string", "required": True},
            "{}.owner: the provider requires it, and it is missing here.",
        ),
        (
            "handle",
            {"nesting_mode": "list", "min_items": 1, "block": {}},
            "{}.handle: the provider requires this block, and it is missing here.",
        ),
    ],
)
def test_each_difference_is_a_sentence(place: str, value: Any, sentence: str) -> None:
    """What the provider says otherwise is told with the place and both sides."""
    whole = copy.deepcopy(_WHOLE)
    block = whole["resource_schemas"]["google_box"]["block"]
    name, *inner = place.split()
    a_block = name in block["block_types"] or name == "handle"
    at: dict[str, Any] = block["block_types" if a_block else "attributes"]
    for step in [name, *inner][:-1]:
        at = at[step]
    at.pop([name, *inner][-1], None)
    if value is not None:
        at[[name, *inner][-1]] = value

    assert differences(_COMPACT, _WHOLE) == []
    assert differences(_COMPACT, whole) == [sentence.format(_AT)]


def test_a_type_that_the_provider_lacks_is_told() -> None:
    """A resource that the provider does not have is one sentence."""
    whole = {**_WHOLE, "resource_schemas": {}}

    assert differences(_COMPACT, whole) == [f"{_AT}: the provider has none of that type."]


def test_an_argument_that_is_a_block_there_is_told() -> None:
    """A block is not taken for an argument, nor an argument for a block."""
    lid, size = Nested(Block(), "list"), Attribute("number", required=True)
    box = Block({**_BOX.attributes, "lid": Attribute("string", optional=True)}, {"feet": lid})
    compact = Provider(Block(), {"google_box": box}, {}, {})
    swapped = Provider(
        Block(), {"google_box": Block({}, {"size": Nested(Block(), "list")})}, {}, {}
    )

    assert f"{_AT}.lid: the provider has a block of that name." in differences(compact, _WHOLE)
    assert f"{_AT}.size: the provider has an argument of that name." in differences(swapped, _WHOLE)
    assert size == _BOX.attributes["size"]


def test_a_schema_without_descriptions_is_not_asked_for_them() -> None:
    """A schema that lost all that is called description cannot tell of such arguments."""
    described = Block({**_BOX.attributes, "description": Attribute("string", optional=True)})
    compact = Provider(Block(), {"google_box": Block(described.attributes, _BOX.blocks)}, {}, {})
    whole = copy.deepcopy(_WHOLE)
    del whole["resource_schemas"]["google_box"]["block"]["attributes"]["description"]

    assert differences(compact, whole) == []


def test_the_compact_schema_is_the_providers(terraform: Terraform) -> None:
    """The file says what the provider says: the one that runs, and the one at hand, if there is.

    ``GOOGLE_PROVIDER_SCHEMA`` names a file that ``terraform providers schema -json`` has printed.
    """
    root = terraform(files={"main.tf": GOOGLE})
    printed = [root.run("providers", "schema", "-json")]
    at_hand = os.environ.get("GOOGLE_PROVIDER_SCHEMA")
    if at_hand:
        printed.append(Path(at_hand).read_text(encoding="utf-8"))

    for text in printed:
        assert differences(schema.load(), json.loads(text)["provider_schemas"][SOURCE]) == []


def test_entries_that_nothing_uses_are_found(terraform: Terraform, standin: StandIn) -> None:
    """What is set, in a dynamic block too, or read, in an expression, is used; the rest is not."""
    standin.offered = _COMPACT
    root = terraform(files={"main.tf": GOOGLE + _USES_BOXES})

    def check(offered: Provider) -> list[Diagnostic]:
        standin.offered = offered
        try:
            root.plan()
        except RefusedError as refused:
            return refused.errors
        return []

    assert unused(_COMPACT, check) == {
        ("resources", "google_box", "feet", "height"),
        ("resources", "google_box", "token"),
    }


def test_the_compact_schema_holds_nothing_that_is_not_used(
    terraform: Terraform, standin: StandIn
) -> None:
    """Module and examples use every entry; that they use no other is what every plan proves."""
    standin.world = World(channels=list(CHANNELS))
    module = terraform(MODULE)
    examples = [terraform(each) for each in EXAMPLES]
    everything = {
        **GIVEN,
        "notification_channels": {"CRITICAL": [CHANNELS[0].display_name]},
        "slack_channel": {"channel_name": "#alerts"},
        "slack_token": TOKEN,
    }

    def said(offered: Provider) -> list[Diagnostic]:
        standin.offered = offered
        try:
            module.validate()
            # What is read through an iterator is missed at a plan only.
            module.plan(**everything)
            for root in examples:
                root.validate()
        except RefusedError as refused:
            return refused.errors
        return []

    assert unused(schema.load(), said) == set()


def test_each_type_names_its_page() -> None:
    """Each type's documentation is the provider's page of it."""
    base = "https://registry.terraform.io/providers/hashicorp/google/latest/docs"
    folders = {
        "resources": "resources",
        "data_sources": "data-sources",
        "ephemeral": "ephemeral-resources",
    }

    for thing, page in schema.documentation().items():
        where, kind = thing.split()
        stem = kind.removeprefix("google_").removesuffix("_member")
        assert page.startswith(f"{base}/{folders[where]}/")
        assert page.endswith(stem)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"size": "number"}, "is not a type, then required, optional or computed"),
        ({"size": "number, needed"}, "is not a type, then required, optional or computed"),
        ({"size": "integer, required"}, "`integer` is no type that this file can state"),
        ({"lid": {"block": "pair"}}, "`block: pair` is not list, set or single"),
        ({"lid": {"size": "number, required"}}, "`block: None` is not list, set or single"),
    ],
)
def test_a_mistake_in_the_file_is_a_sentence(written: dict[str, Any], sentence: str) -> None:
    """What is not written as the file's head says is refused with its place."""
    with pytest.raises(ValueError, match=sentence) as raised:
        schema.parse_block("google_box", written)

    assert str(raised.value).startswith("google_box.")
