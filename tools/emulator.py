"""Generates the tables of docs/emulator.md: the keys of a world file, and its events."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, get_args

from pydantic import BaseModel

from lab.emulator import world
from lab.markdown import table


def world_keys() -> str:
    """Return the keys of each section of a world file, except those of events."""
    return table(("section", "keys"), _sections(world.World, "the file"))


def world_events() -> str:
    """Return every kind of event in a world file."""
    return table(
        ("`do`", "what happens", "keys"),
        (
            (
                ", ".join(
                    f"`{name}`"
                    for name in get_args(event.model_fields["do"].annotation)
                ),
                str(event.__doc__),
                ", ".join(f"`{key}`" for key in event.model_fields if key != "do"),
            )
            for event in get_args(get_args(world.Event)[0])
        ),
    )


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
            if (
                isinstance(kind, type)
                and issubclass(kind, BaseModel)
                and key != "errors"
            ):
                yield from _sections(kind, f"`{key}`")


def _default(value: Any) -> str:
    """Return a default as a world file writes it; nothing where the key is simply left out."""
    if isinstance(value, IntEnum):
        return f": {value.name}"
    if isinstance(value, bool):
        return f": {str(value).lower()}"
    return f": {value}" if isinstance(value, str | int) and value != "" else ""
