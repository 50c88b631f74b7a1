"""Which source a location belongs to, and which streams a source watches."""

import pytest

from exporter.config import Config, from_text

CONFIG = """
metrics: {project: my-project}
sources:
  - project: listed-project
    locations: [us-east1, us-east4]
    include: [orders-*, Customers]
    exclude: ["*-scratch"]
  - project: listed-project
    locations: [us-west1]
  - project: found-project
required:
  - projects/listed-project/locations/us-west1/streams/a
  - projects/listed-project/locations/asia-east1/streams/orders-a
  - projects/found-project/locations/us-west2/streams/a
  - projects/found-project/locations/us-west2/streams/b
"""


@pytest.fixture(name="config")
def _config() -> Config:
    return from_text(CONFIG, "config.yaml", {})


@pytest.mark.parametrize(
    ("project", "location", "index"),
    [
        ("listed-project", "us-east4", 0),
        ("listed-project", "us-west1", 1),
        ("listed-project", "asia-east1", 0),
        ("found-project", "asia-east1", 2),
        ("no-project", "asia-east1", None),
    ],
)
def test_location_belongs_to_one_source(
    config: Config,
    project: str,
    location: str,
    index: int | None,
) -> None:
    """A location belongs to the source that lists it, else the project's first."""
    expected = None if index is None else config.sources[index]

    assert config.source_of(project, location) is expected


def test_locations_of_required_streams_are_always_read(config: Config) -> None:
    """A required stream's location is read by its source, though nothing lists it."""
    first, second, third = config.sources

    assert config.locations_to_read(first) == ("us-east1", "us-east4", "asia-east1")
    assert config.locations_to_read(second) == ("us-west1",)
    assert config.locations_to_read(third) == ("us-west2",)


@pytest.mark.parametrize(
    ("stream", "watched", "excluded"),
    [
        ("orders-eu", True, False),
        ("orders-eu-scratch", False, True),
        ("customers", False, False),
        ("Customers", True, False),
        ("new-orders-eu", False, False),
        ("new-scratch", False, False),
    ],
)
def test_globs_choose_whole_ids_by_case(
    config: Config,
    stream: str,
    *,
    watched: bool,
    excluded: bool,
) -> None:
    """A glob has to match a whole id; what `include` leaves out isn't excluded."""
    source = config.sources[0]

    assert source.watches(stream) is watched
    assert (source.includes(stream) and source.excludes(stream)) is excluded
