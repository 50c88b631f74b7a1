"""A seeded part of the mangled input of `make chaos`."""

from __future__ import annotations

import random

import pytest

from lab.chaos.fuzz import TARGETS, FuzzTask, Target, fuzz, problems, tasks
from lab.chaos.mangle import mangled


@pytest.mark.parametrize("target", TARGETS)
def test_mangled_input_is_read_or_refused(target: str) -> None:
    """Nothing but sentences comes of it, soon and in little memory."""
    assert fuzz(FuzzTask(target, seed=2, count=60)).broken == ()


def test_a_bug_in_a_reader_is_found() -> None:
    """No refusal, one with a raw control character, and an empty one are findings."""

    def read(text: str) -> None:
        if text == "bug":
            raise KeyError(text)
        raise ValueError(text)

    target = Target(lambda: ("a",), read, refusals=(ValueError,))
    assert [*problems(target, "bug")] == ["KeyError: 'bug' from 'bug'"]
    assert [*problems(target, "\x1b")] == ["a raw control character is in what refuses '\\x1b'"]
    assert [*problems(target, "")] == ["0 lines refuse ''"]
    assert [*problems(target, "a sentence")] == []


def test_tasks_hold_as_many_cases_as_asked_for() -> None:
    """Each target gets the count, in parts with seeds of their own."""
    planned = [task for task in tasks(1, 1_200) if task.target == "plan"]
    assert [(task.seed, task.count) for task in planned] == [(1, 500), (501, 500), (1001, 200)]


def test_the_same_seed_mangles_in_the_same_way() -> None:
    """A finding can be repeated."""
    once, again = (mangled(["some text"], random.Random(3)) for _ in range(2))  # noqa: S311 - the same
    assert once == again != "some text"
