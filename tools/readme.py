"""The generated parts of README.md."""

from __future__ import annotations

import io
import re

from lab.cli import main as lab
from lab.markdown import fenced, table
from tools.cost import FLEETS, GIBIBYTES, MODES, MONTH, PRICES, VCPUS, month
from tools.policies import POLLING_INTERVALS, times_to_page

RUN_SECONDS = 2
"""How long a run of the function takes, on the machine of the worker pool."""

_CHANGES = {
    "FAILED": "FAILED",
    "FAILED_PERMANENTLY": "FAILED_PERMANENTLY",
    "deleted": "deleted",
    "paused by hand, from PAUSED": "paused by mistake",
    "exporter dead": "function or exporter dies",
}
"""The measured changes, in the words of the table."""


def transcript() -> str:
    """Return `make run` and its output, shortened to what a reader looks at first."""
    out, err = io.StringIO(), io.StringIO()
    code = lab.main(["demo"], {}, out, err)
    if code:
        raise RuntimeError(f"`demo` answered with exit code {code}:\n{err.getvalue()}")
    fleet, concerns, written = out.getvalue().strip().split("\n\n")
    summary = next(line for line in err.getvalue().splitlines() if " points written; " in line)
    # The time is all that differs between two runs.
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", summary)
    parts = (_unhealthy(fleet), _first_concerns(concerns), f"{written}\n{summary}")
    return fenced("console", "$ make run\n" + "\n\n".join(parts))


def _unhealthy(fleet: str) -> str:
    """Return the fleet's table without the streams that are as expected and have no errors."""
    heading, *rows = fleet.splitlines()
    shown = [heading]
    for row in rows:
        *_, expected, errors = row.split()
        if (expected, errors) != ("yes", "0"):
            shown.append(row)
        elif shown[-1] != "…":
            shown.append("…")
    return "\n".join(shown)


def _first_concerns(concerns: str, count: int = 3) -> str:
    """Return the first few things to look at, each a subject and a sentence."""
    return "\n".join([*concerns.splitlines()[: 1 + 2 * count], "  …"])


def comparison() -> str:
    """Return the table; where a cell has two values, they are those of the heading's two cases."""
    rows = (
        ("set-up", "3 steps: code, webhook secret, schedule", "4 steps, with Terraform"),
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
            "this, as a job every minute / as a worker pool every 10 s",
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
        PRICES["function_cpu"].total(seconds * VCPUS)
        + PRICES["function_memory"].total(seconds * GIBIBYTES)
        + PRICES["function_requests"].total(runs / 1e6)
        + PRICES["schedule"].total(1)
    )


def _costs() -> tuple[str, str]:
    theirs = [f"${function_cost(interval):.0f}" for interval in POLLING_INTERVALS]
    job, _, pool = (f"${month(FLEETS[0], mode).today:.0f}" for mode in MODES)
    return " / ".join(theirs), f"{job} / {pool}"


def _times() -> list[tuple[str, str, str]]:
    """Return a row for each kind of change: the worst case, in seconds."""
    times = times_to_page()
    rows = []
    for change, name in _CHANGES.items():
        noticed = times[change]["job"]["polling_seconds"] is not None
        theirs = " / ".join(map(str, POLLING_INTERVALS)) + " s" if noticed else "never"
        ours = " / ".join(
            str(times[change][mode]["worst_seconds"]) for mode in ("job", "worker_pool")
        )
        rows.append((f"time to page, worst case: {name}", theirs, f"{ours} s"))
    return rows
