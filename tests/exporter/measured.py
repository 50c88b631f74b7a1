"""What a run measured, written as the streams that it read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.config import Config
from exporter.measure.evaluation import evaluate
from exporter.measure import ExporterName, Measurement
from exporter.names import LocationName
from exporter.measure import Observations, ReadLocation, Stream, UnreadLocation
from exporter.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Iterable

EUROPE = LocationName("shop-prod", "europe-west1")


def measured(
    *locations: ReadLocation | UnreadLocation | Iterable[Stream],
    required: tuple[str, ...] = (),
    kind: type[Measurement] = Measurement,
    **observed: Any,
) -> Measurement:
    """Return what a run measured; streams alone stand for a location that was read."""
    observations = Observations(
        locations=tuple(
            one
            if isinstance(one, ReadLocation | UnreadLocation)
            else ReadLocation(EUROPE, tuple(one))
            for one in locations
        ),
        **observed,
    )
    config = Config.model_validate(
        {
            "metrics": {"project": "metrics-prod"},
            "sources": [{"project": "shop-prod", "locations": ["europe-west1", "us-east1"]}],
            "required": required,
        }
    )
    exporter = ExporterName("global", "datastream-exporter", "0")
    evaluated = evaluate(observations, config, 0)
    return kind(exporter, Shard(), 0, observations, evaluated, errors=True)
