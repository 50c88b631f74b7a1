"""What a deployment costs a month, for terraform/README.md."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from exporter.measure import definitions
from exporter.states import BackfillState
from lab.markdown import table
from tools.prices import (
    BYTES_A_POINT,
    JOB_CPU,
    JOB_MEMORY,
    METRICS,
    POOL_CPU,
    POOL_MEMORY,
    REFERENCE,
    RETURNED,
    SCHEDULE,
)

MONTH = 730 * 3600
"""Seconds of a month, as Google's own examples count it."""

VCPUS, GIBIBYTES = 1, 0.5
"""What the job and the worker pool have."""

SHORTEST = 60
"""Seconds that a task is billed for at least; it never takes longer, as it times out at 55."""

EVALUATIONS = MONTH / 30
"""How often a condition is evaluated."""

DISCOVERED = 40
"""Locations that Datastream has, at least."""

OPTIONAL = ("stream/objects", "stream/object_errors", "private_connection/state")
"""What the deployments below do not collect."""

NOT_CONTINUOUS = "exporter-executions-failing"
"""The policy that is not made where there is no job."""

POLICIES = Path(__file__).parent.parent / "alerting_policies"


class Fleet(NamedTuple):
    """What is watched; config lists the locations."""

    name: str
    streams: int
    locations: int
    projects: int


class Mode(NamedTuple):
    """How it is watched: by a job or by a worker pool, and with how many seconds between runs."""

    name: str
    interval: int
    pool: bool = False


class Month(NamedTuple):
    """A month of a deployment with one task, in dollars but for the counts.

    Attributes:
        points: Points a run.
        mebibytes: Of points.
        cloud_run: For CPU and memory.
        scheduler: For the schedule.
        metrics: For the points.
        references: How often conditions name a metric.
        returned: Points that conditions return, in millions.
        alerting: For both, once it is charged.
    """

    points: int
    mebibytes: float
    cloud_run: float
    scheduler: float
    metrics: float
    references: int
    returned: float
    alerting: float

    @property
    def today(self) -> float:
        """What is charged today, in dollars."""
        return self.cloud_run + self.scheduler + self.metrics


FLEETS = (Fleet("small", 20, 3, 1), Fleet("medium", 200, 10, 3))
MODES = (
    Mode("scheduled, every minute", 60),
    Mode("continuous, every 60 s", 60, pool=True),
    Mode("continuous, every 10 s", 10, pool=True),
)


def months() -> str:
    """Return what each fleet costs in each mode, and what a little more of it costs."""
    sizes = "; ".join(
        f"{each.name} is {each.streams} streams in {each.locations} locations of "
        f"{each.projects} project{'s' if each.projects > 1 else ''}"
        for each in FLEETS
    )
    rows = table(
        (
            "fleet",
            "mode",
            "Cloud Run",
            "Scheduler",
            "metrics",
            "**a month**",
            "alerting, announced",
        ),
        (_row(fleet, mode) for fleet in FLEETS for mode in MODES),
    )
    task = MONTH * (VCPUS * JOB_CPU.dollars + GIBIBYTES * JOB_MEMORY.dollars)
    hourly = task / 3600 * SHORTEST
    used_up = JOB_CPU.free * JOB_CPU.dollars + JOB_MEMORY.free * JOB_MEMORY.dollars
    metrics = METRICS.free * METRICS.dollars
    return f"""\
In the table {sizes}.

{rows}

- One more stream: {_more(streams=1)}.
- One more location: {_more(locations=1)}.
  Discovery reads every location that there is, over {DISCOVERED} today: list `locations` in
  config.yaml where the streams lie in few.
- One more task of the job: ${task:.2f}.
- Tables, once an hour by the second job: ${hourly:.2f} and more, by how long it takes, and
  {len(BackfillState) + 1} points a stream an hour.
- Where others on the billing account use the free tiers up: ${used_up:.2f} for Cloud Run,
  ${SCHEDULE.dollars:.2f} for the schedule, and up to ${metrics:.2f} for metrics."""


def month(fleet: Fleet, mode: Mode) -> Month:
    """Return what a month of a fleet costs."""
    points = sum(series(each, fleet) for each in _promql_names())
    mebibytes = points * MONTH / mode.interval * BYTES_A_POINT / 2**20
    named = references(continuous=mode.pool)
    returned = sum(series(each, fleet) for each in named) * EVALUATIONS / 1e6
    cpu, memory = (POOL_CPU, POOL_MEMORY) if mode.pool else (JOB_CPU, JOB_MEMORY)
    seconds = MONTH if mode.pool else MONTH / mode.interval * SHORTEST
    return Month(
        points,
        mebibytes,
        cpu.of(seconds * VCPUS) + memory.of(seconds * GIBIBYTES),
        0 if mode.pool else SCHEDULE.of(1),
        METRICS.of(mebibytes),
        len(named),
        returned,
        REFERENCE.of(len(named)) + RETURNED.of(returned),
    )


def series(name: str, fleet: Fleet) -> int:
    """Return how many series a metric has, with one task.

    Args:
        name: Its name in PromQL.
        fleet: What is watched.

    Raises:
        KeyError: It is called like one of the exporter's, and is none.
    """
    if not name.startswith("custom_"):
        # Google's own: the streams', or the count of the job's executions.
        return fleet.streams if name.startswith("datastream_") else 1
    metric = _promql_names()[name]
    if metric.name in OPTIONAL:
        return 0
    return {"stream": fleet.streams, "location": fleet.locations, "exporter": 1}[metric.resource]


@cache
def references(*, continuous: bool) -> tuple[str, ...]:
    """Return every metric that a policy's condition names, as often as it does."""
    return tuple(
        name
        for path in sorted(POLICIES.glob("*.yaml"))
        if not (continuous and path.stem == NOT_CONTINUOUS)
        for condition in yaml.safe_load(path.read_text("utf-8"))["conditions"]
        for name in re.findall(
            r"\b\w+_com:\w+",
            condition.get("conditionPrometheusQueryLanguage", {}).get("query", ""),
        )
    )


@cache
def _promql_names() -> dict[str, definitions.Metric]:
    """Return the exporter's metrics by their names in PromQL.

    https://docs.cloud.google.com/monitoring/promql/promql-mapping has the rule.
    """
    return {
        re.sub(r"[^\w:]", "_", each.type.replace("/", ":", 1)): each
        for each in definitions.metrics().values()
    }


def _more(*, streams: int = 0, locations: int = 0) -> str:
    """Return what is added by so many more, at a run a minute."""
    few = Fleet("few", 100, 10, 1)
    before = month(few, MODES[0])
    after = month(
        few._replace(streams=few.streams + streams, locations=few.locations + locations), MODES[0]
    )
    mebibytes = after.mebibytes - before.mebibytes
    beyond = mebibytes * METRICS.dollars
    alerting = after.alerting - before.alerting
    return (
        f"{mebibytes:.1f} MiB at a run a minute, ${beyond:.2f} beyond the free ones; six times\n"
        f"  that every 10 s; ${alerting:.2f} of alerting, as announced"
    )


def _row(fleet: Fleet, mode: Mode) -> tuple[str, ...]:
    counted = month(fleet, mode)
    points = f"{counted.points} points a run, {counted.mebibytes:,.0f} MiB"
    announced = f"{counted.references} names, {counted.returned:,.0f} million points"
    return (
        fleet.name,
        mode.name,
        f"${counted.cloud_run:.2f}",
        "none" if mode.pool else f"${counted.scheduler:.2f}",
        f"${counted.metrics:.2f} ({points})",
        f"**${counted.today:.2f}**",
        f"${counted.alerting:.2f} ({announced})",
    )
