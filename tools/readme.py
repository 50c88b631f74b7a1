"""The generated parts of README.md."""

from __future__ import annotations

import io
import re

from lab.cli import main as lab
from lab.markdown import fenced, table
from tools.cost import FLEETS, FUNCTION, JOB, POLLING_INTERVALS, POOL, PRICES, cloud_run, month
from tools.policies import times_to_page

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


def cost() -> str:
    """Return the bullet that states the cost."""
    small, medium = FLEETS
    function, larger = month(small, FUNCTION), month(medium, FUNCTION)
    return (
        f"- **It costs next to nothing.** As a function, ${function.today:.0f} a month for "
        f"{small.streams} streams and ${larger.today:.0f} for\n  {medium.streams}. Once Google "
        f"charges for alerting (announced for September 2027), all policies\n  add "
        f"${function.alerting:.0f} and ${larger.alerting:.0f}."
    )


def comparison() -> str:
    """Return the table; where a cell has two values, they are those of the heading's two cases."""
    rows = (
        (
            "set-up",
            "3 steps: code, webhook secret, schedule",
            "4 steps: config, check, `terraform apply`, a test alert",
            "the same, and build an image",
        ),
        ("cost a month, 20 streams", *_costs()),
        (
            "coverage",
            "the regions and projects in its code",
            "every region of the projects in its config",
            "the same",
        ),
        ("history", "none", "a metric for each stream; dashboard, back-test", "the same"),
        ("a deleted stream", "noticed if its code names the stream", "noticed", "noticed"),
        (
            "a region that can't be read",
            "an exception in its log",
            "an alert; streams are unknown",
            "the same",
        ),
        ("its own death", "not noticed", "noticed", "noticed"),
        (
            "says why a stream failed",
            "yes, with the error's text",
            "yes, with the error's text and what usually fixes it",
            "the same",
        ),
        *_times(),
    )
    return table(
        (
            "",
            "a 50-line function, every 5 min / every minute",
            "this, as a function every minute / with a log trigger",
            "this, as a worker pool every 10 s",
        ),
        rows,
    )


def _costs() -> tuple[str, str, str]:
    schedule = PRICES["schedule"].total(1)
    theirs = [
        f"${cloud_run('function', interval) + schedule:.0f}" for interval in POLLING_INTERVALS
    ]
    function, job, pool = (f"${month(FLEETS[0], mode).today:.0f}" for mode in (FUNCTION, JOB, POOL))
    return " / ".join(theirs), f"{function} / {function}", f"{pool} (as a job every minute: {job})"


def _times() -> list[tuple[str, str, str, str]]:
    """Return a row for each kind of change: the worst case, in seconds."""
    times = times_to_page()
    rows = []
    for change, name in _CHANGES.items():
        by_mode = times[change]
        noticed = by_mode["function"]["polling_seconds"] is not None
        theirs = " / ".join(map(str, POLLING_INTERVALS)) + " s" if noticed else "never"
        function, triggered, pool = (
            str(by_mode[mode]["worst_seconds"])
            for mode in ("function", "function_log_triggers", "worker_pool")
        )
        rows.append(
            (
                f"time to page, worst case: {name}",
                theirs,
                f"{function} / {triggered} s",
                f"{pool} s",
            )
        )
    return rows
