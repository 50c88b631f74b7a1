"""Generates the parts of README.md: a transcript, a page, the cost, the comparison."""

import re
from collections.abc import Sequence
from textwrap import dedent, fill

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
from tools.policies import polling, times_to_page

_NEVER = "never, without an alert on missing executions"
# The first cells of each measured change: in words, and when a policy on Datastream's
# errors notifies: https://docs.cloud.google.com/logging/docs/alerting/monitoring-logs
_CHANGES = {
    "FAILED": ("worst time to page: FAILED", "seconds"),
    "FAILED_PERMANENTLY": ("worst time to page: FAILED_PERMANENTLY", "seconds"),
    "deleted": ("worst time to page: deleted", "never"),
    "paused by hand, from PAUSED": ("worst time to page: paused by mistake", "never"),
    "exporter dead": (
        "worst time to page: function or exporter dies",
        "nothing to die",
    ),
}


def transcript() -> str:
    """Return `make run` and its output, shortened to what a reader looks at first."""
    shown = lab.output("demo").partition("\n\nThe page of")[0]
    lines = shown[shown.index("STREAM ") :].splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    fleet = lines[: lines.index(errors[0])]
    # The time is all that differs between two runs.
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", lines[-1])
    parts = ("$ make run", _unhealthy(fleet), *errors[:2], "…", summary)
    return fenced("console", "\n".join(parts))


def _unhealthy(fleet: list[str]) -> str:
    """Return the fleet's table without the streams that are fine and have no errors."""
    heading, *rows = fleet
    shown = [heading]
    for row in rows:
        if row.split()[-2:] != ["yes", "0"]:
            shown.append(row)
        elif shown[-1] != "…":
            shown.append("…")
    return "\n".join(shown)


def page() -> str:
    """Return how the page of `make run` begins."""
    shown = lab.output("demo").partition("as Slack shows it:")[2]
    text = shown.partition("\n  [1]")[0]
    return fenced("text", dedent(text).strip())


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
    costs = (
        "cost a month, 20 streams",
        "$0",  # policies on logs have no price: tools/prices.yaml
        _dollars(
            [cloud_run("function", each) + schedule for each in POLLING_INTERVALS]
        ),
        f"{_dollars([function, function])} (as a job: ${month(few, 'job'):.0f})",
    )
    heading = (
        "",
        "an alert on errors in Datastream's log",
        "a 50-line function, every 5 min / every minute",
        "this, as a function every minute / with a log trigger",
    )
    return table(heading, (costs, *map(_time, _CHANGES)))


def _time(change: str) -> tuple[str, str, str, str]:
    """Return the row of a kind of change: the worst case, in seconds."""
    by_mode = times_to_page()[change]
    function, triggered = (
        by_mode[mode]["worst_seconds"] for mode in ("function", "function_log_triggers")
    )
    return (
        *_CHANGES[change],
        " / ".join(polling(by_mode)).replace("never / never", _NEVER),
        f"{function} / {triggered} s",
    )
