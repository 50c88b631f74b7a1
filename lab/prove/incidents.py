"""Evaluates a policy over a recording: its incidents, by metrics or by log entries.

Cloud Monitoring evaluates a condition at a steady interval. For each set of labels, an
incident opens at the first evaluation at which the condition has been true for the
retest window, and closes at the first evaluation that is not true.
https://cloud.google.com/monitoring/alerts/concepts-indepth
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from exporter.documents.mistakes import InputError
from lab.filters.log_filter import FilterError, parse_extractor, parse_log_filter
from lab.policies.files import Policy
from lab.prove.engine import Engine
from lab.simulate.series import adjust_for_delay
from lab.simulate.simulation import Recording

LOGGED_AFTER = 1.0  # seconds from an entry until Cloud Logging has it


class Incident(NamedTuple):
    """An incident of a policy."""

    policy: str  # the policy's name
    about: str  # the full name of the resource; empty where the labels name none
    labels: Mapping[str, str]  # the incident's labels
    opened: float  # seconds after the scenario's start
    # Seconds after the scenario's start; None while open at the end
    closed: float | None
    # Seconds from the start to the first of the evaluations that led to it
    phase: float = 0.0

    @property
    def ends(self) -> float:
        """When it closes; infinite while it is open at the end."""
        return math.inf if self.closed is None else self.closed


def incidents_of(
    policy: Policy, recording: Recording, engine: Engine, spacing: float
) -> Iterator[Incident]:
    """Yield the incidents of a policy, one on metrics in every evaluation phase.

    The engine holds the recording's series. The phases are ``spacing`` seconds apart.
    """
    if policy.is_log:
        yield from log_incidents(policy, recording)
        return
    phases = round(policy.interval / spacing)
    steps = int(recording.lasts // spacing)
    end = recording.start + steps * spacing
    query = recording.deployed.fill_in(policy.query or "")
    query = adjust_for_delay(query, recording.delay)
    for series in engine.query_range(query, recording.start, end, spacing):
        name = resource_name(series.labels, is_exporter=policy.watches_exporter)
        by_phase: dict[int, list[float]] = {}
        for time in series.values:
            step = round((time - recording.start) / spacing)
            by_phase.setdefault(step % phases, []).append(step * spacing)
        for phase, true_at in sorted(by_phase.items()):
            last = (steps - (steps - phase) % phases) * spacing
            for opened, closed in firing_intervals(
                true_at,
                retest_window=policy.retest_window,
                interval=policy.interval,
                last=last,
            ):
                yield Incident(
                    policy.name, name, series.labels, opened, closed, phase * spacing
                )


def resource_name(labels: Mapping[str, str], *, is_exporter: bool = False) -> str:
    """Return the full name of the resource that a result's labels identify."""
    project = labels.get("namespace")
    location = labels.get("location")
    if is_exporter:
        return f"exporters/{project}" if project else "every exporter"
    if not project:
        return ""
    name = f"projects/{project}"
    if location:
        name += f"/locations/{location}"
    if "stream_id" in labels:
        name += f"/streams/{labels['stream_id']}"
    return name


def log_incidents(policy: Policy, recording: Recording) -> Iterator[Incident]:
    """Yield the incidents of a log policy.

    Each project has its own copy of the policy, which sees only that project's log.
    Each set of extracted labels has its own incident, which stays open until the
    auto-close time has passed since its last entry.
    https://cloud.google.com/logging/docs/alerting/log-based-alerts

    Raise InputError where the lab can't evaluate the filter or an extractor.
    """
    try:
        accepts = parse_log_filter(policy.filter or "")
        extractors = {
            key: parse_extractor(text) for key, text in policy.extractors.items()
        }
    except FilterError as error:
        raise InputError(f"{policy.path}: {error}") from None
    latest: dict[tuple[str, str], Incident] = {}
    for entry in recording.entries:
        if entry.at >= recording.lasts or not accepts(entry.fields):
            continue
        labels = {key: extract(entry.fields) for key, extract in extractors.items()}
        key = entry.stream.split("/")[1], repr(labels)
        at = entry.at + LOGGED_AFTER
        incident = latest.get(key)
        if incident and at > incident.ends:
            yield incident
            incident = None
        incident = incident or Incident(policy.name, entry.stream, labels, at, None)
        closes = at + policy.auto_close
        closed = closes if closes <= recording.lasts else None
        latest[key] = incident._replace(closed=closed)
    yield from latest.values()


def firing_intervals(
    true_at: Iterable[float], *, retest_window: float, interval: float, last: float
) -> Iterator[tuple[float, float | None]]:
    """Yield when incidents open and close; None where one is still open at the end.

    Args:
        true_at: Times of the evaluations that were true, ascending, ``interval``
            seconds apart where none between them was false.
        retest_window: Seconds for which the condition must stay true.
        interval: Seconds between evaluations.
        last: Time of the last evaluation.
    """
    # Rounded up to whole intervals
    window = -(-retest_window // interval) * interval
    begin, end = math.inf, -math.inf
    for at in (*true_at, math.inf):
        if at - end > interval * 1.5:
            # An unbroken run of true evaluations has ended.
            if begin + window <= end:
                closed = end + interval
                yield begin + window, closed if closed <= last else None
            begin = at
        end = at
