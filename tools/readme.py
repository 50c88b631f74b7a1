"""Generates the parts of README.md: the transcript of `make run`, the cost and the comparison."""

import io
import re
from collections.abc import Callable
from textwrap import fill

from lab.cli import main as lab
from lab.markdown import fenced, table
from tools import lab as lab_tool
from tools.cost import (
    FLEETS,
    POLLING_INTERVALS,
    PRICES,
    Fleet,
    alerting,
    cloud_run,
    month,
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
    out, err = io.StringIO(), io.StringIO()
    code = lab.main(["demo"], {}, out, err)
    if code:
        raise RuntimeError(f"`demo` answered with exit code {code}:\n{err.getvalue()}")
    shown = out.getvalue()
    fleet, concerns = shown[shown.index("STREAM ") :].split("\n\n")[:2]
    summary = next(
        line for line in err.getvalue().splitlines() if " points written; " in line
    )
    # The time is all that differs between two runs.
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", summary)
    first_concerns = "\n".join([*concerns.splitlines()[:5], "  …"])
    parts = (_unhealthy(fleet), first_concerns, summary)
    return fenced("console", "$ make run\n" + "\n\n".join(parts))


def _unhealthy(fleet: str) -> str:
    """Return the fleet's table without the streams that are as expected and have no errors."""
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
    shown = lab_tool.output("preview", "stream-failed-permanently")
    text = shown.partition("Look at first")[0]
    return fenced("text", "\n".join(line.strip() for line in text.strip().splitlines()))


def cost() -> str:
    """Return the bullet that states the cost."""
    prices: tuple[Callable[[Fleet], float], ...] = (
        lambda fleet: month(fleet, "function"),
        lambda fleet: month(fleet, "function", free=False),
        lambda fleet: alerting(fleet, "function"),
    )
    free, used_up, alerts = (
        " / ".join(f"${price(fleet):,.0f}" for fleet in FLEETS) for price in prices
    )
    fleets = " / ".join(f"{fleet.streams:,}" for fleet in FLEETS)
    return fill(
        f"- **It costs little.** As a function, {fleets} streams cost {free} a month,"
        f" or {used_up} where Google's free tiers are used up. Once Google charges for"
        f" alerting (announced for September 2027), all policies add {alerts}.",
        width=120,
        subsequent_indent="  ",
    )


def comparison() -> str:
    """Return the rows of the comparison that are numbers.

    Where a cell has two values, they are those of the heading's two cases.
    """
    schedule = PRICES["schedule"].total(1)
    theirs = [
        cloud_run("function", interval) + schedule for interval in POLLING_INTERVALS
    ]
    function, job, pool = (
        f"${month(FLEETS[0], mode):.0f}" for mode in ("function", "job", "worker_pool")
    )
    costs = (
        "cost a month, 20 streams",
        " / ".join(f"${each:.0f}" for each in theirs),
        f"{function} / {function}",
        f"{pool} (as a job every minute: {job})",
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
