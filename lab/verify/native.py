"""Asks Google's engine about Google's own series: their labels, joins and counts."""

from collections.abc import Iterator
from logging import ERROR, INFO, WARNING

from exporter.log.summary import name_first
from exporter.setup.findings import Finding
from lab.prove.incidents import resource_name
from lab.verify.deployed import deployed_policies
from lab.verify.target import Target

_PART = "native"
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


def native(target: Target) -> Iterator[Finding]:
    """Yield the labels of Google's series, and how they join; raise CallError."""
    found = target.query(_FRESHNESS)
    if found:
        labels = found[0].labels
        shown = [f"{key}={labels[key]}" for key in sorted(labels) if key != "__name__"]
        yield Finding(INFO, _PART, f"freshness carries {', '.join(shown)}")
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
        names = [resource_name(each.labels, is_exporter=False) for each in apart]
        blind = [
            each.name
            for each in deployed_policies(target)
            if "datastream_googleapis_com" in each.promql.query
        ]
        text += (
            f". Nothing is told about {name_first(sorted(names))} by"
            f" {', '.join(blind) or 'any policy'}. After a start, or a drill with it,"
            " freshness takes some minutes: verify again. Else add the project to the"
            f" metrics scope of projects/{target.project}. If it is there, open an"
            " issue with the labels"
        )
    yield Finding(level, _PART, text)
    events = f"datastream_googleapis_com:stream_event_count{_STREAM}[1h]"
    increases = target.query(f"sum(increase({events})) or vector(0)")
    totals = target.query(f"sum(sum_over_time({events})) or vector(0)")
    increase = total = 0.0
    level = WARNING
    text = "Google's engine has no answer for stream_event_count: verify again"
    if increases and totals:
        increase, total = increases[0].value, totals[0].value
        level = INFO
        text = f"increase() counts {increase:.0f} events, sum_over_time() {total:.0f}"
    if total and not increase:
        level = ERROR
        text += ": stream-unsupported-events can't alert, stream-quiet-* alert wrongly"
    yield Finding(level, _PART, text)
    latencies = [f"sum(increase({_LATENCIES}_{part}{_STREAM}[1h]))" for part in _PARTS]
    mean = target.query(" / ".join(latencies))
    level = INFO
    text = "total_latencies_sum / _count have no series, as where nothing was copied"
    if mean:
        text = f"total_latencies_sum / _count: {mean[0].value:.0f} s in the last hour"
    elif increase:
        level = WARNING
        text = (
            "total_latencies_sum / _count have no series, though events were counted:"
            " stream-lagging sees freshness alone here, so open an issue"
        )
    yield Finding(level, _PART, text)
