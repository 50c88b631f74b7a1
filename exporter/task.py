"""What a process does in each of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.measure.samples import ExporterName, Measurement, ObjectsMeasurement
from exporter.read.reader import Collect
from exporter.shard import Shard

if TYPE_CHECKING:
    from exporter.gcp.cloud_run import Region
    from exporter.gcp.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Task:
    """What this process does in each of its runs.

    Attributes:
        exporter: Its name in its own series.
        shard: Its part of the locations.
        collect: The optional collectors to run.
        measurement: Which samples it makes of what it reads.
        region: Says its location, where ``exporter`` has none.
    """

    exporter: ExporterName
    shard: Shard = field(default_factory=Shard)
    collect: Collect = field(default_factory=Collect)
    measurement: type[Measurement] = Measurement
    region: Region | None = None

    def located(self, deadline: Deadline) -> ExporterName:
        """Return the exporter's name with its location.

        Raises:
            CallError: The metadata server does not say it by the deadline.
        """
        if self.region is None:
            return self.exporter
        return self.exporter._replace(location=self.region.get(deadline))

    def for_objects(self) -> Task:
        """Return the task of collecting objects only, under a node_id of its own."""
        exporter = self.exporter._replace(node_id=f"objects-{self.shard.index}")
        collect = Collect(objects=True)
        return replace(self, exporter=exporter, collect=collect, measurement=ObjectsMeasurement)
