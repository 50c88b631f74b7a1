"""Reads how the exporter runs: its last runs, what it read, and what was lost."""

from collections.abc import Iterator, Mapping
from logging import ERROR, INFO, WARNING

from exporter.measure import GLOBAL, LAST_RUN, POINTS_LOST, STREAMS, UP
from exporter.names import LocationName
from exporter.text import plural
from lab.verify.findings import Finding
from lab.verify.target import Target

_SILENT_SECONDS = 300  # as exporter-silent


def points(target: Target) -> Iterator[Finding]:
    """Yield how each task runs, and which locations were read; raise CallError."""
    runs = target.query("time() - " + target.own("last_over_time", LAST_RUN, "3h"))
    streams = target.query(target.own("last_over_time", STREAMS, "3h"))
    lost = target.query(target.own("sum_over_time", POINTS_LOST, "1h"))
    held = {_task(labels): int(value) for labels, value in streams}
    losses = {_task(labels): int(value) for labels, value in lost}
    for labels, age in runs:
        task = _task(labels)
        missed = losses.get(task, 0)
        level = WARNING if missed else INFO
        text = (
            f"{task}: last run {age:.0f} s ago, {plural(held.get(task, 0), 'stream')},"
            f" {plural(missed, 'point')} lost in the last hour"
        )
        if age > _SILENT_SECONDS:
            level = ERROR
            text += "; it is silent, and its log says why"
        yield Finding(level, "points", text)
    if not runs:
        text = (
            f"no exporter wrote to projects/{target.project} in the last three hours."
            " Check its log, and that this is the metrics project"
        )
        yield Finding(ERROR, "points", text)
        return
    read = 0
    unread = []
    for labels, value in target.query(target.own("last_over_time", UP, "10m")):
        if not value:
            unread.append(str(LocationName(labels["namespace"], labels["location"])))
        elif labels["location"] != GLOBAL:
            read += 1
    yield Finding(INFO, "points", f"{plural(read, 'location')} read")
    if unread:
        text = f"not read, so what is there is unknown: {', '.join(sorted(unread))}"
        yield Finding(WARNING, "points", text)


def _task(labels: Mapping[str, str]) -> str:
    """Return the name of an exporter's task for people."""
    return f"{labels['namespace']} ({labels['location']}, task {labels['node_id']})"
