"""When the conditions of policies are true, whether they fire or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.filters.log_filter import parse_log_filter
from lab.prove.evaluation import resource_name
from lab.prove.incidents import round_up, true_intervals
from lab.report.marks import TrueInterval
from lab.report.subjects import Subject, incident_subject, subject_named
from lab.simulate.visibility import adjust_for_delay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.policies.files import Policy
    from lab.prove.engine import Engine
    from lab.simulate.simulation import Recording


class Condition(NamedTuple):
    """A policy's condition for one subject.

    Attributes:
        policy: The policy's name.
        subject: The subject.
        intervals: When it is true; empty for a log policy.
        log_entries: When matching log entries were written, in seconds after the start.
    """

    policy: str
    subject: Subject
    intervals: tuple[TrueInterval, ...]
    log_entries: tuple[float, ...]


def conditions(
    policies: Iterable[Policy], recording: Recording, engine: Engine, phase: float
) -> tuple[Condition, ...]:
    """Return each policy's condition for each subject for which it is true at least once.

    Args:
        policies: The policies.
        recording: What the exporter wrote; the engine holds its series.
        engine: The engine.
        phase: The first evaluation of the slowest policy, in seconds after the start.
    """
    found: list[Condition] = []
    for policy in policies:
        if policy.is_log:
            found += _log_conditions(policy, recording)
        else:
            found += _metric_conditions(policy, recording, engine, phase)
    return tuple(found)


def _metric_conditions(
    policy: Policy, recording: Recording, engine: Engine, phase: float
) -> Iterator[Condition]:
    query = adjust_for_delay(policy.query or "", recording.delay)
    end = recording.start + recording.lasts
    true_at: dict[Subject, set[float]] = {}
    first = recording.start + phase % policy.interval
    for series in engine.query_range(query, first, end, policy.interval):
        name = resource_name(series.labels, is_exporter=policy.watches_exporter)
        # Several series may be about one subject: one that is true is enough.
        times = true_at.setdefault(incident_subject(name, policy), set())
        times |= {round(at - recording.start, 3) for at in series.times}
    retest_window = round_up(policy.retest_window, policy.interval)
    for subject, times in true_at.items():
        intervals = []
        for begin, last in true_intervals(sorted(times), policy.interval):
            end = min(last + policy.interval, recording.lasts)
            intervals.append(TrueInterval(begin, min(begin + retest_window, end), end))
        yield Condition(policy.name, subject, tuple(intervals), ())


def _log_conditions(policy: Policy, recording: Recording) -> Iterator[Condition]:
    log_filter = parse_log_filter(policy.filter or "")
    entries: dict[str, list[float]] = {}
    for entry in recording.entries:
        if entry.at < recording.lasts and log_filter.accepts(entry.fields):
            entries.setdefault(entry.stream, []).append(entry.at)
    for stream, times in entries.items():
        yield Condition(policy.name, subject_named(stream), (), tuple(times))
