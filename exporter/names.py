"""Names streams and locations, and tells which task reads a location."""

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple, Self

_STREAM = re.compile(r"projects/([^/]+)/locations/([^/]+)/streams/([^/]+)")


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


@dataclass(frozen=True)
class Task:
    """One task of a Cloud Run job, which reads its share of all locations."""

    index: int = 0  # this task's number, from 0
    count: int = 1  # how many tasks there are

    def holds(self, at: LocationName) -> bool:
        """Return whether this task has the location; exactly one task does."""
        digest = hashlib.sha256(f"{at.project}/{at.location}".encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.index
