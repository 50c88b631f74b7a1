"""Policies on log entries, evaluated against what a scenario logged.

Each set of values that the label extractors give has an incident of its own. It takes in every
further entry, and closes by itself some time after the last one. A policy sees the log of its own
project alone, and is made in each.
https://cloud.google.com/logging/docs/alerting/log-based-alerts
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from google.cloud import monitoring_v3

from exporter.inputs.input_errors import shown
from lab.prove.incidents import Incident
from lab.prove.log_filter import field, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.policies.files import Policy
    from lab.simulate.log_entries import LogEntry
    from lab.simulate.simulation import Recording

VISIBLE_SECONDS = 1.0
"""From an entry until Cloud Logging has it."""

_EXTRACT = re.compile(r"EXTRACT\(\s*([\w.]+)\s*\)")
_REGEXP_EXTRACT = re.compile(r'REGEXP_EXTRACT\(\s*([\w.]+)\s*,\s*"((?:[^"\\]|\\.)*)"\s*\)')


def log_incidents(policy: Policy, recording: Recording) -> tuple[Incident, ...]:
    """Return the incidents of a policy on log entries.

    Args:
        policy: The policy.
        recording: What was logged.

    Raises:
        ValueError: With a sentence, where its filter or an extractor is not understood here.
    """
    wanted = parse(policy.filter or "")
    closes_after = monitoring_v3.AlertPolicy.pb(policy.proto).alert_strategy.auto_close.seconds
    gathered: dict[tuple[str, tuple[tuple[str, str], ...]], list[LogEntry]] = {}
    for entry in recording.entries:
        if entry.at < recording.lasts and wanted.accepts(entry.fields):
            labels = {key: extracted(how, entry.fields) for key, how in policy.extractors.items()}
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


def extracted(how: str, entry: Mapping[str, Any]) -> str:
    """Return the value of a label that an extractor takes from an entry; empty where there is none.

    Raises:
        ValueError: With a sentence, where the extractor is not understood here.
    """
    if whole := _EXTRACT.fullmatch(how):
        return field(entry, whole[1]) or ""
    part = _REGEXP_EXTRACT.fullmatch(how)
    if not part:
        raise ValueError(
            f"{shown(how)} is not understood here; write EXTRACT(path) or "
            'REGEXP_EXTRACT(path, "expression")'
        )
    found = re.search(part[2].replace("\\\\", "\\"), field(entry, part[1]) or "")
    if not found:
        return ""
    return found[1] if found.re.groups else found[0]
