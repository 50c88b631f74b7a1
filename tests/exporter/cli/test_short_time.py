"""A task of a job whose time is too short: it writes what it read, and says what it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import INCOMPLETE, OK

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World

PREFIX = "custom.googleapis.com/datastream/"
TASK = {"CLOUD_RUN_TASK_INDEX": "1", "CLOUD_RUN_TASK_COUNT": "2"}
"""The task that has both locations."""


@pytest.mark.parametrize(
    ("hangs", "code", "up"),
    [
        ("us-east1", OK, {"europe-west1": 1, "us-east1": 0}),
        ("*", INCOMPLETE, {"europe-west1": 0, "us-east1": 0}),
    ],
)
def test_what_is_not_read_in_time_is_unreadable_and_the_rest_is_written(
    command: Command, serve: Serve, shop: World, hangs: str, code: int, up: dict[str, int]
) -> None:
    """Nothing is written about the streams of a location that hangs, and the log names it."""
    shop["faults"] = [{"method": "ListStreams", "location": hangs, "latency": "10m"}]
    cloud, environ = serve(shop)
    ended = command("run", environ={**environ, **TASK, "DATASTREAM_EXPORTER_RUN__DEADLINE": "5s"})
    assert ended.code == code
    assert "us-east1" in ended.err
    assert "timed out" in ended.err
    assert "raise run.deadline" in ended.err
    assert {
        point.resource_labels["location"]: point.value
        for point in cloud.points(PREFIX + "location/up")
    } == up
    clean = {location for location, value in up.items() if value}
    for metric in ("location/last_read", "stream/state", "stream/last_seen"):
        points = cloud.points(PREFIX + metric)
        assert {point.resource_labels["location"] for point in points} == clean


def test_what_is_not_written_in_time_is_lost_and_the_log_says_so(
    command: Command, serve: Serve, shop: World
) -> None:
    """The exit code is 1, and the log says how many points, of which series, and what to do."""
    shop["faults"] = [{"method": "CreateTimeSeries", "latency": "10m"}]
    cloud, environ = serve(shop)
    ended = command("run", environ={**environ, **TASK, "DATASTREAM_EXPORTER_RUN__DEADLINE": "3s"})
    assert ended.code == INCOMPLETE
    assert not cloud.points(PREFIX + "stream/state")
    assert "points lost, among location/up of datastream in shop-prod/europe-west1" in ended.err
    assert "timed out" in ended.err
    assert "raise run.deadline" in ended.err
    assert "; no points written, 22 lost; " in ended.err.splitlines()[-1]
