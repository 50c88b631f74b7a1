"""Policies on log entries, evaluated against what a scenario logged.

Each set of values that the label extractors give has an incident of its own. It takes in every
further entry, and closes by itself some time after the last one. A policy sees the log of its own
project alone, and is made in each.
https://cloud.google.com/logging/docs/alerting/log-based-alerts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud import monitoring_v3

from lab.filters.log_filter import extract_label, parse_extractor, parse_log_filter
from lab.prove.incidents import Incident

if TYPE_CHECKING:
    from lab.policies.files import Policy
    from lab.simulate.log_entries import LogEntry
    from lab.simulate.simulation import Recording

VISIBLE_SECONDS = 1.0
"""From an entry until Cloud Logging has it."""


def log_incidents(policy: Policy, recording: Recording) -> tuple[Incident, ...]:
    """Return the incidents of a policy on log entries.

    Args:
        policy: The policy.
        recording: What was logged.

    Raises:
        FilterError: Its filter or an extractor is not supported.
    """
    wanted = parse_log_filter(policy.filter or "")
    extractors = {key: parse_extractor(text) for key, text in policy.extractors.items()}
    closes_after = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy.auto_close.seconds
    gathered: dict[tuple[str, tuple[tuple[str, str], ...]], list[LogEntry]] = {}
    for entry in recording.entries:
        if entry.at < recording.lasts and wanted.accepts(entry.fields):
            labels = {key: extract_label(each, entry.fields) for key, each in extractors.items()}
            project = entry.stream.split("/")[1]
            gathered.setdefault((project, tuple(sorted(labels.items()))), []).append(entry)
    return tuple(
        Incident(policy.name, first.stream, dict(labels), first.at + VISIBLE_SECONDS, closed)
        for (_, labels), entries in gathered.items()
        for first, closed in _runs(entries, closes_after, recording.lasts)
    )


def _runs(
    entries: list[LogEntry], closes_after: float, lasts: float
) -> list[tuple[LogEntry, float | None]]:
    """Return the first entry of each incident, and when that closes."""
    found: list[tuple[LogEntry, float | None]] = []
    first = last = entries[0]
    for entry in [*entries[1:], None]:
        if entry is not None and entry.at - last.at <= closes_after:
            last = entry
            continue
        closed = last.at + VISIBLE_SECONDS + closes_after
        found.append((first, closed if closed <= lasts else None))
        if entry is not None:
            first = last = entry
    return found
