"""The generated parts of docs/emulator.md."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from google.cloud.datastream_v1 import BackfillJob, PrivateConnection
from pydantic import BaseModel

from exporter.states import StreamState
from lab.emulator import world
from lab.emulator.world_events import Event
from lab.emulator.world_values import Outage, PartialWriteFormat
from lab.markdown import table
from tools.reference import default

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = {
    "str": "text",
    "int": "whole number",
    "bool": "true or false",
    "Seconds": "duration",
    "AwareDatetime": "time with a time zone",
    "Code": "gRPC status code",
    "State": "state, by name or number",
    "BackfillState": "backfill state, by name or number",
    "ConnectionState": "connection state, by name or number",
    "Permission": "permission",
    "Outage": " or ".join(get_args(Outage)),
    "PartialWriteFormat": " or ".join(get_args(PartialWriteFormat)),
    "Event": "event",
    "dict[str, str]": "mapping of text",
    "dict[str, int]": "mapping of whole numbers",
    "dict[str, Any]": "config.yaml",
}
"""The types of a world's fields in words, by their names in the code."""

_STATES = {
    "State": StreamState,
    "BackfillState": BackfillJob.State,
    "ConnectionState": PrivateConnection.State,
}


def world_keys() -> str:
    """Return every key of a world file except those of events."""
    return table(("key", "type", "default"), _keys(world.World, ""))


def world_events() -> str:
    """Return every kind of event in a world file."""
    return table(
        ("`do`", "what happens", "keys"),
        (
            (
                ", ".join(f"`{name}`" for name in get_args(event.model_fields["do"].annotation)),
                str(event.__doc__),
                ", ".join(f"`{key}`" for key in event.model_fields if key != "do"),
            )
            for event in get_args(get_args(Event)[0])
        ),
    )


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each key of a section of a world, and for the keys below it."""
    spelled = {
        name: kind
        for base in reversed(model.__mro__)
        for name, kind in getattr(base, "__annotations__", {}).items()
    }
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        kind = spelled[name].removesuffix(" | None")
        items = re.fullmatch(r"(?:tuple|frozenset)\[(\w+)(?:, \.\.\.)?\]", kind)
        kind = items[1] if items else kind
        below = getattr(world, kind, None)
        section = below if isinstance(below, type) and issubclass(below, BaseModel) else None
        if section:
            holds = "section"
        elif kind.startswith("Literal"):
            holds = " or ".join(get_args(field.annotation))
        else:
            holds = _TYPES[kind]
        value = "required" if field.is_required() else _written(kind, field.default)
        yield f"`{key}`", f"list: {holds}" if items else holds, default(value)
        if section:
            yield from _keys(section, f"{key}{'[]' if items else ''}.")


def _written(kind: str, value: Any) -> str:
    """Return a default as it is written in a world file."""
    if kind in _STATES:
        return str(_STATES[kind](value).name)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | bool | int | float) and value != "":
        return value if isinstance(value, str) else json.dumps(value)
    return "none"
