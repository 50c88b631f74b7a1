"""Series as PromQL sees them, read from a real server."""

from contextlib import ExitStack
from threading import Event

import pytest

from lab.emulator.world import Fault
from lab.history.read import Reader
from lab.simulate.series import Series
from lab.timeline.spans import Period
from tests.exporter.conftest import Lab
from tests.lab.history.conftest import END, FRESHNESS, START, UNSUPPORTED, raw, serve

STATE = "custom.googleapis.com/datastream/stream/state"
WHOLE = Period(START, END)


def read(
    lab: Lab, metric: str, period: Period = WHOLE, project: str = "ops-prod"
) -> list[Series]:
    """Return the series of a metric."""
    return Reader(lab.clients.monitoring, project, Event()).read([metric], period)


def test_increments_become_a_counter(lab: Lab) -> None:
    """A counter goes on in the next period; a point in both periods counts once."""
    reader = Reader(lab.clients.monitoring, "ops-prod", Event())
    (first,) = reader.read([UNSUPPORTED], Period(START, START + 1260))
    (second,) = reader.read([UNSUPPORTED], Period(START + 1260, END))
    assert [(point.time - START, point.value) for point in first.samples] == [
        (1200, 0),
        (1260, 3),
    ]
    assert [(point.time - START, point.value) for point in second.samples] == [
        (1320, 4)
    ]
    assert first.samples[0].visible_at - first.samples[0].time == 240


def test_the_page_size_does_not_matter(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A series that is split between pages is read whole."""
    period = Period(START, START + 1800)
    whole = read(lab, STATE, period)
    monkeypatch.setattr("lab.history.read._POINTS_PER_PAGE", 7)
    split = read(lab, STATE, period)
    assert sorted(map(str, split)) == sorted(map(str, whole))


@pytest.mark.parametrize(
    ("resource", "project"),
    [({"resource_container": "shop-prod"}, None), ({}, "ops-prod")],
)
def test_a_series_without_a_project_gets_one(
    resource: dict[str, str], project: str | None
) -> None:
    """A series gets the metrics project, unless its resource has a container."""
    series = raw(
        "thing",
        {"location": "there", **resource},
        {(START, START + 60): 1.5},
        metric={"type": "x.googleapis.com/y", "labels": {"location": "here"}},
        metric_kind="CUMULATIVE",
    )
    with ExitStack() as running:
        (found,) = read(serve(running, series), "x.googleapis.com/y")
    labels = dict(found.labels)
    assert labels.get("project_id") == project
    assert labels["location"] == "there"
    assert labels["metric_location"] == "here"
    assert [(point.time, point.value) for point in found.samples] == [(START + 60, 1.5)]


def test_a_distribution_is_a_count_and_a_sum() -> None:
    """PromQL makes a mean of these two counters: the parts of each minute add up."""
    series = raw(
        "thing",
        {"location": "there"},
        {(START, START + 60): 0.0, (START + 60, START + 120): 0.0},
        metric={"type": "x.googleapis.com/y"},
        metric_kind="DELTA",
        value_type="DISTRIBUTION",
    )
    for point, (count, mean) in zip(series.points, [(2, 1.5), (1, 4.0)], strict=True):
        point.value.distribution_value.count = count
        point.value.distribution_value.mean = mean
    with ExitStack() as running:
        found = read(serve(running, series), "x.googleapis.com/y")
    assert {each.name: [point.value for point in each.samples] for each in found} == {
        "x_googleapis_com:y_count": [0, 2, 3],
        "x_googleapis_com:y_sum": [0, 3, 7],
    }


def test_a_text_is_left_out_and_named() -> None:
    """A sentence says which metric is incomplete."""
    series = raw(
        "thing",
        {"location": "there"},
        {(START, START): 1.0},
        metric={"type": "x.googleapis.com/y"},
        value_type="STRING",
    )
    with ExitStack() as running:
        lab = serve(running, series)
        reader = Reader(lab.clients.monitoring, "ops-prod", Event())
        assert reader.read(["x.googleapis.com/y"], WHOLE) == []
    sentence = "x.googleapis.com/y is left out: a back-test reads nothing but numbers"
    assert reader.doubts == {sentence}


def test_a_metric_without_points_is_empty(empty_lab: Lab) -> None:
    """A metric that was never written, which the API does not know, has no series."""
    message = f'Cannot find metric(s) that match type = "{FRESHNESS}".'
    empty_lab.cloud.add_fault(
        Fault(method="ListTimeSeries", code="NOT_FOUND", message=message)
    )
    assert read(empty_lab, FRESHNESS) == []
