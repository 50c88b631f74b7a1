"""What ``run --dry-run --json`` prints: the run, its locations, and every sample."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from exporter.log.run_log import unreadable
from exporter.read.observations import GLOBAL, UnreadLocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config import Config
    from exporter.gcp.errors import Failure
    from exporter.measure import samples
    from exporter.measure.samples import Measurement
    from exporter.read.observations import ReadLocation


class Run(BaseModel):
    """The run as a whole."""

    time: str = Field(description="When it began, to the second, in UTC.")
    timestamp: int = Field(description="The same in unix seconds: the time of every point.")
    project: str = Field(description="Project that the series would go to.")
    streams: int = Field(description="How many streams were seen.")
    unreadable: int = Field(description="How many of the locations below have a failure.")


class Reason(BaseModel):
    """Why a location was not read."""

    kind: str = Field(description="Which kind of failure, such as `permission denied`.")
    message: str = Field(description="What happened, in the server's words where it has any.")
    hint: str = Field(description="What can be done about it.")


class Location(BaseModel):
    """A location of a project; `global` is the discovery of the project's locations."""

    project: str = Field(description="The project's id.")
    location: str = Field(description="The location's id, or `global`.")
    streams: int = Field(description="How many streams were seen in it.")
    failure: Reason | None = Field(description="Null where it was read cleanly.")


class Sample(BaseModel):
    """A value that a run would write, as the series that it belongs to."""

    metric: str = Field(description="The metric's full type.")
    location: str = Field(description="Label `location` of the resource.")
    namespace: str = Field(description="Label `namespace` of the resource.")
    node_id: str = Field(description="Label `node_id` of the resource.")
    labels: dict[str, str] = Field(description="The metric's labels.")
    value: int | float = Field(description="The value.")


class DryRun(BaseModel):
    """What `run --dry-run --json` prints."""

    run: Run
    locations: list[Location]
    samples: list[Sample]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what a dry run prints."""
    made = DryRun.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def document(measurement: Measurement, config: Config) -> DryRun:
    """Return a look as plain data; the exporter's own samples tell of a run without loss."""
    seen = measurement.observations
    locations = [
        _location(project, GLOBAL, 0, seen.failed_discoveries.get(project))
        for project in seen.discoveries
    ]
    locations += map(_reading, seen.locations)
    return DryRun(
        run=Run(
            time=datetime.fromtimestamp(measurement.timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            timestamp=measurement.timestamp,
            project=config.metrics.project,
            streams=seen.streams,
            unreadable=unreadable(seen),
        ),
        locations=locations,
        samples=[_sample(sample) for sample in would_write(measurement)],
    )


def would_write(measurement: Measurement) -> Iterator[samples.Sample]:
    """Yield every sample that a run would write, if all of them were accepted."""
    yield from measurement.location_samples()
    yield from measurement.stream_samples()
    yield from measurement.last_read_samples(withheld=())
    yield from measurement.self_samples(seconds=0, lost=0)


def _reading(location: ReadLocation | UnreadLocation) -> Location:
    if isinstance(location, UnreadLocation):
        return _location(*location.name, 0, location.failure)
    return _location(*location.name, len(location.streams), None)


def _location(project: str, location: str, streams: int, failure: Failure | None) -> Location:
    reason = None
    if failure:
        reason = Reason(kind=failure.kind.value, message=failure.message, hint=failure.hint)
    return Location(project=project, location=location, streams=streams, failure=reason)


def _sample(sample: samples.Sample) -> Sample:
    return Sample(
        metric=sample.metric.type,
        location=sample.location,
        namespace=sample.namespace,
        node_id=sample.node_id,
        labels=dict(zip(sample.metric.labels, sample.labels, strict=True)),
        value=sample.value,
    )
