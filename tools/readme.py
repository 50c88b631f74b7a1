"""Generates the parts of README.md: a transcript, a page, the cost, the comparison."""

import re
from collections.abc import Sequence
from textwrap import fill

from lab.markdown import fenced, table
from tools import lab
from tools.cost import (
    FLEETS,
    POLLING_INTERVALS,
    SOME,
    alerting,
    cloud_run,
    month,
    total,
)
from tools.policies import times_to_page

# The measured changes, in the words of the table
_CHANGES = {
    "FAILED": "FAILED",
    "FAILED_PERMANENTLY": "FAILED_PERMANENTLY",
    "deleted": "deleted",
    "paused by hand, from PAUSED": "paused by mistake",
    "exporter dead": "function or exporter dies",
}


def transcript() -> str:
    """Return `make run` and its output, shortened to what a reader looks at first."""
    shown = lab.output("demo")
    fleet = shown[shown.index("STREAM ") :].partition("\n\n")[0]
    errors = [line for line in shown.splitlines() if line.startswith("error: ")]
    # The time is all that differs between two runs.
    summary = next(line for line in shown.splitlines() if " points written; " in line)
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", summary)
    parts = ("$ make run", _unhealthy(fleet), "", *errors[:2], "…", summary)
    return fenced("console", "\n".join(parts))


def _unhealthy(fleet: str) -> str:
    """Return the fleet's table without the streams that are fine and have no errors."""
    heading, *rows = fleet.splitlines()
    shown = [heading]
    for row in rows:
        if row.split()[-2:] != ["yes", "0"]:
            shown.append(row)
        elif shown[-1] != "…":
            shown.append("…")
    return "\n".join(shown)


def page() -> str:
    """Return how a page begins, as `preview` prints it."""
    shown = lab.output("preview", "stream-failed-permanently")
    text = shown.partition("Look at first")[0]
    return fenced("text", "\n".join(line.strip() for line in text.strip().splitlines()))


def cost() -> str:
    """Return the bullet that states the cost."""
    free = _dollars([month(fleet, "function") for fleet in FLEETS])
    used_up = _dollars([month(fleet, "function", free=False) for fleet in FLEETS])
    alerts = _dollars([alerting(fleet._replace(with_problem=SOME)) for fleet in FLEETS])
    fleets = " / ".join(f"{fleet.streams:,}" for fleet in FLEETS)
    return fill(
        f"- **It costs little.** As a function, {fleets} streams cost {free} a month,"
        f" or {used_up} where Google's free tiers are used up. Once Google charges for"
        f" alerting (announced for September 2027), all policies add {alerts}, if one"
        " stream in twenty has a problem.",
        width=120,
        subsequent_indent="  ",
    )


def _dollars(prices: Sequence[float]) -> str:
    return " / ".join(f"${price:,.0f}" for price in prices)


def comparison() -> str:
    """Return the rows of the comparison that are numbers.

    Where a cell has two values, they are those of the heading's two cases.
    """
    schedule = total("schedule", 1)
    few = FLEETS[0]
    function = month(few, "function")
    pool = month(few, "worker_pool")
    costs = (
        "cost a month, 20 streams",
        _dollars(
            [cloud_run("function", each) + schedule for each in POLLING_INTERVALS]
        ),
        _dollars([function, function]),
        f"${pool:.0f} (as a job every minute: ${month(few, 'job'):.0f})",
    )
    heading = (
        "",
        "a 50-line function, every 5 min / every minute",
        "this, as a function every minute / with a log trigger",
        "this, as a worker pool every 10 s",
    )
    return table(heading, (costs, *map(_time, _CHANGES)))


def _time(change: str) -> tuple[str, str, str, str]:
    """Return the row of a kind of change: the worst case, in seconds."""
    by_mode = times_to_page()[change]
    noticed = by_mode["function"]["polling_seconds"] is not None
    function, triggered, pool = (
        by_mode[mode]["worst_seconds"]
        for mode in ("function", "function_log_triggers", "worker_pool")
    )
    return (
        f"time to page, worst case: {_CHANGES[change]}",
        " / ".join(map(str, POLLING_INTERVALS)) + " s" if noticed else "never",
        f"{function} / {triggered} s",
        f"{pool} s",
    )
