"""Policies evaluated against a recording: what pages, for whom, when."""

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
    """Return the incidents of a policy with a PromQL condition.

    Args:
        policy: The policy.
        recording: What it is to see; the engine holds its series.
        engine: The engine.
        spacing: Seconds between the phases that evaluations are tried at; the interval of the
            policy's evaluations is a multiple of it.
    """
    phases = round(policy.interval / spacing)
    steps = int(recording.lasts // spacing)
    end = recording.start + steps * spacing
    query = adjust_for_delay(policy.query or "", recording.late)
    found = engine.query_range(query, recording.start, end, spacing)
    incidents = []
    for each in found:
        numbers = [round((at - recording.start) / spacing) for at in each.times]
        for phase in range(phases):
            true_at = [number * spacing for number in numbers if number % phases == phase]
            last = (steps - (steps - phase) % phases) * spacing
            incidents += [
                Incident(
                    policy.name,
                    about(each.labels, of_exporter=policy.is_of_exporter),
                    each.labels,
                    opened,
                    closed,
                    phase * spacing,
                )
                for opened, closed in firing_intervals(
                    true_at, retest_window=policy.duration, interval=policy.interval, last=last
                )
            ]
    return tuple(incidents)


def about(labels: Mapping[str, str], *, of_exporter: bool) -> str:
    """Return the full name of what the labels of a result name, as far as they do.

    Args:
        labels: The result's.
        of_exporter: Whether they are those of the exporter's own series.
    """
    project, location = labels.get("namespace"), labels.get("location")
    if of_exporter:
        return f"exporters/{project}" if project else ""
    if not project:
        return ""
    name = f"projects/{project}"
    if location:
        name += f"/locations/{location}"
    for key, kind in (("stream_id", "streams"), ("private_connection_id", "privateConnections")):
        if key in labels:
            name += f"/{kind}/{labels[key]}"
    return name
