"""When the conditions of policies were true, whether they paged or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.filters.log_filter import parse_log_filter
from lab.prove.evaluation import resource_name
from lab.prove.incidents import round_up, true_intervals
from lab.report.things import Thing, named, thing
from lab.simulate.visibility import adjust_for_delay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.policies.files import Policy
    from lab.prove.engine import Engine
    from lab.simulate.simulation import Recording


class Held(NamedTuple):
    """A time in which a condition was true at each evaluation.

    Attributes:
        begin: The first of them, in seconds after the start.
        filled: From when on it had been true for as long as the policy asks for.
        end: The first evaluation at which it no longer was, or the end of the scenario.
    """

    begin: float
    filled: float
    end: float


class Condition(NamedTuple):
    """What became of a policy's condition, for one thing.

    Attributes:
        policy: The policy's name.
        about: The thing.
        held: When it was true; empty where log entries page.
        entries: When entries were logged that page, in seconds after the start.
    """

    policy: str
    about: Thing
    held: tuple[Held, ...]
    entries: tuple[float, ...]


def conditions(
    policies: Iterable[Policy], recording: Recording, engine: Engine, phase: float
) -> tuple[Condition, ...]:
    """Return each condition that was true at some moment, for each thing that it was true for.

    Args:
        policies: The policies.
        recording: What they see; the engine holds its series.
        engine: The engine.
        phase: When the first evaluation is, in seconds after the start.
    """
    return tuple(
        condition
        for policy in policies
        for condition in (
            _on_logs(policy, recording)
            if policy.is_log
            else _on_metrics(policy, recording, engine, phase)
        )
    )


def _on_metrics(
    policy: Policy, recording: Recording, engine: Engine, phase: float
) -> Iterator[Condition]:
    query = adjust_for_delay(policy.query or "", recording.late)
    end = recording.start + recording.lasts
    found = engine.query_range(query, recording.start + phase, end, policy.interval)
    true_at: dict[Thing, set[float]] = {}
    for each in found:
        # Several results may be about one thing: one is enough.
        name = resource_name(each.labels, is_exporter=policy.watches_exporter)
        moments = true_at.setdefault(thing(name, policy), set())
        moments |= {round(at - recording.start, 3) for at in each.times}
    for of, moments in true_at.items():
        held = _held(true_intervals(sorted(moments), policy.interval), policy, recording.lasts)
        yield Condition(policy.name, of, tuple(held), ())


def _held(found: Iterable[tuple[float, float]], policy: Policy, lasts: float) -> Iterator[Held]:
    retest_window = round_up(policy.retest_window, policy.interval)
    for begin, last in found:
        end = min(last + policy.interval, lasts)
        yield Held(begin, min(begin + retest_window, end), end)


def _on_logs(policy: Policy, recording: Recording) -> Iterator[Condition]:
    wanted = parse_log_filter(policy.filter or "")
    entries: dict[str, list[float]] = {}
    for entry in recording.entries:
        if entry.at < recording.lasts and wanted.accepts(entry.fields):
            entries.setdefault(entry.stream, []).append(entry.at)
    for stream, moments in entries.items():
        yield Condition(policy.name, named(stream), (), tuple(moments))
