"""Measures what needs no order, so that many locations share requests."""

from collections.abc import Mapping

from exporter import measure
from exporter.google.errors import Failure
from exporter.location_run import LocationRun, RunParts
from exporter.measure import GLOBAL, Sample
from exporter.memory import EMPTY, UNREADABLE
from exporter.names import LocationName, Task
from exporter.report import Discovery


def measure_shared(
    parts: RunParts,
    task: Task,
    discoveries: Mapping[str, Discovery],
    locations: Mapping[LocationName, LocationRun],
) -> tuple[list[LocationName], list[Sample]]:
    """Return what is due of discoveries and of unreadable and empty locations.

    The first part has the names that the samples are about.
    """
    claim = parts.memory.claim
    names: list[LocationName] = []
    samples: list[Sample] = []
    for project, discovery in sorted(discoveries.items()):
        name = LocationName(project, GLOBAL)
        # Every task discovers, but only one of them reports it.
        if not task.holds(name):
            continue
        failed = isinstance(discovery.result(), Failure)
        if claim(name, UNREADABLE if failed else EMPTY):
            names.append(name)
            samples.append(measure.up(name, readable=not failed))
    for name, location in sorted(locations.items()):
        compared = location.compared
        if compared is None and claim(name, UNREADABLE):
            names.append(name)
            samples.append(measure.up(name, readable=False))
        elif compared and compared.empty and claim(name, EMPTY):
            names.append(name)
            samples.append(measure.up(name, readable=True))
            samples.append(measure.last_read(name, parts.timestamp))
            if parts.memory.is_just_emptied(name):
                samples.append(measure.location_streams(name, 0))
    return names, samples
