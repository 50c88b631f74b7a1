"""The part of the providers' schemas that the module uses, from google_schema.yaml."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

from tests.tables import beside

_REPLACED = "string, optional, computed, replace"


class Schema(NamedTuple):
    """The schema of a resource, a data source or an ephemeral resource."""

    block: Any  # its arguments and nested blocks, as the plugin protocol has them
    replace: frozenset[str]  # names whose change replaces the resource


@cache
def google_schema() -> dict[str, dict[str, Schema]]:
    """Return the schemas by section and type; the provider has a section of its own."""
    content = beside(__file__, "google_schema.yaml")
    content["provider"] = {"google": content["provider"]}
    schemas: dict[str, dict[str, Schema]] = {}
    for section, kinds in content.items():
        schemas[section] = {}
        for kind, body in kinds.items():
            if section == "resource_schemas" and kind.startswith("google_"):
                body.setdefault("string, optional, computed", []).append("id")
                if body.pop("project", True):
                    body.setdefault(_REPLACED, []).append("project")
            schemas[section][kind] = Schema(_block(body), _replacing(body))
    return schemas


@cache
def schema_message() -> Any:
    """Return all schemas as the plugin protocol carries them."""
    sections: dict[str, Any] = {
        section: {kind: pb.Schema(block=each.block) for kind, each in kinds.items()}
        for section, kinds in google_schema().items()
    }
    provider = sections.pop("provider")["google"]
    return pb.GetProviderSchema.Response(
        provider=provider,
        # Like the real provider, it is called for destroys too.
        server_capabilities=pb.ServerCapabilities(
            plan_destroy=True, get_provider_schema_optional=True
        ),
        **sections,
    )


def _block(content: Mapping[str, Any]) -> Any:
    block = pb.Schema.Block()
    for key, value in content.items():
        if isinstance(value, list):
            kind, *flags = key.removesuffix(", replace").split(", ")
            words: dict[str, Any] = dict.fromkeys(flags, True)
            written = json.dumps(_type(kind)).encode()
            for name in value:
                block.attributes.add(name=name, type=written, **words)
        elif key != "block":
            nesting, _, bounds = value["block"].removesuffix(", replace").partition(" ")
            least, _, most = bounds.partition("..")
            block.block_types.add(
                type_name=key,
                block=_block(value),
                nesting=nesting.upper(),
                min_items=int(least or 0),
                max_items=int(most or 0),
            )
    return block


def _type(written: str) -> Any:
    """Return a type as the plugin protocol has it: ``["list", "string"]``."""
    outer, _, inner = written.removesuffix(")").partition("(")
    if outer == "object":
        name, _, kind = inner.partition("=")
        return [outer, {name: kind}]
    return [outer, _type(inner)] if inner else outer


def _replacing(content: Mapping[str, Any]) -> frozenset[str]:
    names: list[str] = []
    for key, value in content.items():
        if isinstance(value, list):
            if key.endswith(", replace"):
                names += value
        elif value["block"].endswith(", replace"):
            names.append(key)
    return frozenset(names)
