"""Which streams have a problem, since when, and which of them are a group."""

from collections import Counter

import pytest

from exporter.config.model import Grouping
from exporter.steps.compare import ComparedLocation, ComparedStream, Verdict
from exporter.steps.problems import (
    Kind,
    LocationProblems,
    Problem,
    ProblemPoint,
    follow,
    last_problem,
)
from exporter.steps.read import Stream
from tests.exporter.worlds import EUROPE, ORDERS
from tests.tables import rows

NOT_STARTED, PAUSED, FAILED, PERMANENT = 1, 3, 5, 6
MINUTE = 60


class Fleet:
    """The problems of one location, a run a minute."""

    def __init__(self) -> None:
        self.now = 0
        self.problems = LocationProblems()
        self.bad: dict[str, int] = {}
        self.grouping = Grouping()

    @property
    def location(self) -> ComparedLocation:
        """The streams that are not fine, compared with config."""
        streams = [
            ComparedStream(ORDERS, Stream(stream, state), Verdict.UNEXPECTED)
            for stream, state in self.bad.items()
        ]
        return ComparedLocation(EUROPE, tuple(streams))

    def run(self, *, after: int = 1, **states: int) -> dict[str, int]:
        """Run some minutes later, with further streams in a state; return values.

        State 0 is one that is fine. A name such as ``a5`` is five streams.
        """
        return self.run_after(after * MINUTE, **states)

    def run_after(self, seconds: int, **states: int) -> dict[str, int]:
        """Run so many seconds later; see :meth:`run`."""
        self.now += seconds
        for name, state in states.items():
            for number in range(int(name[1:] or 1)):
                self.bad[f"{name[0]}{number}"] = state
        self.bad = {stream: state for stream, state in self.bad.items() if state}
        self.problems = follow(self.problems, self.location, self.now, self.grouping)
        return self.values()

    def values(self) -> dict[str, int]:
        """Return the value of each stream's problem."""
        return {
            stream: problem.value
            for (stream, _), problem in self.problems.current.items()
        }

    def sizes(self) -> dict[int, int]:
        """Return how many streams have each value."""
        return dict(Counter(self.values().values()))


@pytest.fixture
def fleet() -> Fleet:
    """Return a location without problems."""
    return Fleet()


def test_five_that_fail_together_are_a_group(fleet: Fleet) -> None:
    """Four streams that fail in one run are alone, and five are a group."""
    assert set(fleet.run(a4=FAILED).values()) == {105}
    assert set(Fleet().run(a5=FAILED).values()) == {205}


@pytest.mark.parametrize(
    ("state", "joins"), [(FAILED, 60), (PAUSED, 90), (PERMANENT, 0)]
)
def test_a_group_takes_only_those_whose_page_is_not_out(state: int, joins: int) -> None:
    """A stream that was alone for longer counts for the group, and keeps its page."""
    for seconds, value in ((joins, 200 + state), (joins + 1, 100 + state)):
        fleet = Fleet()
        fleet.run(a=state)
        assert fleet.run_after(seconds, a=state, b4=state)["a0"] == value
        assert fleet.values()["b0"] == 200 + state


def test_a_group_takes_others_for_a_quarter_of_an_hour(fleet: Fleet) -> None:
    """Streams that fail later are alone, until five of them are a second group."""
    fleet.run(a5=FAILED)
    fleet.run(after=15, b=FAILED)
    assert fleet.sizes() == {205: 6}
    assert fleet.run(c=FAILED)["c0"] == 105
    fleet.run(after=2, d4=FAILED)
    assert fleet.sizes() == {205: 6, 105: 1, 305: 4}
    assert fleet.run(e=FAILED)["e0"] == 305


def test_old_problems_are_no_part_of_a_new_group(fleet: Fleet) -> None:
    """Twenty that fail beside old problems, alone or a group, are one page."""
    fleet.run(a4=FAILED)
    fleet.run(after=60, b5=FAILED)
    fleet.run(after=60, c20=FAILED)
    assert fleet.sizes() == {105: 4, 205: 5, 305: 20}


def test_two_hundred_over_half_an_hour_are_few_groups(fleet: Fleet) -> None:
    """Seven streams that fail each minute are two groups, and nobody is alone."""
    for letter in "abcdefghijklmnopqrstuvwxyzABCD":
        fleet.run(**{f"{letter}7": FAILED})
    assert fleet.sizes() == {205: 112, 305: 98}


def test_a_member_stays_until_it_leaves_its_kind(fleet: Fleet) -> None:
    """The last stream of a group stays in it, however many others recover."""
    fleet.run(a6=FAILED)
    fleet.run(a5=0)
    assert fleet.run(after=600) == {"a5": 205}


def test_kinds_are_kept_apart(fleet: Fleet) -> None:
    """Ten of thirty turn permanent: both groups stand. A pause begins anew, alone."""
    fleet.run(a5=PAUSED)
    fleet.run(after=40, b30=FAILED)
    fleet.run(after=20, b10=PERMANENT)
    assert fleet.sizes() == {203: 5, 205: 20, 206: 10}
    assert {kind for _, kind in fleet.problems.ended} == {Kind.FAILED}
    assert fleet.run(after=40, b=PAUSED)["b0"] == 103
    assert fleet.problems.current["b0", Kind.UNEXPECTED].since == fleet.now


def test_states_of_one_kind_are_one_problem(fleet: Fleet) -> None:
    """A paused stream that is not started is in an unexpected state all the while."""
    fleet.run(a=PAUSED)
    assert fleet.run(a=1) == {"a0": 101}
    assert fleet.problems.current["a0", Kind.UNEXPECTED].since == MINUTE


@pytest.mark.parametrize("again", [0, 10])
def test_a_number_is_not_used_again_within_ten_minutes(
    fleet: Fleet, again: int
) -> None:
    """Five that fail as five others recover are a page of their own."""
    fleet.run(a5=FAILED)
    fleet.run(after=20)
    if again:
        fleet.run(a5=0)
        fleet.run(after=again, b5=FAILED)
    else:
        fleet.run(a5=0, b5=FAILED)
    assert fleet.sizes() == {305: 5}
    fleet.run(b5=0)
    fleet.run(after=11, c5=FAILED)
    assert fleet.sizes() == {205: 5}


def test_a_number_from_before_a_gap_counts_until_the_run_after_it(fleet: Fleet) -> None:
    """A location is unreadable for an hour; then five recover, and five others fail."""
    fleet.run(a5=FAILED)
    fleet.run(after=60, a5=0, b5=FAILED)
    assert fleet.sizes() == {305: 5}


def test_another_grouping_moves_no_problem(fleet: Fleet) -> None:
    """Two groups stand, and keep their numbers when config makes groups wider."""
    fleet.run(a5=FAILED)
    fleet.run(after=20, b5=FAILED)
    fleet.grouping = Grouping.model_validate({"within": "2h"})
    fleet.run()
    assert fleet.sizes() == {205: 5, 305: 5}


@pytest.mark.parametrize("state", [99, 100, 2**31 - 1])
def test_a_state_of_the_future_has_a_number_of_its_own(state: int) -> None:
    """A state of 99 and more looks like no state of today."""
    assert Problem(state, 0).value == 199
    assert Problem(state, 0, 3).value == 399


def test_what_is_over_is_remembered_until_it_was_written(fleet: Fleet) -> None:
    """A problem is over also after several runs whose points were lost."""
    fleet.run(a=FAILED)
    fleet.run(a=0)
    fleet.run()
    assert fleet.problems.ended == {("a0", Kind.FAILED)}
    fleet.run(a=FAILED)
    assert not fleet.problems.ended


# What is read back.


@rows
def test_a_group_and_the_earliest_beginning_of_the_newest_stretch_are_right(
    read: list[list[int]], expected: list[int]
) -> None:
    """A run may have written less than it knew, as it could not see the run before."""
    points = [ProblemPoint(*each) for each in read]
    assert last_problem(points) == Problem(*expected)


def test_a_zero_ends_a_problem() -> None:
    """Neither a 0 nor a series without points tells of a problem."""
    ended = [ProblemPoint(180, 105, 180), ProblemPoint(240, 0, 240)]
    assert last_problem(ended) is None
    assert last_problem([]) is None
