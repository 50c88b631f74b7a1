"""Evaluates a policy's PromQL condition over a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.prove.incidents import Incident, firing_intervals
from lab.simulate.visibility import adjust_for_delay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.policies.files import Policy
    from lab.prove.engine import Engine
    from lab.simulate.simulation import Recording


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
    query = adjust_for_delay(policy.query or "", recording.late)
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
