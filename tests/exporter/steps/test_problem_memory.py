"""What a process remembers of problems, beside what it reads back."""

import pytest

from exporter.config.model import Config
from exporter.steps.compare import ComparedLocation, Verdict
from exporter.steps.problems import Key, LocationProblems, ProblemMemory, Words
from tests.exporter.steps.looks import Exporter, seen
from tests.exporter.worlds import EUROPE, IN_EUROPE

KEY = Key("orders", Verdict.FAILED)
SERIES = (KEY, Words())
OPEN = LocationProblems(ended=frozenset({SERIES}))
OVER = LocationProblems(over=frozenset({KEY}))


def followed(*learned: LocationProblems) -> LocationProblems:
    """Return what a run finds at an empty location, after what it learned."""
    metrics = {"project": "metrics-project"}
    config = Config.model_validate({"metrics": metrics, "sources": [IN_EUROPE]})
    memory = ProblemMemory(config, 60, 15)
    for found in learned:
        memory.learn({EUROPE: found})
    return memory.follow(ComparedLocation(EUROPE), 1_800_000_000)


def test_a_beginning_ends_after_its_series() -> None:
    """While a series of the problem is open, its beginning says so to the next run."""
    found = followed(OPEN, OVER)
    assert found.ended == {SERIES}
    assert not found.over


def test_a_second_group_of_the_same_words_is_told_apart() -> None:
    """Long names are counted, so other founders may have the words of a group."""
    exporter = Exporter(job=False)

    def run(minute: int, failed: str) -> LocationProblems:
        streams = [
            seen(letter * 50, 5 if letter in failed else 2) for letter in "abcdef"
        ]
        return exporter.run(minute * 60, streams)

    run(0, "abcde")
    first = run(1, "abcde").current[Key("a" * 50, Verdict.FAILED)].words
    for minute in range(2, 13):
        run(minute, "e")
    run(13, "abcdef")
    second = run(14, "abcdef").current[Key("a" * 50, Verdict.FAILED)].words
    assert first.streams.endswith(" and 3 more")
    assert second.streams == f"{first.streams} again"


@pytest.mark.parametrize(("owners", "shared"), [("aaaaa", "a"), ("aaaab", "")])
def test_a_group_has_the_owner_that_its_founders_share(
    owners: str, shared: str
) -> None:
    """Where they have several, it has none; each says its own while alone."""
    exporter = Exporter(job=True)
    streams = [
        seen(str(number), 5, reason="GONE")._replace(owner=owner)
        for number, owner in enumerate(owners)
    ]
    alone = exporter.run(0, streams).current
    assert [each.words for each in alone.values()] == [
        Words("", "GONE", owner) for owner in owners
    ]
    told = exporter.run(60, streams).current
    assert {each.words for each in told.values()} == {
        Words("0, 1, 2, 3, 4", "GONE", shared)
    }


def test_a_beginning_that_ends_is_not_forgotten_by_reading_back() -> None:
    """Its 0 may be visible late, so what is read back may not have it."""
    assert followed(OVER, LocationProblems()).over == {KEY}
