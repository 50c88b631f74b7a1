"""What comes and goes for hours: told once while it lasts, and not at all if short."""

from collections.abc import Callable
from itertools import permutations, product

import pytest

from exporter.steps.problems import WAITS, Key, Words
from tests.exporter.steps.looks import WITH_ERRORS, Exporter, seen
from tests.tables import rows

RUNNING = 2
MINUTE = 60
BEGINNING = 100_000
LETTERS = {"r": RUNNING, "p": 3, "f": 5, "F": 6, "s": 7, "d": 8, "e": WITH_ERRORS}
"""The states of a stream, by a letter."""
WORST_FIRST: list[str] = list(WAITS)
PATIENCE = 15 * MINUTE
"""As long as errors wait."""
MODES = pytest.mark.parametrize(
    ("interval", "job"), list(product([60, 300], [True, False]))
)


def pages(
    exporter: Exporter,
    state: Callable[[int], int],
    seconds: int,
    interval: int,
    patience: int = 0,
) -> tuple[list[int], list[int]]:
    """Return after how many seconds pages opened and closed for a stream."""
    opened, closed = [], []
    before: set[tuple[Key, Words]] = set()
    for after in range(0, seconds, interval):
        stream = seen("orders", state(after), "GONE", patience)
        found = exporter.run(BEGINNING + after, [stream])
        told = {
            (key, problem.words)
            for key, problem in found.current.items()
            if problem.told
        }
        opened += [after] * len(told - before)
        closed += [after] * len(before - told)
        before = told
    return opened, closed


@MODES
@pytest.mark.parametrize(("letter", "patience"), [("e", 0), ("f", PATIENCE)])
def test_what_waits_long_is_told_once_while_it_lasts(
    letter: str, patience: int, interval: int, *, job: bool
) -> None:
    """It is told if it is there half of the time, and no page closes for a break.

    The exceptions are good times of more than four minutes.
    """
    shares, periods = [10, 50, 75, 90], [2, 3, 5, 12, 15, 20, 120]
    for share, period in product(shares, periods):
        bad = period * MINUTE * share // 100
        good = period * MINUTE - bad

        def state(after: int, period: int = period, bad: int = bad) -> int:
            is_bad = (after + 7) % (period * MINUTE) < bad
            return LETTERS[letter] if is_bad else RUNNING

        seconds = 3 * 60 * MINUTE
        exporter = Exporter(job=job, interval=interval)
        opened, closed = pages(exporter, state, seconds, interval, patience)
        world = f"{share} % of {period} minutes"
        is_interrupted = good > 4 * MINUTE or interval > 4 * MINUTE
        if share >= 50 and not (is_interrupted and bad < PATIENCE + interval):
            assert opened, world
            assert opened[0] <= 2 * 60 * MINUTE + patience, world
        if good < (9 if interval == MINUTE else 4) * MINUTE:
            assert len(opened) <= 1, world
            assert not closed, world
        assert len(opened) <= seconds // (period * MINUTE) + 1, world


@MODES
def test_two_states_in_turn_are_one_page_that_only_gets_worse(
    interval: int, *, job: bool
) -> None:
    """It is told within two hours if the stream isn't fine half of the time.

    It closes after ten good minutes. The exception are errors that come and go.
    """
    periods = [2, 12] if job else [2, 5, 12, 20, 60]
    pairs = permutations("rspfFe", 2)
    for pair, period, share in product(pairs, periods, [10, 50, 90]):
        world = f"{pair}, {share} % of {period} minutes"
        exporter = Exporter(job=job, interval=interval)
        shown = ""
        page: list[str] = []
        pages_since_well = well = 0
        first_page = 24 * 3600
        for after in range(0, 3 * 3600, interval):
            is_second = (after + 7) % (period * MINUTE) >= period * MINUTE * share / 100
            letter = pair[is_second]
            shown += letter
            stream = seen("orders", LETTERS[letter], "GONE")
            found = exporter.run(BEGINNING + after, [stream])
            told = [key.kind for key, problem in found.current.items() if problem.told]
            well = well + interval if letter in "re" else 0
            assert len(told) <= 1, world
            if told and told != page:
                worse = WORST_FIRST[: WORST_FIRST.index(page[0])] if page else told
                assert told[0] in worse, world
                pages_since_well += 1
                first_page = min(first_page, after)
            if page and not told:
                assert well >= 570 + interval, world
            if well >= 600 + interval:
                pages_since_well = 0
            assert pages_since_well <= 2, world
            page = told
        not_fine = len(shown) - shown.count("r")
        if (
            {*pair} != {"e", "r"}
            and {*shown} & {*"pfFe"}
            and not_fine * 2 >= len(shown)
        ):
            assert first_page <= 2 * 60 * MINUTE, world


@rows
@pytest.mark.parametrize("job", [True, False])
def test_what_changes_by_the_minute_has_so_many_pages(
    minutes: str, patience: int, count: int, *, job: bool
) -> None:
    """A second problem neither hides the first nor ends it, unless it is told."""
    shown = [letter for part in minutes.split() for letter in unfolded(part)]

    def state(after: int) -> int:
        return LETTERS[shown[after // MINUTE % len(shown)]]

    exporter = Exporter(job=job)
    opened, _ = pages(exporter, state, 8 * 3600, MINUTE, patience * MINUTE)
    assert len(opened) == count


def unfolded(part: str) -> str:
    """Return the letters of ``12f``: twelve times f."""
    return part[-1] * int(part[:-1] or 1)
