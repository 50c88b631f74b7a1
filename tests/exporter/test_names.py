"""Full names of streams."""

import pytest

from exporter.names import LocationName, StreamName


@pytest.mark.parametrize(
    "text", ["", "streams/a", "projects/p/locations/l/streams/s/objects/o"]
)
def test_only_a_full_name_names_a_stream(text: str) -> None:
    """A full name is read and printed alike; anything else names no stream."""
    name = StreamName("p", "l", "s")

    assert StreamName.parse("projects/p/locations/l/streams/s") == name
    assert str(name) == "projects/p/locations/l/streams/s"
    assert name.location_name == LocationName("p", "l")
    assert StreamName.parse(text) is None
