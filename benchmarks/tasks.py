"""``python -m benchmarks.tasks``: a large organisation's streams, shared by ten tasks of a job.

Each task makes one run, in a process of its own, and every call is answered 50 ms late. Prints what
the busiest task took. Exits with 1 if a stream was not written exactly once, or if a task takes
longer than its deadline or more memory than its bound.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.__main__ import LATENCY, task_cost, verdict
from lab.terminal import print_table
from lab.terminal import show_progress
from exporter.names import LocationName
from exporter.shard import Shard
from lab.emulator.emulator import Emulator
from lab.emulator.world import World

METRICS = "metrics-project"
PROJECTS = tuple(f"project-{number:04}" for number in range(1000))
LOCATIONS = ("europe-west1", "us-east1", "asia-east1")
STREAMS = 30
"""In each location."""

TASKS = 10
DEADLINE = 50.0
PEAK = 256.0
"""The most memory that a task may use, in MiB."""

_STATE = "custom.googleapis.com/datastream/stream/state"
_HEADINGS = ("projects", "streams", "tasks", "busiest has", "seconds", "CPU s", "MiB", "calls")


def main() -> int:
    """Run every task, print the busiest, and say what is wrong."""
    with tempfile.TemporaryDirectory() as folder, Emulator(World.model_validate(_world())) as cloud:
        config = Path(folder, "config.yaml")
        config.write_text(_config(), "utf-8")
        with show_progress(sys.stderr) as progress:
            costs = [
                task_cost(cloud, config, index, TASKS)
                for index in progress.track("running tasks", range(TASKS), TASKS)
            ]
        written = Counter(
            tuple(point.resource_labels[label] for label in ("namespace", "location", "node_id"))
            for point in cloud.points(_STATE)
        )
    streams = len(PROJECTS) * len(LOCATIONS) * STREAMS
    sizes = [_locations(Shard(index, TASKS)) * STREAMS for index in range(TASKS)]
    busiest = costs[sizes.index(max(sizes))]
    row = (
        f"{len(PROJECTS):,}",
        f"{streams:,}",
        f"{TASKS}",
        f"{max(sizes):,}",
        f"{busiest.seconds:.1f}",
        f"{busiest.cpu:.1f}",
        f"{busiest.peak:.0f}",
        f"{sum(busiest.calls.values()):,}",
    )
    print_table(_HEADINGS, [row], sys.stdout, right=_HEADINGS)
    wrong = []
    if len(written) != streams or set(written.values()) != {1}:
        wrong.append(f"{len(written):,} of {streams:,} streams are written, not each once")
    for index, cost in enumerate(costs):
        if cost.seconds > DEADLINE:
            wrong.append(f"task {index} takes {cost.seconds:.1f} s, not {DEADLINE:g}")
        if cost.peak > PEAK:
            wrong.append(f"task {index} takes {cost.peak:.0f} MiB, not {PEAK:g}")
    return verdict(
        wrong, "\nEach stream is written exactly once, and every task is within its bounds."
    )


def _locations(shard: Shard) -> int:
    return sum(
        shard.holds(LocationName(project, location))
        for project in PROJECTS
        for location in LOCATIONS
    )


def _config() -> str:
    sources = "".join(f"  - project: {project}\n" for project in PROJECTS)
    return f"metrics: {{project: {METRICS}}}\nsources:\n{sources}"


def _world() -> dict[str, Any]:
    locations = [
        {"id": location, "streams": [{"id": "stream-{:02}", "count": STREAMS}]}
        for location in LOCATIONS
    ]
    projects = [
        {"id": project, "number": number, "locations": locations}
        for number, project in enumerate(PROJECTS, 2)
    ]
    return {
        "projects": [{"id": METRICS, "number": 1}, *projects],
        "faults": [{"method": "*", "latency": LATENCY}],
    }


if __name__ == "__main__":
    sys.exit(main())
