"""The metrics that a query may use: the exporter's own and the used ones of Google's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from exporter.documents import nearest

from exporter.documents import packaged
from exporter.measure import definitions
from lab.policies.labels import ANY, Labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALWAYS = frozenset({"project_id", "monitored_resource"})
"""Labels that every series has in PromQL: its metrics project and its resource type."""

_CLOSE = 2
"""An unknown name this many letters away from a known one counts as misspelled."""


@dataclass(frozen=True, slots=True)
class GoogleMetric:
    """A metric that Google writes.

    Attributes:
        type: The full type, ``datastream.googleapis.com/stream/freshness``.
        kind: ``GAUGE`` or ``DELTA``.
        value_type: ``INT64`` or ``DISTRIBUTION``.
        unit: The unit as Cloud Monitoring writes it.
        resource: The type of the monitored resource.
        resource_labels: The keys of that resource.
        labels: The metric labels' keys.
        page: The page that documents it.
    """

    type: str
    kind: str
    value_type: str
    unit: str
    resource: str
    resource_labels: tuple[str, ...]
    labels: tuple[str, ...]
    page: str


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """The series that PromQL finds under a name.

    Attributes:
        type: The metric's full type; empty if unknown.
        resource: The type of the monitored resource; empty if unknown.
        labels: The labels.
    """

    type: str
    resource: str
    labels: Labels


UNKNOWN = KnownSeries("", "", ANY)


def promql_name(metric_type: str) -> str:
    """Return a metric's name in PromQL.

    The first ``/`` becomes ``:``, every other special character ``_``:
    https://cloud.google.com/monitoring/promql/promql-mapping
    """
    return re.sub(r"[^\w:]", "_", metric_type.replace("/", ":", 1), flags=re.ASCII)


@cache
def google_metrics() -> Mapping[str, GoogleMetric]:
    """Return Google's metrics by their full type, as ``google_metrics.yaml`` lists them."""
    parsed = _parsed()
    return {
        f"{service}/{name}": GoogleMetric(
            type=f"{service}/{name}",
            page=listed["page"],
            resource_labels=tuple(parsed["resources"][entry["resource"]]),
            **{**entry, "labels": tuple(entry["labels"])},
        )
        for service, listed in parsed["services"].items()
        for name, entry in listed["metrics"].items()
    }


@cache
def known_series() -> Mapping[str, KnownSeries]:
    """Return every known metric by its name in PromQL.

    A distribution has three names, with ``_count``, ``_sum`` and ``_bucket``; the last has ``le``.
    """
    own = {promql_name(metric.type): _own(metric) for metric in definitions.metrics().values()}
    return own | dict(each for metric in google_metrics().values() for each in _named(metric))


def find_series(name: str, *, known_only: bool) -> KnownSeries:
    """Return the series that PromQL finds under a name.

    Args:
        name: The name, as a query has it.
        known_only: Whether a query may only use known metrics.

    Raises:
        ValueError: The metric is unknown though it must be known, or its name is misspelled.
    """
    if found := known_series().get(name):
        return found
    complete = any(name.startswith(prefix) for prefix in _complete())
    if known_only or complete:
        guess = nearest(name, known_series())
    else:
        guess = nearest(name, known_series(), 0.85)
    if not (known_only or complete or guess):
        return UNKNOWN
    advice = f"did you mean {guess}?" if guess else "docs/reference.md lists the exporter's own"
    raise ValueError(f"no metric is called {name} in PromQL; {advice}")


@cache
def _complete() -> tuple[str, ...]:
    """Return the prefixes of names under which every metric is known."""
    prefixes = [
        f"{service}/" for service, listed in _parsed()["services"].items() if listed["complete"]
    ]
    return tuple(
        promql_name(prefix) for prefix in (f"{definitions.definitions()['prefix']}/", *prefixes)
    )


@cache
def _parsed() -> Mapping[str, Any]:
    return packaged("lab.policies", "google_metrics.yaml")


def _own(metric: definitions.Metric) -> KnownSeries:
    resource = definitions.definitions()["resources"][metric.resource]
    return KnownSeries(
        metric.type, definitions.RESOURCE, Labels(ALWAYS.union(resource, metric.labels))
    )


def _named(metric: GoogleMetric) -> Iterator[tuple[str, KnownSeries]]:
    # A metric label with the same key as a resource label gets a prefix (same page as above).
    keys = {f"metric_{key}" if key in metric.resource_labels else key for key in metric.labels}
    labels = Labels(ALWAYS.union(metric.resource_labels, keys))
    name = promql_name(metric.type)
    if metric.value_type != "DISTRIBUTION":
        yield name, KnownSeries(metric.type, metric.resource, labels)
        return
    for end in ("count", "sum"):
        yield f"{name}_{end}", KnownSeries(metric.type, metric.resource, labels)
    yield f"{name}_bucket", KnownSeries(metric.type, metric.resource, labels.plus(["le"]))
