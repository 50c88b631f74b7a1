"""Names projects, locations and streams."""

import re
from typing import NamedTuple, Self

_STREAM = re.compile(
    r"projects/([^/]+)/locations/([^/]+)/streams/([A-Za-z0-9][A-Za-z0-9._~-]*)"
)

# The location of series about a discovery, and about an exporter without a region
GLOBAL = "global"


class ProjectName(NamedTuple):
    """A project whose locations are discovered; prints as ``projects/P``."""

    project: str

    def __str__(self) -> str:
        return f"projects/{self.project}"

    @property
    def location(self) -> str:
        """What stands for the discovery among locations."""
        return GLOBAL


class LocationName(NamedTuple):
    """A location of a project; prints as ``projects/P/locations/L``."""

    project: str
    location: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"

    def stream(self, stream_id: str) -> "StreamName":
        """Return the name of a stream in this location."""
        return StreamName(self.project, self.location, stream_id)


class StreamName(NamedTuple):
    """A stream; prints as ``projects/P/locations/L/streams/S``."""

    project: str
    location: str
    stream: str

    def __str__(self) -> str:
        return f"{self.location_name}/streams/{self.stream}"

    @property
    def location_name(self) -> LocationName:
        """The location that the stream lives in."""
        return LocationName(self.project, self.location)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the stream of a full name, or None if the text is none."""
        found = _STREAM.fullmatch(text)
        return cls(*found.groups()) if found else None


# What can be read, or not
Name = ProjectName | LocationName | StreamName
