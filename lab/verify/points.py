"""Reads how the exporter runs: its last runs, what it read, and what was lost."""

import time
from logging import ERROR, INFO, WARNING

from exporter.log.summary import name_first
from exporter.names import GLOBAL, LocationName
from exporter.steps.measure import definitions
from exporter.text import plural
from lab.verify.target import Findings, Target

# Until the next run of an exporter that doesn't write when it is due
_DUE_SECONDS = 120


def points(target: Target) -> Findings:
    """Yield how each exporter runs, and which locations were read; raise CallError."""
    now = int(time.time())
    runs = _by_exporter(target, "exporter/last_run", "3h")
    due = _by_exporter(target, "exporter/next_run", "3h")
    streams = _by_exporter(target, "exporter/streams", "3h")
    lost = _by_exporter(target, "exporter/points_lost", "1h", "sum_over_time")
    contracts = _by_exporter(target, "exporter/contract", "13m", "max_over_time")
    for exporter, last_run in sorted(runs.items()):
        missed = lost.get(exporter, 0)
        level = WARNING if missed else INFO
        text = (
            f"{exporter}: last run {now - last_run} s ago,"
            f" {plural(streams.get(exporter, 0), 'stream')},"
            f" {plural(missed, 'point')} lost in the last hour"
        )
        overdue = now - due.get(exporter, last_run + _DUE_SECONDS)
        if overdue > 0:
            level = ERROR
            text += f"; the next one is {overdue} s overdue, and its log says why"
        elif contracts.get(exporter, 0) < definitions()["contract"]:
            level = ERROR
            text += "; it is older than the policies, and some can't alert: upgrade it"
        yield level, text
    if not runs:
        text = (
            f"no exporter wrote to projects/{target.project} in the last three hours."
            " Check its log, and that this is the metrics project"
        )
        yield ERROR, text
        return
    read = 0
    unread = []
    for labels, value in target.query(target.own("location/up", "10m")):
        if not value:
            unread.append(LocationName(labels["namespace"], labels["location"]))
        elif labels["location"] != GLOBAL:
            read += 1
    yield INFO, f"{plural(read, 'location')} read"
    if unread:
        text = f"not read, so their streams are unknown: {name_first(sorted(unread))}"
        yield WARNING, text
    counts = target.own("location/unwatched", "10m")
    for labels, count in target.query(f"sum by (namespace) ({counts}) > 0"):
        text = (
            f"{plural(int(count), 'stream')} of projects/{labels['namespace']} not"
            " watched (muted, excluded or not included)"
        )
        yield INFO, text


def _by_exporter(
    target: Target, metric: str, window: str, function: str = "last_over_time"
) -> dict[str, int]:
    """Return a value for each exporter, by its name for people."""
    return {
        f"{labels['namespace']} ({labels['location']})": int(value)
        for labels, value in target.query(target.own(metric, window, function))
    }
