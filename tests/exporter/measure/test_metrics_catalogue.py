"""metrics.yaml: what is promised of each metric, and what Cloud Monitoring lets it be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from exporter.measure import definitions, samples

if TYPE_CHECKING:
    from exporter.measure import Metric

STREAM = ("stream_id",)

PROMISED = {
    "stream/state": ("stream", "INT64", "1", STREAM),
    "stream/expected": ("stream", "INT64", "1", STREAM),
    "stream/last_seen": ("stream", "INT64", "s", STREAM),
    "stream/errors": ("stream", "INT64", "1", STREAM),
    "stream/objects": ("stream", "INT64", "1", ("stream_id", "backfill_state")),
    "stream/object_errors": ("stream", "INT64", "1", STREAM),
    "private_connection/state": ("private_connection", "INT64", "1", ("private_connection_id",)),
    "location/up": ("location", "INT64", "1", ()),
    "location/last_read": ("location", "INT64", "s", ()),
    "location/failed_streams": ("location", "INT64", "1", ()),
    "location/unexpected_streams": ("location", "INT64", "1", ()),
    "exporter/last_run": ("exporter", "INT64", "s", ()),
    "exporter/streams": ("exporter", "INT64", "1", ()),
    "exporter/run_seconds": ("exporter", "DOUBLE", "s", ()),
    "exporter/points_lost": ("exporter", "INT64", "1", ()),
}
"""What dashboards and policies are built on: a change of any of these breaks them."""

RESOURCE_LABELS = {"project_id", "location", "namespace", "node_id"}
"""Of ``generic_node``; a metric label of the same key could not be told apart in PromQL."""

every_metric = pytest.mark.parametrize(
    "metric", definitions.metrics().values(), ids=definitions.metrics().keys()
)


def test_the_catalogue_is_as_promised() -> None:
    """Names, resources, value types, units and labels are those that policies are built on."""
    assert {
        name: (metric.resource, metric.value_type, metric.unit, metric.labels)
        for name, metric in definitions.metrics().items()
    } == PROMISED


def test_a_type_is_the_prefix_and_the_name() -> None:
    """Every type lies under custom.googleapis.com/datastream, under the metric's name."""
    assert {name: metric.type for name, metric in definitions.metrics().items()} == {
        name: f"custom.googleapis.com/datastream/{name}" for name in PROMISED
    }


@every_metric
def test_a_metric_is_within_google_s_limits(metric: Metric) -> None:
    """Type, label keys and value type are such as Cloud Monitoring takes and can alert on."""
    assert re.fullmatch(r"[a-zA-Z0-9_./-]{1,100}", metric.type)
    assert metric.value_type in {"INT64", "DOUBLE"}
    assert len(metric.labels) == len(set(metric.labels)) <= 30
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,99}", key) for key in metric.labels)
    assert not RESOURCE_LABELS & set(metric.labels)


@every_metric
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    """Its display name, its description and its occasion are texts without stray white space."""
    texts = (metric.display_name, metric.description, metric.written)
    assert all(text and text == " ".join(text.split()) for text in texts)
    assert metric.display_name.startswith("Datastream ")
    assert metric.description.endswith(".")


@every_metric
def test_a_metric_belongs_to_a_described_resource(metric: Metric) -> None:
    """What its resource's labels hold is said, but for the project_id that all series shard."""
    described = definitions.definitions()["resources"][metric.resource]
    assert set(described) == RESOURCE_LABELS - {"project_id"}


def test_display_names_are_told_apart() -> None:
    """No two metrics look the same in Metrics Explorer."""
    names = [metric.display_name for metric in definitions.metrics().values()]
    assert len(names) == len(set(names))


def test_every_metric_is_measured() -> None:
    """The measuring names each metric of the catalogue, so that none is a promise only."""
    named = {
        value.name for value in vars(samples).values() if isinstance(value, definitions.Metric)
    }
    assert named == set(PROMISED)
