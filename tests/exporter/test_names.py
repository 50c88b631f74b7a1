"""Names of streams, globs that are literal, and which task reads a location."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.names import LocationName, StreamName, Task
from lab.emulator.world import is_literal


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


@pytest.mark.parametrize(
    ("glob", "literal"),
    [
        ("orders", True),
        ("o*", False),
        ("[a]", False),
    ],
)
def test_literal_glob_has_no_wildcard(glob: str, *, literal: bool) -> None:
    """A glob without wildcards matches its own text only."""
    assert is_literal(glob) is literal


@given(
    count=st.integers(1, 20),
    project=st.text(max_size=8),
    location=st.text(max_size=8),
)
def test_each_location_is_held_by_one_task(
    count: int,
    project: str,
    location: str,
) -> None:
    """Exactly one task of a job holds a location; a process that is none holds all."""
    at = LocationName(project, location)

    tasks = [Task(index, count) for index in range(count)]
    assert sum(task.holds(at) for task in tasks) == 1
    assert Task().holds(at)


def test_location_stays_with_its_task() -> None:
    """The hash never changes, so that series keep their task across versions."""
    regions = ("us-east1", "us-west1", "europe-west1", "asia-east1", "global")

    first, second, third = (
        [
            region
            for region in regions
            if Task(index, 3).holds(LocationName("my-project", region))
        ]
        for index in range(3)
    )
    assert first == ["us-east1", "us-west1", "asia-east1", "global"]
    assert (second, third) == ([], ["europe-west1"])
