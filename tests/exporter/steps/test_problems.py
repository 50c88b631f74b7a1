"""Which streams have a problem, since when, and which of them are a group."""

import pytest

from exporter.config.model import Grouping
from exporter.steps.problems import (
    LocationProblems,
    Problem,
    ProblemPoint,
    follow,
    last_problem,
    merge_groups,
)

PAUSED, FAILED, PERMANENT = 3, 5, 6
MINUTE = 60
GROUPING = Grouping()


class Fleet:
    """The problems of one location, a run a minute."""

    def __init__(self) -> None:
        self.now = 0
        self.problems = LocationProblems()
        self.bad: dict[str, int] = {}

    def run(self, *, after: int = 1, **states: int) -> dict[str, int]:
        """Run some minutes later, with further streams in a state; return values.

        State 0 is one that is fine. A name such as ``a5`` is five streams.
        """
        self.now += after * MINUTE
        for name, state in states.items():
            for number in range(int(name[1:] or 1)):
                self.bad[f"{name[0]}{number}"] = state
        self.bad = {stream: state for stream, state in self.bad.items() if state}
        self.problems = follow(
            self.problems,
            self.bad,
            self.now,
            GROUPING,
        )
        return {
            stream: problem.value for stream, problem in self.problems.current.items()
        }

    def groups(self) -> dict[int, int]:
        """Return how many streams each group has, by the minute in which it formed."""
        sizes: dict[int, int] = {}
        for problem in self.problems.current.values():
            if problem.grouped:
                formed = problem.since // MINUTE
                sizes[formed] = sizes.get(formed, 0) + 1
        return sizes


@pytest.fixture
def fleet() -> Fleet:
    """Return a location without problems."""
    return Fleet()


def test_five_that_fail_together_are_a_group(fleet: Fleet) -> None:
    """Four are not."""
    assert set(fleet.run(a4=FAILED).values()) == {105}
    assert set(Fleet().run(a5=FAILED).values()) == {205}


def test_a_group_takes_those_that_were_alone_for_at_most_90_seconds(
    fleet: Fleet,
) -> None:
    """The page of one that was alone for longer is out, though it counts."""
    fleet.run(a=FAILED)
    fleet.run(b=FAILED)
    fleet.run(c2=FAILED)
    values = fleet.run(d=FAILED)
    assert values == {
        "a0": 105,
        "b0": 105,
        "c0": 205,
        "c1": 205,
        "d0": 205,
    }
    assert fleet.groups() == {4: 3}


def test_a_group_takes_others_for_a_quarter_of_an_hour(fleet: Fleet) -> None:
    """Later ones are alone, until five of them are a second group."""
    fleet.run(a5=FAILED)
    fleet.run(after=15, b=FAILED)
    assert fleet.groups() == {1: 6}
    assert fleet.run(c=FAILED)["c0"] == 105
    fleet.run(d4=FAILED)
    assert fleet.groups() == {1: 6, 18: 5}


def test_old_problems_are_no_part_of_a_new_group(fleet: Fleet) -> None:
    """Whether they are alone or a group: twenty that fail beside them are one page."""
    fleet.run(a4=FAILED)
    fleet.run(after=60, b5=FAILED)
    fleet.run(after=60, c20=FAILED)
    assert fleet.groups() == {61: 5, 121: 20}


def test_two_hundred_over_half_an_hour_are_few_groups(fleet: Fleet) -> None:
    """Nobody is alone."""
    for letter in "abcdefghijklmnopqrstuvwxyzABCD":
        values = fleet.run(**{f"{letter}7": FAILED})
    assert set(values.values()) == {205}
    assert fleet.groups() == {1: 112, 17: 98}


def test_a_member_stays_until_it_leaves_its_kind(fleet: Fleet) -> None:
    """However many others recover."""
    fleet.run(a6=FAILED)
    fleet.run(a5=0)
    assert fleet.run(after=600) == {"a5": 205}


def test_kinds_are_kept_apart(fleet: Fleet) -> None:
    """Ten of thirty turn permanent: both groups stand. A pause begins anew, alone."""
    fleet.run(a5=PAUSED)
    fleet.run(after=40, b30=FAILED)
    values = fleet.run(after=20, b10=PERMANENT)
    assert sorted(set(values.values())) == [203, 205, 206]
    assert fleet.groups() == {
        1: 5,
        41: 20,
        61: 10,
    }
    assert fleet.run(after=40, b=PAUSED)["b0"] == 103
    assert fleet.problems.current["b0"].since == fleet.now


def test_states_of_one_kind_are_one_problem(fleet: Fleet) -> None:
    """A paused stream that is not started is in an unexpected state all the while."""
    fleet.run(a=PAUSED)
    assert fleet.run(a=1) == {"a0": 101}
    assert fleet.problems.current["a0"].since == MINUTE


@pytest.mark.parametrize("state", [-1, 99, 100, 107, 2**31 - 1])
def test_a_state_of_the_future_has_a_number_of_its_own(state: int) -> None:
    """It looks like no group, and like no state of today."""
    assert (Problem(state, 0).value, Problem(state, 0, grouped=True).value) == (
        199,
        299,
    )


def test_what_is_over_is_remembered_until_it_was_written(fleet: Fleet) -> None:
    """Also after several runs whose points were lost."""
    fleet.run(a=FAILED)
    fleet.run(a=0)
    fleet.run()
    assert fleet.problems.ended == {"a0"}
    fleet.run(a=FAILED)
    assert not fleet.problems.ended


# What is read back.


def points(*values: tuple[int, int, int]) -> list[ProblemPoint]:
    """Return points: the minute, the value, and the minute since when."""
    return [
        ProblemPoint(minute * MINUTE, value, since * MINUTE)
        for minute, value, since in values
    ]


@pytest.mark.parametrize(
    ("read", "state", "since", "grouped"),
    [
        pytest.param(
            points((9, 105, 2)),
            5,
            2,
            False,
            id="the last point",
        ),
        pytest.param(
            points((3, 105, 3), (4, 105, 4), (5, 105, 3)), 5, 3, False, id="late points"
        ),
        pytest.param(
            points((3, 105, 3), (4, 205, 4), (5, 205, 5)), 5, 4, True, id="joined"
        ),
        pytest.param(
            points((3, 205, 1), (4, 105, 4)),
            5,
            1,
            True,
            id="left no group",
        ),
        pytest.param(
            points((3, 105, 1), (4, 0, 4), (5, 105, 5)), 5, 5, False, id="began anew"
        ),
        pytest.param(
            points((3, 205, 1), (4, 103, 4)), 3, 4, False, id="of another kind"
        ),
        pytest.param(
            points((3, 103, 2), (4, 101, 2)),
            1,
            2,
            False,
            id="of one kind",
        ),
    ],
)
def test_the_earliest_beginning_of_the_newest_stretch_is_right(
    read: list[ProblemPoint], state: int, since: int, *, grouped: bool
) -> None:
    """Whichever points the run before could not see."""
    assert last_problem(reversed(read)) == (state, since * MINUTE, grouped)


def test_a_zero_ends_a_problem() -> None:
    """As no point at all does."""
    assert last_problem(points((3, 105, 3), (4, 0, 4))) is None
    assert last_problem([]) is None


def test_groups_that_formed_as_one_are_one() -> None:
    """Two of a kind that formed within a quarter of an hour did not see each other."""
    formed = {
        "a": (5, 1),
        "b": (5, 16),
        "c": (5, 17),
        "d": (3, 2),
    }
    problems = {
        stream: Problem(state, minute * MINUTE, grouped=True)
        for stream, (state, minute) in formed.items()
    }
    merged = merge_groups(problems | {"e": Problem(5, 2 * MINUTE)}, GROUPING)
    since = {stream: problem.since // MINUTE for stream, problem in merged.items()}
    assert since == {
        "a": 1,
        "b": 1,
        "c": 17,
        "d": 2,
        "e": 2,
    }
