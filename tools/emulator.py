"""Generates the tables of docs/lab.md about worlds: their keys and events."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel

from lab.emulator import world
from lab.markdown import table


def world_keys() -> str:
    """Return the keys of each section of a world file, except those of events."""
    return table(("section", "keys"), _sections(world.World, "the file"))


def world_events() -> str:
    """Return every kind of event in a world file."""
    rows = []
    for event in get_args(get_args(world.Event)[0]):
        names = get_args(event.model_fields["do"].annotation)
        keys = [key for key in event.model_fields if key != "do"]
        row = (listed(names), str(event.__doc__), listed(keys))
        rows.append(row)
    heading = ("`do`", "what happens", "keys")
    return table(heading, rows)


def listed(names: Iterable[str]) -> str:
    """Return names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def _sections(model: type[BaseModel], title: str) -> Iterator[tuple[str, str]]:
    """Yield a row for a section of a world, and one for each section below it."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    keys = []
    for key, field in fields.items():
        if field.is_required():
            keys.append(f"**`{key}`**")
        else:
            keys.append(f"`{key}{_default(field.default)}`")
    yield title, ", ".join(keys)
    for key, field in fields.items():
        for kind in get_args(field.annotation):
            if key == "errors" or not isinstance(kind, type):
                continue
            if issubclass(kind, BaseModel):
                yield from _sections(kind, f"`{key}`")


def _default(value: Any) -> str:
    """Return a default as a world file writes it; nothing if the key has none."""
    if isinstance(value, bool):
        return f": {str(value).lower()}"
    if value == "" or not isinstance(value, str | int):
        return ""
    # States are shown by name.
    return f": {getattr(value, 'name', value)}"
