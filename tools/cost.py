"""Adds up what a deployment costs per month, from the prices in prices.yaml.

A month is one of README.md's own two-line config: locations are discovered. A function
writes a location that doesn't change every 240 s, and reads one without streams every
300 s; a job reads and writes everything in each run.
"""

from functools import cache
from typing import Any, NamedTuple

import yaml

from exporter.config import from_document
from exporter.config.locations import KNOWN
from exporter.documents.document import Document
from exporter.run.memory import EMPTY_SECONDS, LONGEST_SECONDS
from exporter.steps import measure
from exporter.steps.problems import WAITS
from lab.markdown import table
from lab.policies.deployment import is_created
from lab.policies.files import Policy, read_policies
from lab.policies.promql import promql_name
from tools import POLICIES, ROOT
from tools.clauses import billed

MONTH = 730 * 3600  # seconds of a month, as in Google's own examples

# What a job and a function have
VCPUS = 1
GIBIBYTES = 0.5

# Of a run. Cloud Run bills at least 60 s of a job's; a function's run over thousands of
# streams takes 2 s
BILLED_SECONDS = {"job": 60, "function": 2}
BYTES_PER_POINT = 8  # of a gauge, INT64 or DOUBLE

PREFIX = "custom.googleapis.com/datastream/"  # of the exporter's metrics
# Metrics that config has to enable
OPTIONAL = {
    "stream/limit",
    "stream/objects",
    "stream/object_errors",
    "exporter/uncollected",
}

# What is written only of streams that are not as they should be
SPARSE = ("stream/problem_state", "stream/problem_since")
# What is written of a location without streams
WITHOUT_STREAMS = ("location/up", "location/last_read")


_SMALLEST = {"metrics": {"project": "ops-prod"}, "sources": [{"project": "shop-prod"}]}
_DEFAULT = from_document(Document(_SMALLEST, ""), {})
PRICES: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "tools" / "prices.yaml").read_text("utf-8")
)


def total(price: str, units: float, *, free: bool = True) -> float:
    """Return what units cost; without ``free``, others use up the free ones."""
    billed = units
    if free:
        billed -= PRICES[price].get("free", 0)
    return float(max(0, billed) * PRICES[price]["dollars"])


class Fleet(NamedTuple):
    """What is watched."""

    streams: int  # how many streams there are
    locations: int  # how many locations have streams
    projects: int  # in how many projects; each has every location of Datastream
    # The share of the streams that had a problem within the last day
    with_problem: float = 0
    optional: bool = False  # whether config enables all that is optional

    @property
    def empty(self) -> int:
        """How many discovered locations have no streams."""
        return max(0, len(KNOWN) * self.projects - self.locations)


SOME = 0.05  # a share of the streams
# Policies that tell what another tool may tell, or what is rare
_SPARED = ("stream-lagging", "stream-stalled", "stream-unsupported-events")
FLEETS = (Fleet(20, 3, 1), Fleet(200, 10, 3), Fleet(2000, 60, 20))
INTERVAL = 60  # seconds from one run to the next, if config doesn't say
# The columns of prices: a mode, and the seconds from one run to the next
MODES = {
    "function": ("function", INTERVAL),
    "job": ("job", INTERVAL),
    "job, every 5 min": ("job", 300),
}


def months() -> str:
    """Return what each fleet costs in each mode, and what one more stream costs."""
    rows = []
    for fleet in FLEETS:
        prices = [_prices(fleet, *mode) for mode in MODES.values()]
        some = alerting(fleet._replace(with_problem=SOME))
        most = alerting(fleet._replace(with_problem=1))
        row = (
            f"{fleet.streams:,}",
            str(fleet.locations),
            str(fleet.projects),
            *prices,
            f"${some:.2f} / ${most:.2f}",
        )
        rows.append(row)
    one = alerting_by_policy(Fleet(1, 1, 1, SOME))
    spared = sum(one[name] for name in _SPARED)
    few = Fleet(100, 10, 1)
    stream = _added(few, few._replace(streams=101))
    problem = _added(few, few._replace(with_problem=0.01))
    policies = alerting_by_policy(Fleet(0, 0, 0)).items()
    route = [price for name, price in policies if not name.startswith("exporter-")]
    counted_fleets = (Fleet(1, 1, 1), *FLEETS[:2])
    counted = [_checkpoints(each) for each in counted_fleets]
    counted_free = " / ".join(f"${some:.2f}" for some, _ in counted)
    counted_all = " / ".join(f"${most:.2f}" for _, most in counted)
    back_20, back_200 = reading_back(20), reading_back(200)
    names = ", ".join(f"`{name}`" for name in _SPARED)
    described = ("streams", "their locations", "projects")
    return f"""\
{table((*described, *MODES, "alerting, as announced"), rows)}

With the free tiers / where others on the billing account use them up; alerting if one
stream in twenty / if every stream has a problem.

- **Alerting** for one stream costs ${sum(one.values()):.0f}. To pay ${spared:.0f} less,
  [turn off](#policies) {names}.
  Then nothing tells of lag and dropped events, nor of a RUNNING stream that
  has stopped. Each route that notifies adds {len(route)} policies,
  and about ${sum(route):.0f}.
- **One more stream** costs, beyond the free tiers, {stream} for alerting; a stream's
  problem {problem}.
- **The log-based metric** adds to a function, for 1 / 20 / 200 PostgreSQL streams,
  {counted_free} a month with the free tier, {counted_all} without, if
  a series without new entries costs nothing.
- **A job** that runs every minute pays four times as much for metrics. Reading
  problems back costs it ${back_20:.2f} beside 20 streams that always have one,
  ${back_200:.2f} beside 200."""


def _prices(fleet: Fleet, mode: str, interval: int) -> str:
    """Return what a month costs with the free tiers, and without."""
    with_free_tiers = month(fleet, mode, interval)
    without = month(fleet, mode, interval, free=False)
    return f"${with_free_tiers:.2f} / ${without:.2f}"


def month(
    fleet: Fleet, mode: str, interval: int = INTERVAL, *, free: bool = True
) -> float:
    """Return what a month in a mode costs in dollars, without alerting.

    It runs every ``interval`` seconds.
    """
    return (
        cloud_run(mode, interval, free=free)
        + total("schedule", 1, free=free)
        + total("metrics", mebibytes(fleet, mode, interval), free=free)
    )


def mebibytes(fleet: Fleet, mode: str, interval: int = INTERVAL) -> float:
    """Return the size of the points that a month's runs write."""
    runs = MONTH / interval
    empty = len(WITHOUT_STREAMS) * fleet.empty
    own = _points("exporter", fleet)
    # The discovery of each project has a location/up.
    streams = _points("stream", fleet) + _points("location", fleet) + fleet.projects
    points = runs * own
    if mode == "job":
        points += runs * (streams + empty)
    else:
        points += MONTH / max(LONGEST_SECONDS, interval) * streams
        points += MONTH / EMPTY_SECONDS * empty
    return points * BYTES_PER_POINT / 2**20


def _checkpoints(fleet: Fleet) -> tuple[float, float]:
    """Return what a checkpoint a minute of each stream adds to a function.

    With the free tier, which the function's points use first, and without it.
    """
    own = mebibytes(fleet, "function")
    more = fleet.streams * MONTH / 60 * BYTES_PER_POINT / 2**20
    with_free_tier = total("metrics", own + more) - total("metrics", own)
    return with_free_tier, total("metrics", more, free=False)


def cloud_run(mode: str, interval: int, *, free: bool = True) -> float:
    """Return what a month of Cloud Run costs, with a run every ``interval`` seconds."""
    runs = MONTH / interval
    seconds = runs * BILLED_SECONDS[mode]
    millions = runs / 1e6 if mode == "function" else 0
    return (
        total(f"{mode}_cpu", seconds * VCPUS, free=free)
        + total(f"{mode}_memory", seconds * GIBIBYTES, free=free)
        + total("function_requests", millions, free=free)
    )


def reading_back(problems: int, interval: int = INTERVAL) -> float:
    """Return what a job pays a month to read back so many problems in each run.

    Three lists have a series for each of them.
    """
    listed = 3 * max(1, problems) * MONTH / interval
    return total("listed_series", listed / 1e6)


def alerting(fleet: Fleet) -> float:
    """Return what a month of alerting costs in dollars, as announced."""
    return sum(alerting_by_policy(fleet).values())


def alerting_by_policy(fleet: Fleet) -> dict[str, float]:
    """Return what a month of each policy on metrics costs in dollars, as announced."""
    prices = {}
    for policy in _policies():
        if policy.query and policy.enabled and not is_optional(policy):
            price = query_price(policy.query, policy.interval, fleet)
            prices[policy.name] = price
    return prices


def query_price(query: str, interval: int, fleet: Fleet) -> float:
    """Return what a month of a query costs in dollars; ``interval`` is in seconds.

    A query pays for each metric in each of its clauses. An evaluation reads a point of
    every series that a clause names, after its aggregation and however far it looks
    back.
    """
    named = billed(query)
    points = 0.0
    for each in named:
        counted = fleet
        if "stream_id" not in each.apart:
            # The streams of a location are one series.
            counted = fleet._replace(streams=fleet.locations)
        count: float = fleet.projects if "namespace" in each.apart else 1
        if "location" in each.apart:
            count = series(each.metric, counted)
        if "kind" in each.equal:
            # A stream has one kind of problem, so the selectors of all share them.
            count /= len(WAITS)
        points += count
    millions = points * MONTH / interval / 1e6
    read = total("read_points", millions)
    return total("condition", len(named)) + read


def is_optional(policy: Policy) -> bool:
    """Return whether it can't alert where config leaves everything at its default."""
    return not is_created(policy.needs, _DEFAULT)


@cache
def _policies() -> tuple[Policy, ...]:
    """Return the project's policies."""
    return read_policies(POLICIES)


def series(name: str, fleet: Fleet) -> float:
    """Return how many series a metric has.

    Args:
        name: Its name in PromQL.
        fleet: What is watched.

    Raises:
        KeyError: It looks like one of the exporter's metrics, but isn't.
    """
    if not name.startswith("custom_"):
        # Google's own, of the streams.
        return fleet.streams
    metric = _metrics()[name]
    own = metric.type.removeprefix(PREFIX)
    if own in OPTIONAL and not fleet.optional:
        return 0
    if own in SPARSE:
        return fleet.streams * fleet.with_problem
    empty = fleet.empty if own in WITHOUT_STREAMS else 0
    counts = {"stream": fleet.streams, "location": fleet.locations}
    return counts.get(metric.resource, 1) + empty


def _points(resource: str, fleet: Fleet) -> float:
    """Return how many points a run writes of streams, locations or the exporter."""
    full = fleet._replace(projects=0)
    of_resource = (
        name for name, metric in _metrics().items() if metric.resource == resource
    )
    return sum(series(name, full) for name in of_resource)


@cache
def _metrics() -> dict[str, measure.Metric]:
    """Return the exporter's metrics by their names in PromQL."""
    return {promql_name(metric.type): metric for metric in measure.metrics().values()}


def _added(fleet: Fleet, larger: Fleet) -> str:
    """Return what a larger fleet adds a month: for metrics, and for alerting."""
    more = mebibytes(larger, "function") - mebibytes(fleet, "function")
    dollars = more * PRICES["metrics"]["dollars"]
    alerts = alerting(larger) - alerting(fleet)
    return f"${dollars:.2f} a month, and ${alerts:.2f}"
