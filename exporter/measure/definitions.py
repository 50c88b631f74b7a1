"""The metrics that ``metrics.yaml`` defines for the exporter and for Terraform."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from exporter.inputs.yaml_text import packaged

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOURCE = "generic_node"
"""The monitored resource of every series: few types accept custom metrics, and
``datastream.googleapis.com/Stream`` doesn't."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's definition; all are gauges.

    Attributes:
        name: The end of the type, such as ``stream/state``.
        type: The full type, ``custom.googleapis.com/datastream/stream/state``.
        resource: What the series belong to, a key of ``resources``.
        value_type: ``INT64`` or ``DOUBLE``.
        unit: The unit as Cloud Monitoring writes it: ``1`` or ``s``.
        labels: The metric labels' keys.
        display_name: The name in Metrics Explorer.
        description: One or two sentences.
        written: When a series gets a point.
    """

    name: str
    type: str
    resource: str
    value_type: str
    unit: str
    labels: tuple[str, ...]
    display_name: str
    description: str
    written: str


@cache
def definitions() -> Mapping[str, Any]:
    """Return ``metrics.yaml`` as it was parsed."""
    return packaged("exporter", "metrics.yaml")


@cache
def metrics() -> Mapping[str, Metric]:
    """Return every metric by its name, in the file's order."""
    parsed = definitions()
    return {
        name: Metric(
            name=name,
            type=f"{parsed['prefix']}/{name}",
            **{**entry, "labels": tuple(entry["labels"])},
        )
        for name, entry in parsed["metrics"].items()
    }
