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
    follow,
    last_problem,
)
from exporter.steps.read import Stream
from tests.exporter.reports import EUROPE, config
from tests.tables import rows

RUNNING, NOT_STARTED, PAUSED, FAILED, PERMANENT = 2, 1, 3, 5, 6
MINUTE = 60
FIVE = "a0, a1, a2, a3, a4"


class Fleet:
    """The problems of one location, a run a minute; ``sections`` are of config.

    State 2 is a stream that runs with errors; 0 is one that is fine again.
    """

    def __init__(self, **sections: Any) -> None:
        self.now = 0
        self.problems = LocationProblems()
        self.bad: dict[str, int] = {}
        self.reason = "DOWN"
        self.reasons: dict[str, str] = {}
        self.configure(**sections)

    def configure(self, **sections: Any) -> None:
        """Give the exporter another config."""
        self.config = config(**sections)

    def run(self, *, after: int = 1, **states: int) -> dict[str, str]:
        """Run some minutes later, with further streams in a state; return groups.

        A name such as ``a5`` is five streams.
        """
        return self.run_after(after * MINUTE, **states)

    def run_after(self, seconds: int, **states: int) -> dict[str, str]:
        """Run so many seconds later; see :meth:`run`."""
        self.now += seconds
        for name, state in states.items():
            for number in range(int(name[1:] or 1)):
                self.bad[f"{name[0]}{number}"] = state
                self.reasons[f"{name[0]}{number}"] = self.reason
        self.bad = {stream: state for stream, state in self.bad.items() if state}
        streams = [
            Stream(each, state, int(state == RUNNING), reason=self.reasons[each])
            for each, state in self.bad.items()
        ]
        expectations = Expectations(self.config, self.now)
        at = expectations.compare(EUROPE, self.config.sources[0], streams)
        memory = ProblemMemory(self.config.grouping, MINUTE)
        self.problems = follow(self.problems, at, self.now, memory.rules)
        return self.groups()

    def groups(self) -> dict[str, str]:
        """Return who formed the group of each stream that has a problem."""
        return {
            stream: problem.streams
            for (stream, _), problem in self.problems.current.items()
        }

    def sizes(self) -> dict[tuple[str, str], int]:
        """Return how many streams have each kind and group."""
        current = self.problems.current.items()
        return dict(
            Counter((str(kind), problem.streams) for (_, kind), problem in current)
        )


@pytest.fixture
def fleet() -> Fleet:
    """Return a location without problems."""
    return Fleet()


@pytest.mark.parametrize("state", [RUNNING, PAUSED, FAILED, PERMANENT])
def test_five_that_fail_together_are_a_group(fleet: Fleet, state: int) -> None:
    """Four streams that enter a kind in one run are alone, and five are a group."""
    assert set(fleet.run(a4=state).values()) == {""}
    assert set(Fleet().run(a5=state).values()) == {FIVE}


@pytest.mark.parametrize(
    ("state", "paged"), [(FAILED, 60), (PAUSED, 90), (PERMANENT, 0), (RUNNING, 600)]
)
def test_founders_are_only_those_whose_page_is_not_out(state: int, paged: int) -> None:
    """A stream that was alone for longer counts for the group, and keeps its page."""
    for seconds, group in ((paged, "a0, b0, b1, b2, b3"), (paged + 1, "")):
        fleet = Fleet()
        fleet.run(a=state)
        assert fleet.run_after(seconds, a=state, b4=state)["a0"] == group
        assert fleet.groups()["b0"] == (group or "b0, b1, b2, b3")


def test_a_group_takes_others_for_five_minutes(fleet: Fleet) -> None:
    """Whatever their own reason is; they have the group's beginning and names."""
    fleet.run(a5=FAILED)
    fleet.reason = "OTHER"
    fleet.run(after=5, b=FAILED)
    assert set(fleet.problems.current.values()) == {Problem(5, MINUTE, FIVE, "DOWN")}


def test_one_that_fails_later_is_told_by_itself(fleet: Fleet) -> None:
    """It is a group of one within a quarter of an hour, and alone afterwards."""
    fleet.run(a5=FAILED)
    assert fleet.run_after(301, b=FAILED)["b0"] == "b0"
    fleet = Fleet()
    fleet.run(a5=FAILED)
    assert fleet.run_after(901, b=FAILED)["b0"] == ""


def test_a_group_without_members_takes_nobody(fleet: Fleet) -> None:
    """Five recover in a minute, and the next one is alone."""
    fleet.run(a5=FAILED)
    assert fleet.run(a5=0, b=FAILED) == {"b0": ""}


def test_of_several_groups_the_newest_takes_others(fleet: Fleet) -> None:
    """Meanwhile no other forms."""
    fleet.run(a5=FAILED)
    fleet.run(after=6, b5=FAILED)
    fleet.run(c5=FAILED)
    assert fleet.sizes() == {("failed", FIVE): 5, ("failed", "b0, b1, b2, b3, b4"): 10}


def test_the_same_founders_again_share_their_page(fleet: Fleet) -> None:
    """While one of the old group is still in it, names and reason are the same."""
    fleet.run(a5=FAILED)
    fleet.run(b=FAILED)
    fleet.run(after=6, a5=0)
    assert set(fleet.run(a5=FAILED).values()) == {FIVE}


def test_old_problems_are_no_part_of_a_new_group(fleet: Fleet) -> None:
    """Whether they are alone or a group, twenty that fail beside them are one page."""
    fleet.run(a4=FAILED)
    fleet.run(after=60, b5=FAILED)
    fleet.run(after=60, c20=FAILED)
    assert sorted(fleet.sizes().values()) == [4, 5, 20]


def test_two_hundred_over_half_an_hour_are_few_groups(fleet: Fleet) -> None:
    """Seven streams that fail each minute are five groups, and nobody is alone."""
    for letter in "abcdefghijklmnopqrstuvwxyzABCD":
        fleet.run(**{f"{letter}7": FAILED})
    assert list(fleet.sizes().values()) == [42] * 5


def test_a_member_stays_until_it_leaves_its_kind(fleet: Fleet) -> None:
    """The last stream of a group stays in it, however many others recover."""
    fleet.run(a6=FAILED)
    fleet.run(a5=0)
    assert fleet.run(after=600) == {"a5": f"{FIVE}, a5"}


def test_kinds_are_kept_apart(fleet: Fleet) -> None:
    """Ten of thirty turn permanent: both groups stand. A pause begins anew, alone."""
    fleet.run(a5=PAUSED)
    fleet.run(after=40, b30=FAILED)
    fleet.run(after=20, b10=PERMANENT)
    kinds = {(kind, size) for (kind, _), size in fleet.sizes().items()}
    assert kinds == {("unexpected", 5), ("failed", 20), ("failed_permanently", 10)}
    assert {kind for _, kind in fleet.problems.over} == {Kind.FAILED}
    assert fleet.run(after=40, b=PAUSED)["b0"] == ""
    assert fleet.problems.current["b0", Kind.UNEXPECTED].since == fleet.now


def test_states_of_one_kind_are_one_problem(fleet: Fleet) -> None:
    """A paused stream that is not started is in an unexpected state all the while."""
    fleet.run(a=PAUSED)
    fleet.run(a=NOT_STARTED)
    ((_, problem),) = fleet.problems.current.items()
    assert (problem.state, problem.since) == (NOT_STARTED, MINUTE)


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


@pytest.mark.parametrize(("second", "shared"), [("DOWN", "DOWN"), ("SLOT", "")])
def test_a_group_has_the_reason_that_its_founders_share(
    fleet: Fleet, second: str, shared: str
) -> None:
    """Where they don't share one, it has none."""
    fleet.run(a=FAILED)
    fleet.reason = second
    fleet.run_after(30, b4=FAILED)
    assert {each.reason for each in fleet.problems.current.values()} == {shared}


def test_a_reason_stays_as_it_was_when_the_problem_began(fleet: Fleet) -> None:
    """An empty one too: a label that changed would be another page."""
    fleet.reason = ""
    fleet.run(a=FAILED)
    fleet.reason = "DOWN"
    fleet.run(a=FAILED)
    assert fleet.problems.current["a0", Kind.FAILED].reason == ""


def test_a_reason_is_one_short_line_that_a_page_can_quote(fleet: Fleet) -> None:
    """No markup, no line end, no variable, and a hundred bytes at most."""
    fleet.reason = "`<!here>`\n${project} " + "x" * 200
    fleet.run(a=FAILED)
    (problem,) = fleet.problems.current.values()
    assert problem.reason.startswith("'\u2039!here\u203a' $ {project} xxx")
    assert len(problem.reason.encode()) == 100


@pytest.mark.parametrize(("state", "value"), [(0, 99), (98, 98), (2**31 - 1, 99)])
def test_a_state_of_the_future_has_a_value(state: int, value: int) -> None:
    """A state of 0 doesn't look as if the problem were over."""
    assert Problem(state, 0).value == value


# Errors and patience.


def test_errors_are_a_problem_of_a_stream_that_is_fine_otherwise(fleet: Fleet) -> None:
    """Another problem takes their place, and with `collect.errors: false` none does."""
    fleet.run(a=RUNNING)
    assert set(fleet.problems.current) == {("a0", Kind.ERRORS)}
    fleet.run(a=FAILED)
    assert set(fleet.problems.current) == {("a0", Kind.FAILED)}
    assert Fleet(collect={"errors": False}).run(a=RUNNING) == {}


PATIENT = {"match": "*/streams/a*", "failed": "15m"}


def test_a_patient_stream_is_tolerated_until_its_patience_is_over() -> None:
    """It is in no group meanwhile; then it fails in that run like any other."""
    fleet = Fleet(expectations=[PATIENT])
    fleet.run(a4=FAILED)
    fleet.run(after=14)
    assert fleet.sizes() == {("tolerated", ""): 4}
    fleet.run(b=FAILED)
    assert fleet.sizes() == {("failed", "a0, a1, a2, a3, b0"): 5}
    since = {problem.since for problem in fleet.problems.current.values()}
    assert since == {fleet.now}
    assert {kind for _, kind in fleet.problems.over} == {Kind.TOLERATED}


def test_a_source_that_comes_and_goes_never_fails() -> None:
    """Each time, its patience begins anew."""
    fleet = Fleet(expectations=[PATIENT])
    for _ in range(5):
        fleet.run(a4=FAILED)
        fleet.run(after=10)
        fleet.run(a4=0)
    assert fleet.sizes() == {}


def test_patience_that_comes_later_closes_no_page() -> None:
    """A stream that failed before stays failed; its pause is another problem."""
    fleet = Fleet()
    fleet.run(a=FAILED)
    fleet.configure(expectations=[PATIENT])
    fleet.run()
    assert fleet.sizes() == {("failed", ""): 1}
    fleet.run(a=0)
    fleet.run(a=FAILED)
    assert fleet.sizes() == {("tolerated", ""): 1}


def test_patience_is_over_where_its_window_closes() -> None:
    """The stream fails in that run."""
    window = {"from": "2026-01-01T00:00", "until": "2026-01-01T00:05"}
    until = {"during": window | {"timezone": "UTC"}}
    fleet = Fleet(expectations=[PATIENT | until])
    fleet.now = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    fleet.run(a=FAILED)
    fleet.run(after=3)
    assert fleet.sizes() == {("tolerated", ""): 1}
    fleet.run()
    assert fleet.sizes() == {("failed", ""): 1}


def test_permanent_failures_are_never_tolerated() -> None:
    """Patience is for a source that comes back."""
    fleet = Fleet(expectations=[PATIENT])
    fleet.run(a=PERMANENT)
    assert fleet.sizes() == {("failed_permanently", ""): 1}


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


def test_the_series_of_one_that_joins_a_group_ends(fleet: Fleet) -> None:
    """Its beginning goes on, as that of the group."""
    fleet.run(a=FAILED)
    fleet.run(b4=FAILED)
    assert fleet.problems.ended == {(("a0", Kind.FAILED), ("", "DOWN"))}
    assert not fleet.problems.over


# What is read back.


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    states: dict[str, dict[int, int]], since: dict[int, int], expected: list[Any]
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    written = {(streams, ""): values for streams, values in states.items()}
    assert last_problem(ProblemHistory(written, since)) == Problem(*expected)


def test_a_zero_ends_a_problem() -> None:
    """Neither zeros nor a series without points tell of a problem."""
    ended = {("", ""): {180: 5, 240: 0}, ("a, b", ""): {180: 5}}
    assert last_problem(ProblemHistory(ended, {180: 180, 240: 0})) is None
    assert last_problem(ProblemHistory({}, {})) is None
