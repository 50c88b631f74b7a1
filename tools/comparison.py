"""The comparison with the polling function that most teams run, for README.md."""

from __future__ import annotations

import json
from typing import Any

from lab.markdown import table
from tools.cost import FLEETS, MODES, MONTH, month
from tools.policies_commands import TIMES
from tools.prices import FUNCTION_CPU, FUNCTION_MEMORY, FUNCTION_REQUESTS, SCHEDULE

POLLING_INTERVALS = (300, 60)
"""Seconds between the runs of the function: what most teams run, and the shortest of a schedule."""

RUN_SECONDS = 2
VCPUS, GIBIBYTES = 1, 0.5
"""How long a run of the function takes, and on what."""

_CHANGES = {
    "FAILED": "FAILED",
    "FAILED_PERMANENTLY": "FAILED_PERMANENTLY",
    "deleted": "deleted",
    "paused by hand, from PAUSED": "paused by mistake",
    "exporter dead": "function or exporter dies",
}
"""The measured changes, in the words of the table."""


def comparison() -> str:
    """Return the table; where a cell has two values, they are those of the heading's two cases."""
    rows = (
        ("set-up", "3 steps: code, webhook secret, schedule", "5 steps, with Terraform"),
        ("cost a month, 20 streams", *_costs()),
        (
            "coverage",
            "the regions and projects in its code",
            "every region of the projects in its config",
        ),
        ("history", "none", "a metric for each stream; dashboard, back-test"),
        ("a deleted stream", "noticed if its code names the stream", "noticed"),
        ("a region that can't be read", "an exception in its log", "an alert; streams are unknown"),
        ("its own death", "not noticed", "noticed"),
        ("says why a stream failed", "yes, with the error's text", "not yet: it links to the log"),
        *_times(),
    )
    return table(
        (
            "",
            "a 50-line function, every 5 min / every minute",
            "this, scheduled every minute / continuous every 10 s",
        ),
        rows,
    )


def function_cost(interval: int) -> float:
    """Return what a polling function costs a month, in US dollars.

    Args:
        interval: Seconds between its runs.
    """
    runs = MONTH / interval
    seconds = runs * RUN_SECONDS
    return (
        FUNCTION_CPU.of(seconds * VCPUS)
        + FUNCTION_MEMORY.of(seconds * GIBIBYTES)
        + FUNCTION_REQUESTS.of(runs / 1e6)
        + SCHEDULE.of(1)
    )


def _costs() -> tuple[str, str]:
    theirs = [f"${function_cost(interval):.0f}" for interval in POLLING_INTERVALS]
    job, slow_pool, pool = (f"${month(FLEETS[0], mode).today:.0f}" for mode in MODES)
    return " / ".join(theirs), f"{job} / {pool} ({slow_pool} continuous every 60 s)"


def _times() -> list[tuple[str, str, str]]:
    """Return a row for each kind of change: the worst case, in seconds."""
    measured: dict[str, dict[str, dict[str, Any]]] = {}
    for each in json.loads(TIMES.read_text("utf-8"))["times"]:
        measured.setdefault(each["change"], {})[each["mode"]] = each
    rows = []
    for change, name in _CHANGES.items():
        by_mode = measured[change]
        noticed = by_mode["scheduled"]["polling_seconds"] is not None
        theirs = " / ".join(map(str, POLLING_INTERVALS)) + " s" if noticed else "never"
        ours = " / ".join(str(by_mode[mode]["worst_seconds"]) for mode in by_mode)
        rows.append((f"time to page, worst case: {name}", theirs, f"{ours} s"))
    return rows
