"""Generates the tables of docs/emulator.md: a world file's keys, faults and events."""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, get_args

from pydantic import BaseModel

from lab.emulator import world
from lab.markdown import table


def world_keys() -> str:
    """Return the keys of each section of a world file, except those of events."""
    return table(("section", "keys"), _sections(world.World, "the file"))


def world_faults() -> str:
    """Return every key of a fault, and what it means."""
    fields = world.Fault.model_fields.items()
    rows = ((f"`{each.alias or key}`", str(each.description)) for key, each in fields)
    return table(("key", "meaning"), rows)


def world_events() -> str:
    """Return every kind of event in a world file."""
    rows = []
    for event in get_args(get_args(world.Event)[0]):
        names = get_args(event.model_fields["do"].annotation)
        keys = [key for key in event.model_fields if key != "do"]
        rows.append((_listed(names), str(event.__doc__), _listed(keys)))
    return table(("`do`", "what happens", "keys"), rows)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _sections(model: type[BaseModel], title: str) -> Iterator[tuple[str, str]]:
    """Yield a row for a section of a world, and one for each section below it."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    keys = [
        f"**`{key}`**" if field.is_required() else f"`{key}{_default(field.default)}`"
        for key, field in fields.items()
    ]
    yield title, ", ".join(keys)
    for key, field in fields.items():
        for kind in get_args(field.annotation):
            if key == "errors" or not isinstance(kind, type):
                continue
            if issubclass(kind, BaseModel):
                yield from _sections(kind, f"`{key}`")


def _default(value: Any) -> str:
    """Return a default as a world file writes it; nothing if the key has none."""
    if isinstance(value, IntEnum):
        return f": {value.name}"
    if isinstance(value, bool):
        return f": {str(value).lower()}"
    return f": {value}" if isinstance(value, str | int) and value != "" else ""
