"""Generates the parts of README.md: a page, a fleet at a terminal, the comparison."""

import re
from textwrap import dedent

from lab.markdown import fenced, table
from lab.simulate.scenario import LATEST_START_SECONDS
from tools import lab
from tools.cost import FLEETS, SOME, Fleet, alerting, cloud_run, month, total
from tools.policies import times_to_page

_SCRIPT_SECONDS = 300  # between the runs of a polling script
_SHOWN_STREAMS = 3  # of the fleet
_MODES = ("function_log_triggers", "job")  # whose times are shown
# The heading of each measured change, and when others tell it: a policy on Datastream's
# log (https://docs.cloud.google.com/logging/docs/alerting/monitoring-logs), a script
_SCRIPT = f"{_SCRIPT_SECONDS + LATEST_START_SECONDS['function']:.0f} s"
_CHANGES = {
    "FAILED": (
        "a stream fails",
        "seconds",
        _SCRIPT,
    ),
    "paused by hand, from PAUSED": (
        "is paused by mistake",
        "never",
        _SCRIPT,
    ),
    "deleted": (
        "is deleted",
        "never",
        _SCRIPT,
    ),
    "exporter dead": ("what watches dies", "nothing can die", "never"),
}


def transcript() -> str:
    """Return the fleet of `make run`, shortened to what a reader looks at first."""
    shown = lab.output("demo").partition("\n\nThe page of")[0]
    lines = shown[shown.index("STREAM ") :].splitlines()
    heading, *rows = (line for line in lines[:-1] if not line.startswith("error: "))
    unexpected = [row for row in rows if row.split()[-2] == "no"]
    # The time is all that differs between two runs.
    summary = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", lines[-1])
    parts = (heading, *unexpected[:_SHOWN_STREAMS], "…", summary)
    return fenced("console", "\n".join(parts))


def page() -> str:
    """Return how the page of `make run` begins."""
    shown = lab.output("demo").partition("as Slack shows it:")[2]
    text = shown.partition(" Open the stream")[0]
    return fenced("text", dedent(text).strip())


def comparison() -> str:
    """Return what this and the usual ways cost, and when they tell of a change."""
    script = cloud_run("function", _SCRIPT_SECONDS) + total("schedule", 1)
    rows: list[tuple[str, ...]] = []
    for fleet in FLEETS[:2]:
        row = (
            f"a month, {fleet.streams} streams",
            "$0",  # policies on logs have no price: tools/prices.yaml
            f"${script:.0f}",
            _dollars(fleet, "function"),
            _dollars(fleet, "job"),
        )
        rows.append(row)
    for change, words in _CHANGES.items():
        by_mode = times_to_page()[change]
        worst = [f"{by_mode[mode]['worst_seconds']} s" for mode in _MODES]
        rows.append((*words, *worst))
    heading = (
        "",
        "an alert on Datastream's log",
        "a script every 5 min",
        "this, as a function",
        "this, as a job",
    )
    return table(heading, rows)


def _dollars(fleet: Fleet, mode: str) -> str:
    """Return the price of a month, before and after alerting is charged for."""
    now = month(fleet, mode)
    then = now + alerting(fleet._replace(with_problem=SOME))
    return f"${now:.0f}, then ${then:.0f}"
