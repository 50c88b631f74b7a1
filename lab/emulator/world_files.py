"""Reading a world file; every mistake in it is a sentence with its file and line."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from exporter import config
from exporter.inputs import documents
from exporter.text import quote
from lab.emulator.timeline import matches
from lab.emulator.world import World
from lab.emulator.world_events import ConnectionEvent, LocationEvent, PermissionEvent, ProjectEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.emulator.world_events import Event

_Place = tuple[str | int, ...]


def read_world(path: str) -> World:
    """Return the world of a file.

    Raises:
        InputError: All that is wrong with it.
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
        file: What to call it in sentences.

    Raises:
        InputError: All that is wrong with it.
    """
    document = documents.parse(text, file)
    world = document.read(World)
    if world is not None:
        for place, words in world_errors(world):
            document.tell(place, words)
    return document.accepted(world)


def config_environ(world: World, file: str) -> dict[str, str]:
    """Return the variable with the exporter's config that a world brings, if it brings one.

    Args:
        world: The world.
        file: What to call it in sentences.

    Raises:
        InputError: The config is not valid.
    """
    if world.config is None:
        return {}
    config.from_data(world.config, file, {})
    # On one line, so that a shell's export of it is one line as well.
    text = yaml.safe_dump(world.config, default_flow_style=True, width=sys.maxsize)
    return {config.WHOLE: text.rstrip()}


def world_errors(world: World) -> Iterator[tuple[_Place, str]]:
    """Yield what does not go together in a world: where, as a path of keys, and a sentence."""
    yield from _said_twice(world)
    yield from _about_nothing(world)


def _said_twice(world: World) -> Iterator[tuple[_Place, str]]:
    """Yield every id that stands twice where it may stand once."""
    names = (name for each in world.projects for name in (each.id, str(each.number)))
    for name in _repeated(names):
        yield ("projects",), f"{quote(name)} is the id or the number of two projects"
    for at, project in enumerate(world.projects):
        place: _Place = ("projects", at, "locations")
        for id_ in _repeated(each.id for each in project.locations):
            yield place, f"{quote(id_)} stands twice in {project.id}"
        for index, location in enumerate(project.locations):
            streams = (id_ for each in location.streams for id_ in each.ids)
            for id_ in _repeated(streams):
                yield (*place, index, "streams"), f"{quote(id_)} stands twice in {location.id}"
            for id_ in _repeated(each.id for each in location.private_connections):
                yield (
                    (*place, index, "private_connections"),
                    f"{quote(id_)} stands twice in {location.id}",
                )


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _about_nothing(world: World) -> Iterator[tuple[_Place, str]]:
    """Yield every event whose glob matches nothing in the world: a typing error, most likely."""
    projects = [f"projects/{each.id}" for each in world.projects]
    locations = [
        (f"projects/{project.id}/locations/{each.id}", each)
        for project in world.projects
        for each in project.locations
    ]
    streams = [
        f"{at}/streams/{id_}"
        for at, location in locations
        for each in location.streams
        for id_ in each.ids
    ]
    connections = [
        f"{at}/privateConnections/{each.id}"
        for at, location in locations
        for each in location.private_connections
    ]
    names = {
        "project": projects,
        "location": [at for at, _ in locations],
        "stream": streams,
        "private_connection": connections,
    }
    for index, event in enumerate(world.events):
        kind, glob = _target(event)
        if not any(matches(glob, name) for name in names[kind]):
            yield ("events", index, kind), f"{quote(glob)} matches no {kind} of this world"


def _target(event: Event) -> tuple[str, str]:
    """Return what kind of thing an event is about, and its glob."""
    match event:
        case ProjectEvent() | PermissionEvent():
            return "project", event.project
        case LocationEvent():
            return "location", event.location
        case ConnectionEvent():
            return "private_connection", event.private_connection
        case _:
            return "stream", event.stream
