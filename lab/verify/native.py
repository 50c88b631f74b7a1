"""Asks Google's engine about Google's own series: their labels, joins and counts."""

from collections.abc import Iterator
from logging import ERROR, INFO, WARNING

from exporter.command.findings import Finding
from exporter.text import plural
from lab.verify.target import Target

_PART = "native"
_STREAM = '{monitored_resource="datastream.googleapis.com/Stream"}'
_FRESHNESS = f"last_over_time(datastream_googleapis_com:stream_freshness{_STREAM}[1h])"
# The rule of the policies: the project is in one of two labels, unless that is a number
_NAMED = (
    f'label_replace(label_replace({_FRESHNESS}, "namespace", "$1",'
    ' "resource_container", "(?:projects/)?([a-z][^/]*)"), "namespace", "$1",'
    ' "project_id", "(.+)")'
)


def native(target: Target) -> Iterator[Finding]:
    """Yield the labels of Google's series, and how they join; raise CallError."""
    found = target.query(_FRESHNESS)
    if not found:
        text = (
            "Google has no freshness of the last hour, so stream-lagging and"
            " stream-stalled can't alert. Is a stream RUNNING, and its project in the"
            f" metrics scope of projects/{target.project}?"
        )
        yield Finding(WARNING, _PART, text)
        return
    labels = found[0].labels
    shown = [f"{key}={labels[key]}" for key in sorted(labels) if key != "__name__"]
    yield Finding(INFO, _PART, f"freshness carries {', '.join(shown)}")
    states = target.own("last_over_time", "stream/state", "1h")
    by_place = f"max by (location, stream_id) ({states})"
    joined = target.query(
        f"{_NAMED} and on (namespace, location, stream_id) ({states} or {by_place})"
    )
    text = f"{len(joined)} of {plural(len(found), 'stream')} join with the exporter's"
    level = INFO
    if not joined and target.query(states):
        level = ERROR
        text += ": policies on freshness can't alert. Open an issue with these labels"
    yield Finding(level, _PART, text)
    counts = []
    for function in ("increase", "sum_over_time"):
        events = f"datastream_googleapis_com:stream_event_count{_STREAM}[1h]"
        answer = target.query(f"sum({function}({events}))")
        counts.append(sum(value for _, value in answer))
    increase, total = counts
    text = f"increase() counts {increase:.0f} events, sum_over_time() {total:.0f}"
    level = INFO
    if total and not increase:
        level = ERROR
        text += ": stream-unsupported-events uses increase(), so it can't alert"
    yield Finding(level, _PART, text)
