"""Generates the tables of README.md: what this and the usual ways cost, and tell."""

from exporter.text import plural
from lab.markdown import table
from lab.simulate.scenario import LATEST_START_SECONDS
from tools.cost import FLEETS, INTERVAL, SOME, Fleet, alerting, cloud_run, month, total
from tools.time_to_page import shown

# Each runs every minute, but the alerts: one on what Datastream logs, one on the audit
# log (https://docs.cloud.google.com/logging/docs/alerting/monitoring-logs).
_OTHERS = ("alerts on its logs", "script")
_MODES = ("function", "job")
_SCRIPT = f"{INTERVAL + LATEST_START_SECONDS['function']:.0f} s"
# The heading of each measured change, and when others tell it
_CHANGES = {
    "FAILED": ("a stream fails", "seconds, if it is logged", _SCRIPT),
    "paused by hand, from PAUSED": (
        "is paused by mistake",
        "seconds, planned or not",
        _SCRIPT,
    ),
    "deleted": ("is deleted", "seconds", f"{_SCRIPT}, if it looks"),
    "exporter dead": ("what watches dies", "nothing runs", "never"),
}
_FLEETS = (Fleet(1, 1, 1), FLEETS[1])


def costs() -> str:
    """Return what this and the usual ways cost a month."""
    script = cloud_run("function", INTERVAL) + total("schedule", 1)
    rows = []
    for fleet in _FLEETS:
        row = (
            f"{plural(fleet.streams, 'stream')}, {plural(fleet.projects, 'project')}",
            "$0",  # policies on logs have no price: tools/prices.yaml
            f"${script:.0f}",
            *[_dollars(fleet, mode) for mode in _MODES],
        )
        rows.append(row)
    heading = ("a month", *_OTHERS, *_MODES)
    return table(heading, rows)


def times() -> str:
    """Return how long this and the usual ways take to tell of a change, at most."""
    rows = []
    for change, words in _CHANGES.items():
        by_mode = shown()[change]
        worst = [f"{by_mode[mode]['worst_seconds']} s" for mode in _MODES]
        rows.append((*words, *worst))
    heading = ("until the alert", *_OTHERS, *_MODES)
    return table(heading, rows)


def _dollars(fleet: Fleet, mode: str) -> str:
    """Return the price of a month, before and after alerting is charged for."""
    now = month(fleet, mode)
    then = now + alerting(fleet._replace(with_problem=SOME))
    return f"${now:.0f}, later ${then:.0f}"
