"""Generates the table of README.md: what this and the usual ways cost, and tell."""

from lab.markdown import table
from lab.simulate.scenario import LATEST_START_SECONDS
from tools.cost import FLEETS, SOME, Fleet, alerting, cloud_run, month, total
from tools.time_to_page import shown

_SCRIPT_SECONDS = 300  # between the runs of a polling script
_MODES = ("function", "job")  # whose times are shown
# The heading of each measured change, and when others tell it: a policy on Datastream's
# log (https://docs.cloud.google.com/logging/docs/alerting/monitoring-logs), a script
_SCRIPT = f"{_SCRIPT_SECONDS + LATEST_START_SECONDS['function']:.0f} s"
_CHANGES = {
    "FAILED": ("a stream fails", "seconds", _SCRIPT),
    "paused by hand, from PAUSED": ("is paused by mistake", "never", _SCRIPT),
    "deleted": ("is deleted", "never", _SCRIPT),
    "exporter dead": ("what watches dies", "nothing can die", "never"),
}


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
        by_mode = shown()[change]
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
