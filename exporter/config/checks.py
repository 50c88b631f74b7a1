"""Checks across the sections of config.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from exporter.config import locations
from exporter.inputs import globs
from exporter.inputs.spelling import nearest
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config.model import Config

KeyMessage: TypeAlias = "tuple[tuple[str | int, ...], str]"
"""The path of keys, and a sentence about the value there."""


def errors(config: Config) -> Iterator[KeyMessage]:
    """Yield contradictions among the sources and the required streams."""
    yield from _overlaps(config)
    yield from _required(config)


def warnings(config: Config) -> Iterator[KeyMessage]:
    """Yield what may be right but deserves a second look."""
    for index, source in enumerate(config.sources):
        for place, location in enumerate(source.locations or ()):
            if not locations.is_known(location):
                yield ("sources", index, "locations", place), _unknown(location)
    for index, name in enumerate(config.required):
        if not locations.is_known(name.location):
            yield ("required", index), _unknown(name.location)
    projects = {source.project for source in config.sources}
    for index, expectation in enumerate(config.expectations):
        if not globs.can_match_a_stream(expectation.match, projects):
            yield (
                ("expectations", index, "match"),
                f"{quote(expectation.match)} matches no stream of any project under sources",
            )


def _unknown(location: str) -> str:
    return (
        f"{quote(location)} is not a location that this version knows; unless it is new, it is "
        "misspelled and cannot be read"
    )


def _overlaps(config: Config) -> Iterator[KeyMessage]:
    first: dict[str, int] = {}
    # By project and location; None is every location of a project whose locations are discovered.
    covered: dict[tuple[str, str | None], int] = {}
    for index, source in enumerate(config.sources):
        project = source.project
        if source.locations is None and project in first:
            problem = (
                f"discovers every location of {project}, which sources[{first[project]}] covers "
                "already; join the two, or list locations in both"
            )
            yield ("sources", index), problem
        for place, location in enumerate(source.locations or (None,)):
            other = covered.get((project, None), covered.get((project, location)))
            if location and other is not None:
                problem = (
                    f"{location} of {project} is covered by sources[{other}] already; remove it "
                    "here or there, and join their globs"
                )
                yield ("sources", index, "locations", place), problem
            covered.setdefault((project, location), index)
        first.setdefault(project, index)


def _required(config: Config) -> Iterator[KeyMessage]:
    projects = {source.project for source in config.sources}
    written: dict[object, int] = {}
    for index, name in enumerate(config.required):
        source, problem = config.source_of(name.project, name.location), None
        if name in written:
            problem = f"{quote(str(name))} is required[{written[name]}] already; remove one of them"
        elif source is None:
            guess = nearest(name.project, projects)
            fix = f"did you mean {guess}?" if guess else "add it under sources"
            problem = f"no source covers project {quote(name.project)}; {fix}"
        elif not source.wants(name.stream):
            problem = (
                f"the source of {name.project} leaves {quote(name.stream)} out; fix its include or "
                "exclude, or remove the stream from required"
            )
        if problem:
            yield ("required", index), problem
        written.setdefault(name, index)
