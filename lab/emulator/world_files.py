"""Reads a world file; every error is a sentence with its file and line."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from exporter import config
from exporter import documents
from exporter.text import quote
from lab.emulator.timeline import matches
from lab.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Place = tuple[str | int, ...]
"""A path of keys and indexes in a document."""


def read_world(path: str) -> World:
    """Return the world of a file.

    Raises:
        InputError: All errors in it.
    """
    return parse_world(documents.read_file(path), path)


def default_world() -> World:
    """Return the world that ships with the package: one company's fleet."""
    shipped = resources.files("lab.emulator") / "worlds" / "default.yaml"
    return parse_world(shipped.read_text(encoding="utf-8"), "default.yaml")


def parse_world(text: str, file: str) -> World:
    """Return the world that a YAML text describes.

    Args:
        text: The whole document.
        file: Its name in error messages.

    Raises:
        InputError: All errors in it.
    """
    document = documents.parse(text, file)
    world = document.read(World)
    if world is not None:
        for place, words in world_errors(world):
            document.add_error(place, words)
    return document.accepted(world)


def config_environ(world: World, file: str) -> dict[str, str]:
    """Return the variable with the exporter's config that a world brings, if it brings one.

    Args:
        world: The world.
        file: Its name in error messages.

    Raises:
        InputError: The config is not valid.
    """
    if world.config is None:
        return {}
    config.from_data(world.config, file, {})
    # On one line, so that a shell's export of it is one line as well.
    text = yaml.safe_dump(world.config, default_flow_style=True, width=sys.maxsize)
    return {config.WHOLE: text.rstrip()}


def world_errors(world: World) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between the parts of a world: the path of keys, and a sentence."""
    yield from _duplicates(world)
    names = world.resource_names()
    for index, event in enumerate(world.events):
        kind = next(kind for kind in names if kind in type(event).model_fields)
        glob = getattr(event, kind)
        # Most likely a typing error.
        if not any(matches(glob, name) for name in names[kind]):
            yield ("events", index, kind), f"{quote(glob)} matches no {kind} of this world"


def _duplicates(world: World) -> Iterator[tuple[Place, str]]:
    """Yield every id that stands twice where it may stand once."""
    names = (name for each in world.projects for name in (each.id, str(each.number)))
    for name in _repeated(names):
        yield ("projects",), f"{quote(name)} is the id or the number of two projects"
    for at, project in enumerate(world.projects):
        place: Place = ("projects", at, "locations")
        for id_ in _repeated(each.id for each in project.locations):
            yield place, f"{quote(id_)} stands twice in {project.id}"
        for index, location in enumerate(project.locations):
            ids = {
                "streams": [id_ for each in location.streams for id_ in each.ids],
                "private_connections": [each.id for each in location.private_connections],
            }
            for key, named in ids.items():
                for id_ in _repeated(named):
                    yield (*place, index, key), f"{quote(id_)} stands twice in {location.id}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
