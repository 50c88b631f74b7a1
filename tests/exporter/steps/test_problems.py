"""Which streams have a problem, since when, why, and which of them are a group."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.steps.compare import Expectations
from exporter.steps.problems import (
    Kind,
    LocationProblems,
    Problem,
    ProblemHistory,
    ProblemMemory,
    last_problem,
)
from exporter.steps.read import Stream
from tests.exporter.reports import EUROPE, config
from tests.tables import rows

FAILED = 5
MINUTE = 60


class Fleet:
    """The problems of one location, a run a minute; ``sections`` are of config."""

    def __init__(self, **sections: Any) -> None:
        self.now = 0
        self.problems = LocationProblems()
        self.bad: dict[str, int] = {}
        self.reason = "DOWN"
        self.configure(**sections)

    def configure(self, **sections: Any) -> None:
        """Give the exporter another config."""
        self.config = config(**sections)

    def run(self, *, after: int = 1, **states: int) -> dict[str, str]:
        """Run some minutes later, with further streams in a state; return groups.

        A name such as ``a5`` is five streams; 0 is one that is fine again.
        """
        self.now += after * MINUTE
        for name, state in states.items():
            for number in range(int(name[1:] or 1)):
                self.bad[f"{name[0]}{number}"] = state
        streams = [
            Stream(each, state, reason=self.reason)
            for each, state in self.bad.items()
            if state
        ]
        expectations = Expectations(self.config, self.now)
        at = expectations.compare(EUROPE, self.config.sources[0], streams)
        memory = ProblemMemory(self.config.grouping, MINUTE)
        memory.learn({})
        memory.known[EUROPE] = self.problems
        memory.follow(at, self.now)
        self.problems = memory.known[EUROPE]
        return {
            stream: problem.streams
            for (stream, _), problem in self.problems.current.items()
        }


@pytest.fixture
def fleet() -> Fleet:
    """Return a location without problems."""
    return Fleet()


def test_five_that_fail_together_are_a_group(fleet: Fleet) -> None:
    """Four streams that enter a kind in one run are alone, and five are a group."""
    assert set(fleet.run(a4=FAILED).values()) == {""}
    assert set(Fleet().run(a5=FAILED).values()) == {"a0, a1, a2, a3, a4"}


def test_two_hundred_over_half_an_hour_are_few_groups(fleet: Fleet) -> None:
    """Seven streams that fail each minute are five groups, and nobody is alone."""
    for letter in "abcdefghijklmnopqrstuvwxyzABCD":
        groups = fleet.run(**{f"{letter}7": FAILED})
    assert list(Counter(groups.values()).values()) == [42] * 5


def test_another_grouping_moves_no_problem(fleet: Fleet) -> None:
    """Two groups stand, and keep their names when config makes groups wider."""
    fleet.run(a5=FAILED)
    before = fleet.run(after=20, b5=FAILED)
    fleet.configure(grouping={"within": "2h"})
    assert fleet.run() == before


# Names and reasons.


def test_the_founders_are_named_in_order_as_far_as_they_fit() -> None:
    """The rest is counted, so that a subject can hold the names."""
    names = next(iter(Fleet().run(a50=FAILED).values()))
    assert names.startswith("a0, a1, a10, a11, ")
    shown, _, more = names.partition(" and ")
    assert more == f"{50 - len(shown.split(', '))} more"
    assert len(shown) <= 120 < len(f"{shown}, a35")


def test_a_reason_is_one_short_line_that_a_page_can_quote(fleet: Fleet) -> None:
    """No markup, no line end, no variable, and a hundred bytes at most."""
    fleet.reason = "`<!here>`\n${project} " + "x" * 200
    fleet.run(a=FAILED)
    (problem,) = fleet.problems.current.values()
    assert problem.reason.startswith("'\u2039!here\u203a' $ {project} xxx")
    assert len(problem.reason.encode()) == 100


@rows
def test_a_state_of_the_future_has_a_value(state: int, value: int) -> None:
    """A state of 0 doesn't look as if the problem were over."""
    assert Problem(state, 0).value == value


# Patience.


def test_patience_is_over_where_its_window_closes() -> None:
    """The stream fails in that run."""
    window = {"from": "2026-01-01T00:00", "until": "2026-01-01T00:05"}
    patient = {"match": "*/streams/a*", "failed": "15m"}
    fleet = Fleet(expectations=[patient | {"during": window | {"timezone": "UTC"}}])
    fleet.now = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    fleet.run(a=FAILED)
    fleet.run(after=3)
    assert {*fleet.problems.current} == {("a0", Kind.TOLERATED)}
    fleet.run()
    assert {*fleet.problems.current} == {("a0", Kind.FAILED)}


# What is over.


def test_what_is_over_is_remembered_until_it_was_written(fleet: Fleet) -> None:
    """A problem is over also after several runs whose points were lost."""
    fleet.run(a=FAILED)
    fleet.run(a=0)
    fleet.run()
    over = ("a0", Kind.FAILED)
    assert fleet.problems.ended == {(over, ("", "DOWN"))}
    assert fleet.problems.over == {over}
    fleet.reason = "SLOT"
    fleet.run(a=FAILED)
    assert fleet.problems.ended == {(over, ("", "DOWN"))}
    assert not fleet.problems.over


# What is read back.


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    states: dict[str, dict[int, int]], since: dict[int, int], expected: list[Any] | None
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    written = {(streams, ""): values for streams, values in states.items()}
    found = last_problem(ProblemHistory(written, since))
    assert found == (expected and Problem(*expected))
