"""What a timeline shows, in words, for whoever does not see it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lab.report.things import WORDS
from lab.review.spoken import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.report.marks import Page, PolicyRow, States, Timeline, Track, Window
    from lab.report.samples import Dot, Row

_MOST = 12
"""How many parts of a row are said, one by one."""


def axis(timeline: Timeline) -> str:
    """Return what the axis of time shows."""
    happens = (
        f"{turn.number} at {spoken(turn.at)}: {'; '.join(turn.texts)}" for turn in timeline.turns
    )
    return _sentence(
        f"Time, from the start to {spoken(timeline.lasts)}",
        _some(happens) or "nothing happens",
    )


def states(row: States) -> str:
    """Return what is the case with a thing."""
    return _sentence(
        row.title,
        _some(
            f"{each.text} from {spoken(each.begin)} to {spoken(each.end)}" for each in row.stretches
        ),
    )


def samples(row: Row) -> str:
    """Return what the points of a row say, and where there are none."""
    told = [*_said(row.dots)]
    told += [f"none from {spoken(gap.begin)} to {spoken(gap.end)}" for gap in row.gaps]
    return _sentence(f"{row.title}, {len(row.dots)} of them", _some(told) or "none")


def policy(row: PolicyRow) -> str:
    """Return what became of a policy."""
    told = [
        f"condition true from {spoken(each.begin)} to {spoken(each.end)}"
        + ("" if each.end > each.filled else ", not for long enough to page")
        for each in row.held
    ]
    told += [f"log entry at {spoken(at)}" for at in row.entries]
    told += [_expected(window) for window in row.windows]
    told += [_page(page) for page in row.pages]
    told += [f"{row.missed} expected and not opened"] * bool(row.missed)
    told += ["no page"] * (not row.pages and not row.missed)
    return _sentence(row.policy, _some(told))


def alike(track: Track) -> str:
    """Return how many more things fare as one does, and which."""
    if not track.alike:
        return ""
    names = ", ".join(
        f"{thing.short} in {thing.where}" if thing.where != track.thing.where else thing.short
        for thing in track.alike[:_MOST]
    )
    more = ", …" if len(track.alike) > _MOST else ""
    kind = WORDS[track.thing.kind] + "s" * (len(track.alike) > 1)
    return f"and {len(track.alike)} more {kind} alike: {names}{more}"


def _said(dots: Iterable[Dot]) -> Iterator[str]:
    """Yield what points say, each time that they say something else."""
    for text, same in itertools.groupby(dots, key=lambda dot: dot.text):
        moments = [dot.at for dot in same]
        if len(moments) == 1:
            yield f"{text} at {spoken(moments[0])}"
        else:
            yield f"{text} from {spoken(moments[0])} to {spoken(moments[-1])}"


def _expected(window: Window) -> str:
    what = "closing" if window.closes else "page"
    return f"{what} expected from {spoken(window.begin)} to {spoken(window.end)}"


def _page(page: Page) -> str:
    opened = f"page opened at {spoken(page.begin)}"
    closed = "still open at the end" if page.open else f"closed at {spoken(page.end)}"
    return f"{opened}, {closed}: {page.outcome}"


def _some(parts: Iterable[str]) -> str:
    told = [*parts]
    more = [f"and {len(told) - _MOST} more"] * (len(told) > _MOST)
    return "; ".join([*told[:_MOST], *more])


def _sentence(title: str, rest: str) -> str:
    return f"{title}: {rest}."
