"""Asks about Google's own series: their labels, joins, counts and delays."""

import time
from logging import ERROR, INFO, WARNING

from exporter.log.summary import name_first
from exporter.names import LocationName
from exporter.text import plural
from lab.policies.model import HOUR
from lab.prove.incidents import resource_name
from lab.verify.deployed import deployed_policies
from lab.verify.series import read_series
from lab.verify.target import Findings, Target

_LATENCIES = "datastream_googleapis_com:stream_total_latencies"
_PARTS = ("sum", "count")
_STREAM = '{monitored_resource="datastream.googleapis.com/Stream"}'
_FRESHNESS = f"last_over_time(datastream_googleapis_com:stream_freshness{_STREAM}[1h])"
# The rule of the policies: the id of the project is in one of two labels
_NAMED = (
    f'label_replace(label_replace({_FRESHNESS}, "namespace", "$1",'
    ' "resource_container", "(?:projects/)?([a-z][^/]*)"), "namespace", "$1",'
    ' "project_id", "(.+)")'
)
# What stream-stalled reads
_FRESHNESS_TYPE = "datastream.googleapis.com/stream/freshness"
_CHECKPOINT_TYPE = "logging.googleapis.com/user/datastream_checkpoint"
_LATE_SECONDS = 1800  # without freshness for so long, stream-stalled alerts


def native(target: Target) -> Findings:
    """Yield the labels of Google's series, and how they join; raise CallError."""
    found = target.query(_FRESHNESS)
    if found:
        labels = found[0].labels
        shown = [f"{key}={labels[key]}" for key in sorted(labels) if key != "__name__"]
        yield INFO, f"labels of freshness: {', '.join(shown)}"
    running = f"{target.own('stream/state', '10m')} == 2"
    streams = target.query(running)
    apart = target.query(
        f"{running} unless on (namespace, location, stream_id) {_NAMED}"
    )
    text = (
        "RUNNING streams that join with Google's freshness of the last hour:"
        f" {len(streams) - len(apart)} of {len(streams)}"
    )
    level = INFO
    if apart:
        # Without any, nothing says how they name their project.
        level = ERROR if found else WARNING
        names = [resource_name(each.labels) for each in apart]
        blind = [
            each.name
            for each in deployed_policies(target)
            if "datastream_googleapis_com" in each.promql.query
        ]
        text += (
            f". {', '.join(blind) or 'Policies on freshness'} can't alert about"
            f" {name_first(sorted(names))}. After a start, or a drill with it,"
            " freshness takes some minutes: verify again. If this stays, add its"
            f" project to the metrics scope of projects/{target.project}. If it is"
            " there, open an issue with the labels"
        )
    yield level, text
    events = f"datastream_googleapis_com:stream_event_count{_STREAM}[1h]"
    total = target.query(f"sum(sum_over_time({events})) > 0")
    increase = target.query(f"sum(increase({events})) > 0")
    if total and not increase:
        text = (
            f"increase() counts none of the {total[0].value:.0f} events of the last"
            " hour: stream-unsupported-events can't alert, stream-quiet-* are wrong"
        )
        yield ERROR, text
    latencies = [f"sum(increase({_LATENCIES}_{part}{_STREAM}[1h]))" for part in _PARTS]
    mean = target.query(" / ".join(latencies))
    what = "total_latencies_sum / _count"
    if mean:
        yield INFO, f"{what}: {mean[0].value:.0f} s in the last hour"
    elif increase:
        text = f"{what} have no series, though events were counted"
        yield WARNING, f"{text}: stream-lagging sees freshness alone. Open an issue"
    else:
        yield INFO, f"{what} have no series: correct if nothing was copied"
    if streams:
        names = [resource_name(each.labels) for each in streams]
        yield from _ages(target, sorted(names))


def _ages(target: Target, running: list[str]) -> Findings:
    """Yield how old the newest points of RUNNING streams are; raise CallError."""
    now = time.time()
    freshness = _newest(target, _FRESHNESS_TYPE, now)
    checkpoints = _newest(target, _CHECKPOINT_TYPE, now)
    without = []
    for name in running:
        if name not in checkpoints:
            without.append(name)
            continue
        checkpoint = f"newest checkpoint {now - checkpoints[name]:.0f} s ago"
        text = f"{name}: {checkpoint}, no freshness in the last hour"
        level = WARNING
        if name in freshness:
            age = now - freshness[name]
            text = f"{name}: {checkpoint}, newest freshness {age:.0f} s ago"
            level = WARNING if age > _LATE_SECONDS else INFO
        if level == WARNING:
            text += ". stream-stalled alerts: it stalled, or Google's metric is late"
        yield level, text
    if without:
        text = (
            f"no checkpoint in the last hour of {plural(len(without), 'stream')}:"
            " stream-stalled sees freshness alone there. That is right for sources"
            " other than PostgreSQL, and with log_metrics = false. Otherwise, look for"
            " the metric datastream_checkpoint, and its labels, in the stream's project"
        )
        yield INFO, text
    for project in sorted({name.split("/")[1] for name in without}):
        if target.rest.lacks_log_metric(project, "datastream_checkpoint"):
            text = (
                f"projects/{project} has no log-based metric datastream_checkpoint:"
                " stream-stalled sees freshness alone there. Apply Terraform,"
                " without log_metrics = false"
            )
            yield WARNING, text


def _newest(target: Target, metric: str, now: float) -> dict[str, float]:
    """Return when each stream's newest point of a metric was measured, by its name."""
    found: dict[str, float] = {}
    for series in read_series(target, metric, now - HOUR, now):
        labels = dict(series.labels)
        # The project stands in one of two labels, as in the policies.
        container = labels.get("resource_container", "").removeprefix("projects/")
        location = LocationName(labels.get("project_id", container), labels["location"])
        name = str(location.stream(labels["stream_id"]))
        found[name] = max(found.get(name, 0), series.samples[-1].time)
    return found
