"""The list prices that a deployment is reckoned with, each with the page that says so."""

from __future__ import annotations

from dataclasses import dataclass

from lab.markdown import table

BYTES_A_POINT = 8
"""Of a gauge, INT64 or DOUBLE."""

_RUN = "https://cloud.google.com/run/pricing"
_SCHEDULER = "https://cloud.google.com/scheduler/pricing"
_OBSERVABILITY = "https://cloud.google.com/stackdriver/pricing"
_EXAMPLES = "https://cloud.google.com/stackdriver/observability-pricing-examples"
_DATASTREAM = "https://cloud.google.com/datastream/pricing"


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in US dollars.

    Attributes:
        what: What is billed.
        unit: By what.
        dollars: For one unit.
        free: Units that are free each month, for a whole billing account.
        page: The page that says so.
        as_of: When that was read.
        note: What else it says.
    """

    what: str
    unit: str
    dollars: float
    free: float
    page: str
    as_of: str
    note: str = ""

    def of(self, units: float) -> float:
        """Return what so many units cost, were nothing else on the billing account."""
        return max(0.0, units - self.free) * self.dollars


JOB_CPU = Price(
    "Cloud Run job, CPU",
    "vCPU-second",
    0.000018,
    240_000,
    _RUN,
    "September 2026",
    "each task is billed for a minute at least",
)
JOB_MEMORY = Price(
    "Cloud Run job, memory", "GiB-second", 0.000002, 450_000, _RUN, "September 2026", "the same"
)
POOL_CPU = Price(
    "Cloud Run worker pool, CPU", "vCPU-second", 0.000011244, 384_204, _RUN, "September 2026"
)
POOL_MEMORY = Price(
    "Cloud Run worker pool, memory", "GiB-second", 0.000001235, 728_744, _RUN, "September 2026"
)
FUNCTION_CPU = Price(
    "Cloud Run function, CPU",
    "vCPU-second",
    0.000024,
    180_000,
    _RUN,
    "September 2026",
    "billed by request; only for the comparison in README.md",
)
FUNCTION_MEMORY = Price(
    "Cloud Run function, memory",
    "GiB-second",
    0.0000025,
    360_000,
    _RUN,
    "September 2026",
    "the same",
)
FUNCTION_REQUESTS = Price(
    "Cloud Run function, requests", "million", 0.40, 2, _RUN, "September 2026", "the same"
)
SCHEDULE = Price(
    "Cloud Scheduler", "job and month", 0.10, 3, _SCHEDULER, "August 2026", "however often it runs"
)
METRICS = Price(
    "Custom metrics",
    "MiB",
    0.258,
    150,
    _OBSERVABILITY,
    "September 2026",
    f"{BYTES_A_POINT} bytes a point; cheaper beyond 100,000 MiB",
)
REFERENCE = Price(
    "Alerting, a metric that a condition names",
    "month",
    0.35,
    0,
    _EXAMPLES,
    "October 2026",
    "**announced**: no sooner than 1 September 2027, free until then; policies on logs have none",
)
RETURNED = Price(
    "Alerting, points that conditions return",
    "million",
    0.50,
    0,
    _EXAMPLES,
    "October 2026",
    "the same",
)
PRICES = (
    JOB_CPU,
    JOB_MEMORY,
    POOL_CPU,
    POOL_MEMORY,
    FUNCTION_CPU,
    FUNCTION_MEMORY,
    FUNCTION_REQUESTS,
    SCHEDULE,
    METRICS,
    REFERENCE,
    RETURNED,
    Price("Cloud Monitoring, calls that write", "call", 0, 0, _OBSERVABILITY, "October 2025"),
    Price(
        "Datastream, calls that list",
        "call",
        0,
        0,
        _DATASTREAM,
        "October 2026",
        "it bills the data that it moves",
    ),
)


def prices() -> str:
    """Return every price, with the page that says so."""
    return table(
        ("what", "price", "free each month", "page", "as of", "note"),
        (
            (
                each.what,
                f"${_exact(each.dollars)} a {each.unit}" if each.dollars else "free",
                f"{each.free:,.0f}" if each.free else "none",
                f"[{each.page.removeprefix('https://')}]({each.page})",
                each.as_of,
                each.note,
            )
            for each in PRICES
        ),
    )


def _exact(dollars: float) -> str:
    """Return a price with all its digits, cents at least."""
    whole, _, part = f"{dollars:.9f}".rstrip("0").partition(".")
    return f"{whole}.{part:0<2}"
