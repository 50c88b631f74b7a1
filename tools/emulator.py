"""Generates the table of docs/lab.md about the events of worlds."""

from collections.abc import Iterable
from typing import get_args

from lab.emulator import world
from lab.markdown import table


def world_events() -> str:
    """Return every kind of event in a world file."""
    rows = []
    for event in get_args(get_args(world.Event)[0]):
        names = get_args(event.model_fields["do"].annotation)
        row = (listed(names), str(event.__doc__))
        rows.append(row)
    heading = ("`do`", "what happens")
    return table(heading, rows)


def listed(names: Iterable[str]) -> str:
    """Return names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)
