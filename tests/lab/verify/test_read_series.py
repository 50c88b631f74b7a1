"""Series as PromQL sees them, read from a real server."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from exporter.config import Endpoints
from exporter.google.clients import Clients
from exporter.names import StreamName
from lab.emulator.world import Fault
from lab.simulate.series import Series
from lab.verify import series as reading
from lab.verify.rest import Rest
from lab.verify.target import Target
from tests.lab.verify.conftest import Installation, store
from tests.tables import rows

METRIC = "x.googleapis.com/y"
LATER = 3600
"""Seconds after the clock's start."""


@pytest.fixture
def target(empty: Installation) -> Iterator[Target]:
    """Return the project of an emulator."""
    environ = empty.environ
    with Clients(Endpoints(), environ) as clients:
        rest = Rest(clients, environ, Event())
        stream = StreamName("shop-prod", "europe-west1", "orders")
        yield Target("ops-prod", (), clients, rest, Event(), stream, agreed=True)


def read(to: Installation, target: Target, points: Any, **keys: Any) -> list[Series]:
    """Return what is read of a metric with one series; times count from the start."""
    to.clock.now += LATER
    start = to.clock.now - LATER
    given = {(start + begins, start + ends): value for begins, ends, value in points}
    keys = {"resource": {"type": "thing"}, **keys}
    keys["metric"] = {"type": METRIC, **keys.get("metric", {})}
    store(to.emulator, given, **keys)
    return reading.read_series(target, METRIC, start, start + LATER)


@rows
def test_series_are_as_promql_sees_them(
    empty: Installation,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    keys: Any,
    points: Any,
    series: Any,
) -> None:
    """Every number of a metric is read, on however many pages."""
    monkeypatch.setattr(reading, "_POINTS_PER_PAGE", 2)
    start = empty.clock.now
    assert {
        each.name: {point.time - start: point.value for point in each.samples}
        for each in read(empty, target, points, **keys)
    } == {name: pytest.approx(values) for name, values in series.items()}


def test_a_metric_without_points_is_empty(empty: Installation, target: Target) -> None:
    """A metric that was never written, which the API does not know, has no series."""
    message = f'Cannot find metric(s) that match type = "{METRIC}".'
    fault = Fault(method="ListTimeSeries", code="NOT_FOUND", message=message)
    empty.emulator.add_fault(fault)
    assert reading.read_series(target, METRIC, 0, 1) == []
