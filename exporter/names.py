"""Names projects, locations and streams; tells which task reads a location."""

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

_STREAM = re.compile(r"projects/([^/]+)/locations/([^/]+)/streams/([^/]+)")

# The location of series about a discovery, and about an exporter without a region
GLOBAL = "global"


class ProjectName(NamedTuple):
    """A project whose locations are discovered; prints as ``projects/P``."""

    project: str

    def __str__(self) -> str:
        return f"projects/{self.project}"


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
Name: TypeAlias = ProjectName | LocationName | StreamName


@dataclass(frozen=True)
class Task:
    """One task of a Cloud Run job, which reads its share of all locations."""

    index: int = 0  # this task's number, from 0
    count: int = 1  # how many tasks there are

    def holds(self, name: ProjectName | LocationName) -> bool:
        """Return whether this task has a location, or says how a discovery went.

        Exactly one task does.
        """
        location = name.location if isinstance(name, LocationName) else GLOBAL
        digest = hashlib.sha256(f"{name.project}/{location}".encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.index
