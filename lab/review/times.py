"""The worst time to page before and after a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.prove.engine import QueryError
from lab.prove.scenarios import engine_for
from lab.prove.time_to_page import CHANGES, LONGEST_WAIT, measure, record_changes, record_death

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.review.playing import TriggerChange


@dataclass(frozen=True, slots=True)
class TimeChange:
    """A change in Datastream whose worst time to page changes.

    Attributes:
        policy: The policy that pages.
        title: The change in Datastream.
        before: Its worst time to page now, in seconds.
        after: The same after apply.
    """

    policy: str
    title: str
    before: int
    after: int


class TimesTask(NamedTuple):
    """Policies whose times to page are measured; it can be sent to another process.

    Attributes:
        mode: How the exporter runs.
        dies: Whether they page for a dead exporter.
        changes: The changes, each with triggers before and after.
    """

    mode: str
    dies: bool
    changes: tuple[TriggerChange, ...]


def times_tasks(changes: Sequence[TriggerChange], mode: str) -> Iterator[TimesTask]:
    """Yield what has to be measured: nothing unless a policy with a promised time changes.

    A policy file that a plan has several of, such as in several deployments, is left out.
    """
    for dies in (False, True):
        timed = {each.policy for each in CHANGES if (each.event is None) is dies}
        labels = [change.label for change in changes]
        found = tuple(
            change
            for change in changes
            if change.label in timed
            and labels.count(change.label) == 1
            and change.before
            and change.after
        )
        if found:
            yield TimesTask(mode, dies, found)


def measure_times(task: TimesTask) -> tuple[TimeChange, ...]:
    """Return the times to page that change; one that can't be measured is left out.

    Raises:
        NotInstalledError: Prometheus is not installed.
        EngineError: Prometheus failed.
    """
    sides = [
        [
            trigger.as_policy(change.label)
            for change in task.changes
            for trigger in [change.after if after else change.before]
            if trigger
        ]
        for after in (False, True)
    ]
    wait = LONGEST_WAIT + max(policy.retest_window for side in sides for policy in side)
    timed = (record_death if task.dies else record_changes)(task.mode, wait)
    names = {change.label: change.policies[0] for change in task.changes}
    with engine_for([timed.recording]) as engine:
        try:
            before, after = (
                {
                    time.change.title: math.ceil(time.worst)
                    for time in measure(timed, side, engine).times
                }
                for side in sides
            )
        except QueryError:
            # The scenarios say so.
            return ()
    return tuple(
        TimeChange(names[each.policy], each.title, before[each.title], after[each.title])
        for each in CHANGES
        if each.title in before.keys() & after.keys() and before[each.title] != after[each.title]
    )
