"""The first sentences of a review: how many policies change, and how many pages with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from exporter.text import plural
from lab.review.comparing import Kind
from lab.review.plans import Action
from lab.review.reviewing import MOVED, ORDER, SWITCHED_OFF, SWITCHED_ON
from lab.review.spoken import listed, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.review.reviewing import Review

WORSE = frozenset({Kind.LOST, Kind.LATER})
"""What nobody wants to happen to a page unseen."""

# Of one, and of several.
_POLICIES: Mapping[str, tuple[str, str]] = {
    Action.REMOVED: ("is removed", "are removed"),
    SWITCHED_OFF: ("is switched off", "are switched off"),
    Action.FORGOTTEN: ("is let go", "are let go"),
    Action.CHANGED: ("changes", "change"),
    Action.REPLACED: ("is made anew", "are made anew"),
    SWITCHED_ON: ("is switched on", "are switched on"),
    Action.ADDED: ("is added", "are added"),
    MOVED: ("only moves to another address", "only move to other addresses"),
}
_STAY = ("stays as it is", "stay as they are")
_PAGES: Mapping[Kind, tuple[str, str]] = {
    Kind.LOST: ("is lost", "are lost"),
    Kind.LATER: ("comes later", "come later"),
    Kind.GAINED: ("is gained", "are gained"),
    Kind.SOONER: ("comes sooner", "come sooner"),
    Kind.AGAIN: ("comes once more", "come once more"),
    Kind.JOINED: ("comes once less", "come once less"),
}
_ENDS = ("ends at another time", "end at another time")


def summary(review: Review) -> Iterator[str]:
    """Yield the sentences, as Markdown."""
    count = Counter(each.how for each in review.told)
    told = [(count[how], _POLICIES[how]) for how in ORDER if count[how]]
    stay = len(review.plan.changes) - len(review.told)
    told += [(stay, _STAY)] if stay else []
    yield f"{listed(_counted(told, 'policy', 'policies'))}."
    played = plural(len(review.titles), "scenario")
    if not review.asked and review.unclear:
        yield "No scenario can tell what that does."
    elif not review.asked:
        yield "No scenario pages differently: nothing changes that decides when a policy pages."
    elif not review.pages:
        yield f"No scenario pages differently ({played} played)."
    else:
        yield f"In {played}, {_pages(review)}."


def _pages(review: Review) -> str:
    kinds = [kind for kind in _PAGES if review.count(kind)]
    told = [(review.count(kind), _PAGES[kind]) for kind in kinds]
    ends = review.count(Kind.ENDS_LATER, Kind.ENDS_SOONER)
    words = _counted([*told, (ends, _ENDS)] if ends else told, "page", "pages")
    for place, kind in enumerate(kinds):
        by = [
            page.effect.by.most
            for page in review.pages
            if page.effect.kind is kind and page.effect.by
        ]
        words[place] += f" (by up to {spoken(max(by))})" if by else ""
        words[place] = f"**{words[place]}**" if kind in WORSE else words[place]
    return listed(words)


def _counted(told: list[tuple[int, tuple[str, str]]], one: str, several: str) -> list[str]:
    """Return how many of a thing do what; the thing is named once."""
    words: list[str] = []
    for number, (singular, plural_) in told:
        thing = "" if words else f" {one if number == 1 else several}"
        words.append(f"{number:,}{thing} {singular if number == 1 else plural_}")
    return words
