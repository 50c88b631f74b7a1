"""Evaluates a policy over a recording: its incidents, by metrics or by log entries."""

from collections.abc import Mapping

from google.cloud import monitoring_v3

from lab.filters.log_filter import extract_label, parse_extractor, parse_log_filter
from lab.policies.files import Policy
from lab.prove.engine import Engine
from lab.prove.incidents import Incident, firing_intervals
from lab.simulate.log_entries import LogEntry
from lab.simulate.series import adjust_for_delay
from lab.simulate.simulation import Recording

LOGGED_AFTER = 1.0
"""Seconds from an entry until Cloud Logging has it."""


def metric_incidents(
    policy: Policy, recording: Recording, engine: Engine, spacing: float
) -> tuple[Incident, ...]:
    """Return the incidents of a policy with a PromQL condition, in every evaluation phase.

    Args:
        policy: The policy.
        recording: What the policy sees; the engine holds its series.
        engine: The engine.
        spacing: Seconds between the phases to try. The policy's evaluation interval is a multiple
            of it.
    """
    phases = round(policy.interval / spacing)
    steps = int(recording.lasts // spacing)
    end = recording.start + steps * spacing
    query = adjust_for_delay(policy.query or "", recording.delay)
    incidents = []
    for series in engine.query_range(query, recording.start, end, spacing):
        numbers = [round((at - recording.start) / spacing) for at in series.times]
        name = resource_name(series.labels, is_exporter=policy.watches_exporter)
        for phase in range(phases):
            true_at = [number * spacing for number in numbers if number % phases == phase]
            last = (steps - (steps - phase) % phases) * spacing
            incidents += [
                Incident(policy.name, name, series.labels, opened, closed, phase * spacing)
                for opened, closed in firing_intervals(
                    true_at, retest_window=policy.retest_window, interval=policy.interval, last=last
                )
            ]
    return tuple(incidents)


def resource_name(labels: Mapping[str, str], *, is_exporter: bool) -> str:
    """Return the full name of the resource that a result's labels identify, as far as they do.

    Args:
        labels: The labels of a result.
        is_exporter: Whether the series are the exporter's own.
    """
    project, location = labels.get("namespace"), labels.get("location")
    if not project:
        return ""
    if is_exporter:
        return f"exporters/{project}"
    name = f"projects/{project}"
    if location:
        name += f"/locations/{location}"
    for key, kind in (("stream_id", "streams"), ("private_connection_id", "privateConnections")):
        if key in labels:
            name += f"/{kind}/{labels[key]}"
    return name


def log_incidents(policy: Policy, recording: Recording) -> tuple[Incident, ...]:
    """Return the incidents of a log policy.

    Each project has its own copy of the policy, which sees only that project's log. Each set of
    extracted labels has its own incident, which stays open until the auto-close time has passed
    since its last entry.
    https://cloud.google.com/logging/docs/alerting/log-based-alerts

    Args:
        policy: The policy.
        recording: What was logged.

    Raises:
        FilterError: The filter or an extractor is not supported.
    """
    log_filter = parse_log_filter(policy.filter or "")
    extractors = {key: parse_extractor(text) for key, text in policy.extractors.items()}
    auto_close = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy.auto_close.seconds
    runs: dict[tuple[str, tuple[tuple[str, str], ...]], list[list[LogEntry]]] = {}
    for entry in recording.entries:
        if entry.at >= recording.lasts or not log_filter.accepts(entry.fields):
            continue
        labels = {key: extract_label(each, entry.fields) for key, each in extractors.items()}
        project = entry.stream.split("/")[1]
        of_labels = runs.setdefault((project, tuple(sorted(labels.items()))), [])
        if of_labels and entry.at - of_labels[-1][-1].at <= auto_close:
            of_labels[-1].append(entry)
        else:
            of_labels.append([entry])
    incidents = []
    for (_, label_items), of_labels in runs.items():
        for run in of_labels:
            opened, closed = run[0].at + LOGGED_AFTER, run[-1].at + LOGGED_AFTER + auto_close
            still_open = closed > recording.lasts
            incidents.append(
                Incident(
                    policy.name,
                    run[0].stream,
                    dict(label_items),
                    opened,
                    None if still_open else closed,
                )
            )
    return tuple(incidents)
