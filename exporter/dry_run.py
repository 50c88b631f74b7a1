"""What ``run --dry-run --json`` prints: the run, its locations, and every sample."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import TypeAdapter

from exporter.monitoring import Written
from exporter.observations import GLOBAL
from exporter.telling import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config import Config
    from exporter.failures import Failure
    from exporter.metrics import Sample
    from exporter.run import Look


class RunPart(TypedDict):
    """The run as a whole."""

    time: str
    timestamp: int
    project: str
    streams: int
    unreadable: int


class FailurePart(TypedDict):
    """Why a location was not read."""

    kind: str
    said: str
    mend: str


class LocationPart(TypedDict):
    """One location, ``global`` standing for the discovery of a project's."""

    project: str
    location: str
    streams: int
    failure: FailurePart | None


class SamplePart(TypedDict):
    """One value that a run would write."""

    metric: str
    location: str
    namespace: str
    node_id: str
    labels: dict[str, str]
    value: float


class DryRun(TypedDict):
    """All that a dry run prints."""

    run: RunPart
    locations: list[LocationPart]
    samples: list[SamplePart]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what a dry run prints."""
    made = TypeAdapter(DryRun).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def document(look: Look, config: Config) -> DryRun:
    """Return a look as plain data; the exporter's own samples tell of a run without loss."""
    seen = look.observations
    locations = [
        _location(project, GLOBAL, 0, failure) for project, failure in seen.discoveries.items()
    ]
    locations += [_location(*one.at, len(one.streams), one.failure) for one in seen.locations]
    return {
        "run": {
            "time": datetime.fromtimestamp(look.at, UTC).isoformat().replace("+00:00", "Z"),
            "timestamp": look.at,
            "project": config.metrics.project,
            "streams": seen.streams,
            "unreadable": unreadable(seen),
        },
        "locations": locations,
        "samples": [_sample(sample) for sample in would_write(look)],
    }


def would_write(look: Look) -> Iterator[Sample]:
    """Yield every sample that a run would write, if all of them were accepted."""
    yield from look.samples()
    yield from look.last_reads(Written())
    yield from look.own(seconds=0, lost=0)


def _location(project: str, location: str, streams: int, failure: Failure | None) -> LocationPart:
    why: FailurePart | None = None
    if failure:
        why = {"kind": failure.kind.value, "said": failure.said, "mend": failure.mend}
    return {"project": project, "location": location, "streams": streams, "failure": why}


def _sample(sample: Sample) -> SamplePart:
    return {
        "metric": sample.metric.type,
        "location": sample.location,
        "namespace": sample.namespace,
        "node_id": sample.node_id,
        "labels": dict(zip(sample.metric.labels, sample.labels, strict=True)),
        "value": sample.value,
    }
