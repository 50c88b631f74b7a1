"""Worlds in short, and what was seen of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.names import LocationName

if TYPE_CHECKING:
    from exporter.google.errors import Failure
    from exporter.measure import Observations

PLENTY = 30.0
"""Seconds that no reading of these worlds comes near, on a busy machine either."""


def project(name: str, locations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a project of a world; a location is its streams, or all that it is."""
    return {
        "id": name,
        "number": sum(name.encode()),
        "locations": [
            {"id": at, **(what if isinstance(what, dict) else {"streams": streams(*what)})}
            for at, what in locations.items()
        ],
        **more,
    }


def streams(*ids: str) -> list[dict[str, Any]]:
    """Return running streams of a world."""
    return [{"id": each} for each in ids]


def failure_of(observations: Observations, project_id: str, location: str) -> Failure:
    """Return why a location was not read."""
    name = LocationName(project_id, location)
    return next(unread.failure for unread in observations.unread if unread.name == name)


def seen(observations: Observations) -> dict[str, list[str]]:
    """Return the ids of the streams that were seen, by ``project/location``."""
    return {
        f"{each.name.project}/{each.name.location}": [stream.id for stream in each.streams]
        for each in observations.read
    }
