"""Resource names of streams and locations."""

from __future__ import annotations

import re
from typing import NamedTuple

_STREAM = re.compile(r"projects/([^/]+)/locations/([^/]+)/streams/([^/]+)")


class LocationName(NamedTuple):
    """A location of a project; prints as ``projects/P/locations/L``."""

    project: str
    location: str

    def __str__(self) -> str:
        """Return the API's full name."""
        return f"projects/{self.project}/locations/{self.location}"


class StreamName(NamedTuple):
    """A stream; prints as ``projects/P/locations/L/streams/S``."""

    project: str
    location: str
    stream: str

    def __str__(self) -> str:
        """Return the API's full name."""
        return f"projects/{self.project}/locations/{self.location}/streams/{self.stream}"

    @property
    def location_name(self) -> LocationName:
        """Return the location that the stream lives in."""
        return LocationName(self.project, self.location)

    @classmethod
    def parse(cls, text: str) -> StreamName | None:
        """Return the stream that a full name names, or None where the text is no such name."""
        found = _STREAM.fullmatch(text)
        return cls(*found.groups()) if found else None
