"""What a deployment costs per month, for terraform/README.md, from the prices in prices.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import yaml

from exporter.memory import LONGEST_SECONDS
from exporter.measure import definitions
from exporter.states import BackfillState
from exporter.runs import OBJECTS_SECONDS
from lab.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping

MONTH = 730 * 3600
"""Seconds of a month, as in Google's own examples."""

VCPUS, GIBIBYTES = 1, 0.5
"""What the job and the worker pool have."""

BILLED_SECONDS = 60
"""Of a task, at least. A task never takes longer: it times out after 55."""

FUNCTION_SECONDS = 2
"""Of a request: the exporter's run over thousands of streams, or that of 50 lines."""

BYTES_PER_POINT = 8
"""Of a gauge, INT64 or DOUBLE."""

DISCOVERED_LOCATIONS = 40
"""How many locations Datastream has, at least."""

OBJECT_METRICS = {"stream/objects": len(BackfillState), "stream/object_errors": 1}
"""What a run that collects tables writes of each stream, by its number of series."""

OPTIONAL_METRICS = (*OBJECT_METRICS, "private_connection/state")
"""What the deployments below don't collect."""

NOT_OF_OBJECTS_RUN = "exporter/last_run"
"""The one of the exporter's own metrics that the second job doesn't write."""

OBJECTS_INTERVAL = 3600
"""Seconds between the runs of the second job."""

ONLY_FOR = {"exporter-executions-failing": "job", "exporter-requests-failing": "function"}
"""The policies that only exist in one mode."""

POLICIES = Path(__file__).parent.parent / "alerting_policies"


class Price(NamedTuple):
    """A list price in US dollars.

    Attributes:
        item: What is billed.
        unit: The unit that it is billed by.
        page: The page with the price.
        as_of: When the page was read.
        dollars: The price of one unit.
        free: Units that are free each month, for a whole billing account.
        note: What else the page says.
    """

    item: str
    unit: str
    page: str
    as_of: str
    dollars: float = 0
    free: float = 0
    note: str = ""

    def total(self, units: float) -> float:
        """Return what the units cost if nothing else on the billing account uses the free ones."""
        return max(0.0, units - self.free) * self.dollars


PRICES = {
    name: Price(**price)
    for name, price in yaml.safe_load(
        (Path(__file__).parent / "prices.yaml").read_text("utf-8")
    ).items()
}


class Fleet(NamedTuple):
    """What is watched. The config lists the locations."""

    name: str
    streams: int
    locations: int
    projects: int


class Mode(NamedTuple):
    """A way to run the exporter.

    Attributes:
        name: Its name in the table.
        service: What Cloud Run bills.
        interval: Seconds from one run to the next.
        whole_seconds: At most how many seconds pass between two points of a quiet location.
    """

    name: str
    service: Literal["function", "job", "pool"]
    interval: int
    whole_seconds: float = LONGEST_SECONDS

    @property
    def module(self) -> str:
        """The module's name of the mode."""
        return "worker_pool" if self.service == "pool" else self.service


class Month(NamedTuple):
    """A month of a deployment with one task, in dollars except for the counts.

    Attributes:
        points: Points per run.
        mebibytes: Of points.
        cloud_run: For CPU and memory.
        scheduler: For the schedule.
        metrics: For the points.
        names: How many metrics the conditions name, each condition counted for itself.
        read: Points that conditions read, in millions.
        alerting: For both, once it is billed.
    """

    points: int
    mebibytes: float
    cloud_run: float
    scheduler: float
    metrics: float
    names: int
    read: float
    alerting: float

    @property
    def today(self) -> float:
        """What is billed today, in dollars."""
        return self.cloud_run + self.scheduler + self.metrics


class Addition(NamedTuple):
    """What is added to a deployment, beyond everything that is free.

    Attributes:
        name: Its name in the table.
        task_seconds: Of tasks, that Cloud Run bills each month.
        schedules: Jobs of Cloud Scheduler.
        points: That are written each month.
        read: Points that conditions read each month.
    """

    name: str
    task_seconds: float
    schedules: int
    points: float
    read: float

    @property
    def cloud_run(self) -> float:
        """What CPU and memory cost, in dollars."""
        cpu, memory = PRICES["job_cpu"], PRICES["job_memory"]
        return self.task_seconds * (VCPUS * cpu.dollars + GIBIBYTES * memory.dollars)

    @property
    def scheduler(self) -> float:
        """What the schedules cost, in dollars."""
        return self.schedules * PRICES["schedule"].dollars

    @property
    def mebibytes(self) -> float:
        """The size of the points."""
        return self.points * BYTES_PER_POINT / 2**20

    @property
    def metrics(self) -> float:
        """What the points cost, in dollars."""
        return self.mebibytes * PRICES["metrics"].dollars

    @property
    def today(self) -> float:
        """What is billed today, in dollars."""
        return self.cloud_run + self.scheduler + self.metrics

    @property
    def alerting(self) -> float:
        """What the points that conditions read cost, in dollars, once they are billed."""
        return self.read / 1e6 * PRICES["read_points"].dollars


NOTHING = Fleet("nothing", 0, 0, 0)
"""What leaves only the exporter's own series."""

FLEETS = (Fleet("small", 20, 3, 1), Fleet("medium", 200, 10, 3))
FUNCTION, JOB, POOL = MODES = (
    Mode("function, every minute", "function", 60),
    Mode("job, every minute", "job", 60),
    Mode("worker pool, every 10 s", "pool", 10),
)
POLLING_INTERVALS = (300, 60)
"""Seconds between the runs of a polling function: what most teams run, and the minimum."""

EVALUATION_SECONDS = 30
"""Between two evaluations of a condition that names no interval of its own."""


_COLUMNS = (
    "Cloud Run",
    "Scheduler",
    "metrics",
    "**per month**",
    "alerting, announced",
    "**with alerting as announced**",
)


def prices() -> str:
    """Return the table of prices."""
    return table(
        ("item", "price", "free per month", "page", "as of", "note"),
        (
            (
                price.item,
                f"${_exact(price.dollars)} per {price.unit}" if price.dollars else "free",
                f"{price.free:,.0f}" if price.free else "none",
                f"[{price.page.removeprefix('https://')}]({price.page})",
                price.as_of,
                price.note,
            )
            for price in PRICES.values()
        ),
    )


def months() -> str:
    """Return what each fleet costs in each mode, and what more streams, locations and so on add."""
    sizes = "; ".join(
        f"{fleet.name} is {fleet.streams} streams in {fleet.locations} locations of "
        f"{fleet.projects} project{'s' if fleet.projects > 1 else ''}"
        for fleet in FLEETS
    )
    rows = table(
        ("fleet", "mode", *_COLUMNS),
        (
            *(_row(fleet, mode) for fleet in FLEETS for mode in MODES),
            *(_polling_row(interval) for interval in POLLING_INTERVALS),
        ),
    )
    cpu, memory = PRICES["job_cpu"], PRICES["job_memory"]
    free_metrics = PRICES["metrics"].free * PRICES["metrics"].dollars
    free = cpu.free * cpu.dollars + memory.free * memory.dollars
    function = _function_without_free(FUNCTION.interval)
    return f"""\
In the table, {sizes}.

{rows}

What you add costs this, beyond the free tiers:

{_additions()}

- A second job (`collect_objects_schedule`) has the same `task_count` as the first, and costs more
  on Cloud Run if it takes longer than a minute. Its alerting is an upper bound: it counts all
  {len(BackfillState)} backfill states, and stream-backfill-failed selects two.
- A function and a worker pool with `collect.objects` collect tables every
  {OBJECTS_SECONDS / 60:.0f} minutes: {_tables()}.
- Discovery reads every location of Datastream, over {DISCOVERED_LOCATIONS} today: if your
  streams are in few, list `locations` in config.yaml.
- {_saved()}
- If other workloads on the billing account use up the free tiers: for Cloud Run, ${function:.2f} in
  mode `function` and ${free:.2f} in the others; ${PRICES["schedule"].dollars:.2f} for each
  schedule; up to ${free_metrics:.2f} for metrics.
- Totals are sums of exact amounts, so their last digit can differ from the sum of a row."""


def month(fleet: Fleet, mode: Mode) -> Month:
    """Return what a month of a fleet costs."""
    points = sum(series(name, fleet) for name in _metrics_by_promql_name())
    own = sum(series(name, NOTHING) for name in _metrics_by_promql_name())
    # A location that doesn't change is written once a minute, whatever the interval.
    written = (points - own) * MONTH / max(mode.interval, mode.whole_seconds)
    written += own * MONTH / mode.interval
    mebibytes = written * BYTES_PER_POINT / 2**20
    named = references(mode.module)
    read = sum(series(name, fleet) * MONTH / interval for name, interval in named) / 1e6
    return Month(
        points,
        mebibytes,
        cloud_run(mode.service, mode.interval),
        0 if mode.service == "pool" else PRICES["schedule"].total(1),
        PRICES["metrics"].total(mebibytes),
        len(named),
        read,
        _alerting(len(named), read),
    )


def cloud_run(service: str, interval: int) -> float:
    """Return what a month of a service's CPU and memory costs, a run every ``interval`` seconds."""
    runs = MONTH / interval
    seconds = {"function": runs * FUNCTION_SECONDS, "job": runs * BILLED_SECONDS, "pool": MONTH}
    requests = PRICES["function_requests"].total(runs / 1e6) if service == "function" else 0
    return (
        PRICES[f"{service}_cpu"].total(seconds[service] * VCPUS)
        + PRICES[f"{service}_memory"].total(seconds[service] * GIBIBYTES)
        + requests
    )


def _function_without_free(interval: int) -> float:
    """Return what a month of a function costs if others use up what is free."""
    runs = MONTH / interval
    return (
        runs * FUNCTION_SECONDS * VCPUS * PRICES["function_cpu"].dollars
        + runs * FUNCTION_SECONDS * GIBIBYTES * PRICES["function_memory"].dollars
        + runs / 1e6 * PRICES["function_requests"].dollars
    )


def _alerting(names: int, read: float) -> float:
    return PRICES["condition"].total(names) + PRICES["read_points"].total(read)


def series(name: str, fleet: Fleet) -> int:
    """Return how many series a metric has, with one task.

    Args:
        name: Its name in PromQL.
        fleet: What is watched.

    Raises:
        KeyError: It looks like one of the exporter's metrics, but isn't.
    """
    if not name.startswith("custom_"):
        # Google's own: those of the streams, or the count of the job's executions.
        return fleet.streams if name.startswith("datastream_") else 1
    metric = _metrics_by_promql_name()[name]
    if metric.name in OPTIONAL_METRICS:
        return 0
    return {"stream": fleet.streams, "location": fleet.locations, "exporter": 1}[metric.resource]


@cache
def references(mode: str) -> tuple[tuple[str, int], ...]:
    """Return every metric that a condition names, once for each condition.

    Args:
        mode: The module's name of the mode, as some policies exist in one only.

    Returns:
        Its name in PromQL, and the seconds between the condition's evaluations.
    """
    return tuple(
        (name, int(query["evaluationInterval"].rstrip("s")))
        for path in sorted(POLICIES.glob("*.yaml"))
        if ONLY_FOR.get(path.stem, mode) == mode
        for condition in yaml.safe_load(path.read_text("utf-8"))["conditions"]
        if (query := condition.get("conditionPrometheusQueryLanguage"))
        for name in sorted(set(re.findall(r"\b\w+_com:\w+", query["query"])))
    )


@cache
def _metrics_by_promql_name() -> dict[str, definitions.Metric]:
    """Return the exporter's metrics by their names in PromQL.

    https://docs.cloud.google.com/monitoring/promql/promql-mapping has the rule.
    """
    return {
        re.sub(r"[^\w:]", "_", metric.type.replace("/", ":", 1)): metric
        for metric in definitions.metrics().values()
    }


def more(*, streams: int = 0, locations: int = 0) -> Addition:
    """Return what more streams or locations add, in any mode."""
    fleet = Fleet("any", 100, 10, 1)
    larger = fleet._replace(streams=100 + streams, locations=10 + locations)
    before, after = month(fleet, FUNCTION), month(larger, FUNCTION)
    return Addition(
        "one more stream" if streams else "one more location",
        0,
        0,
        (after.points - before.points) * MONTH / FUNCTION.interval,
        (after.read - before.read) * 1e6,
    )


def task() -> Addition:
    """Return what one more task of the job adds; the tasks share the other series."""
    own = dict.fromkeys(_own_metrics(), 1)
    runs = MONTH / JOB.interval
    return Addition(
        "one more task of the job", runs * BILLED_SECONDS, 0, runs * len(own), _reads(own)
    )


def objects_job(fleet: Fleet, *, schedules: int = 1) -> Addition:
    """Return what a task of the second job adds, once an hour; for the first one, its schedule."""
    of_streams = {name: count * fleet.streams for name, count in OBJECT_METRICS.items()}
    own = dict.fromkeys(set(_own_metrics()) - {NOT_OF_OBJECTS_RUN}, 1)
    runs = MONTH / OBJECTS_INTERVAL
    counts = {**of_streams, **own}
    return Addition(
        f"tables of the {fleet.name} fleet, once an hour by a second job",
        runs * BILLED_SECONDS,
        schedules,
        runs * sum(counts.values()),
        _reads(counts),
    )


def _tables() -> str:
    """Return what the points of each fleet's tables cost in one process that makes many runs."""
    counts = [sum(OBJECT_METRICS.values()) * fleet.streams for fleet in FLEETS]
    sizes = [count * MONTH / OBJECTS_SECONDS * BYTES_PER_POINT / 2**20 for count in counts]
    return " and ".join(
        f"{size:,.0f} MiB, ${size * PRICES['metrics'].dollars:.2f}, for the {fleet.name} fleet"
        for fleet, size in zip(FLEETS, sizes, strict=True)
    )


def _additions() -> str:
    """Return the table of what more streams, locations, tasks and a second job add."""
    one, other = task(), objects_job(NOTHING, schedules=0)
    both = one._replace(
        name="one more task of both jobs",
        task_seconds=one.task_seconds + other.task_seconds,
        points=one.points + other.points,
        read=one.read + other.read,
    )
    return table(
        ("added", *_COLUMNS),
        (
            (
                each.name,
                f"${each.cloud_run:.2f}" if each.task_seconds else "none",
                f"${each.scheduler:.2f}" if each.schedules else "none",
                f"${each.metrics:.2f} ({each.points:,.0f} points, {each.mebibytes:.1f} MiB)",
                f"**${each.today:.2f}**",
                f"${each.alerting:.2f} ({each.read / 1e6:.1f} million points)",
                f"**${each.today + each.alerting:.2f}**",
            )
            for each in (
                more(streams=1),
                more(locations=1),
                one,
                *map(objects_job, FLEETS),
                both,
            )
        ),
    )


def _own_metrics() -> tuple[str, ...]:
    """Return the names of the exporter's metrics of itself."""
    metrics = definitions.metrics().values()
    return tuple(metric.name for metric in metrics if metric.resource == "exporter")


def _reads(counts: Mapping[str, int]) -> float:
    """Return how many points the conditions read each month, of series by the metric's name."""
    metrics = _metrics_by_promql_name()
    return sum(
        counts.get(metrics[name].name, 0) * MONTH / interval
        for name, interval in references(JOB.module)
        if name in metrics
    )


def _saved() -> str:
    """Return what writing and evaluating less often save, for the larger fleet."""
    fleet = FLEETS[-1]
    whole = month(fleet, POOL._replace(whole_seconds=POOL.interval)).today
    named = references("function")
    read = sum(series(name, fleet) for name, _ in named) * MONTH / EVALUATION_SECONDS / 1e6
    often = _alerting(len(named), read)
    return (
        f"For the {fleet.name} fleet, a worker pool that wrote every location every 10 s would "
        f"cost\n  ${whole:.2f}, not ${month(fleet, POOL).today:.2f}. If all conditions were "
        f"evaluated every {EVALUATION_SECONDS} s,\n  alerting as announced would cost "
        f"${often:.2f}, not ${month(fleet, FUNCTION).alerting:.2f}."
    )


def _polling_row(interval: int) -> tuple[str, ...]:
    """Return the row of the 50-line function that posts to Slack by itself."""
    run, schedule = cloud_run("function", interval), PRICES["schedule"].total(1)
    name = f"a 50-line function, every {interval // 60} min"
    return (
        "one stream",
        name,
        f"${run:.2f}",
        f"${schedule:.2f}",
        "none",
        f"**${run + schedule:.2f}**",
        "none",
        f"**${run + schedule:.2f}**",
    )


def _row(fleet: Fleet, mode: Mode) -> tuple[str, ...]:
    cost = month(fleet, mode)
    points = f"{cost.points} points per run, {cost.mebibytes:,.0f} MiB"
    announced = f"{cost.names} names, {cost.read:,.0f} million points"
    return (
        fleet.name,
        mode.name,
        f"${cost.cloud_run:.2f}",
        "none" if mode.service == "pool" else f"${cost.scheduler:.2f}",
        f"${cost.metrics:.2f} ({points})",
        f"**${cost.today:.2f}**",
        f"${cost.alerting:.2f} ({announced})",
        f"**${cost.today + cost.alerting:.2f}**",
    )


def _exact(dollars: float) -> str:
    """Return a price with all its digits, at least two."""
    whole, _, fraction = f"{dollars:.9f}".rstrip("0").partition(".")
    return f"{whole}.{fraction:0<2}"
