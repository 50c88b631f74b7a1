"""Pages that are different, gathered into the rows of a table: things that share all but name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lab.markdown import code
from lab.review.comparing import Kind, Span
from lab.review.spoken import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.review.comparing import Effect
    from lab.review.reviewing import Page

_MOST_NAMED = 3
_CLOSE = 120.0
"""Moments that lie no further apart than so many seconds are told as the last of them."""

_HOW = {
    Kind.LOST: "**lost**",
    Kind.LATER: "**later**",
    Kind.GAINED: "gained",
    Kind.SOONER: "sooner",
    Kind.AGAIN: "once more",
    Kind.JOINED: "once less",
    Kind.ENDS_SOONER: "ends sooner",
    Kind.ENDS_LATER: "ends later",
}


class Row(NamedTuple):
    """A row; all but the first two is Markdown.

    Attributes:
        scenario: The scenario's name.
        kind: How the pages are different.
        policy: Who pages.
        how: The kind in words, and by how much.
        about: What for.
        when: When the pages come, and came.
    """

    scenario: str
    kind: Kind
    policy: str
    how: str
    about: str
    when: str


def rows(pages: Iterable[Page]) -> list[Row]:
    """Return the rows, by scenario, what matters most of it first."""
    groups: dict[tuple[str, Kind, tuple[str, ...], bool], list[Effect]] = {}
    for page in pages:
        effect = page.effect
        certain = effect.phases == effect.tried
        groups.setdefault((page.scenario, effect.kind, page.policies, certain), []).append(effect)
    order = list(Kind)
    return [
        _row(scenario, kind, policies, groups[scenario, kind, policies, certain])
        for scenario, kind, policies, certain in sorted(
            groups, key=lambda key: (key[0], order.index(key[1]), key[2], not key[3])
        )
    ]


def _row(scenario: str, kind: Kind, policies: tuple[str, ...], effects: Sequence[Effect]) -> Row:
    by = _around([effect.by for effect in effects])
    how = _HOW[kind]
    if by:
        how += f" by {spoken(by.least)}"
        how += f" to {spoken(by.most)}" if spoken(by.least) != spoken(by.most) else ""
    return Row(scenario, kind, _policy(policies), how, _about(effects), _when(kind, effects))


def _policy(policies: tuple[str, ...]) -> str:
    text = ", ".join(map(code, policies[:_MOST_NAMED]))
    more = len(policies) - _MOST_NAMED
    return f"{text} and {more} more" if more > 0 else text


def _about(effects: Sequence[Effect]) -> str:
    whole = sorted({effect.about for effect in effects}, key=_natural)
    short = [name.rpartition("/")[2] for name in whole]
    names = short if len(set(short)) == len(whole) else whole
    shown = ", ".join(code(name) if name else "all of it" for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    text = f"{shown} and {more:,} more" if more > 0 else shown
    return f"{text} ({len(effects):,} pages)" if len(effects) > len(whole) else text


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts names by the numbers in them, 2 before 10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts
    ]


def _when(kind: Kind, effects: Sequence[Effect]) -> str:
    before = _around([effect.before for effect in effects])
    after = _around([effect.after for effect in effects])
    was, will = _moments(before), _moments(after)
    if kind in {Kind.ENDS_LATER, Kind.ENDS_SOONER}:
        text = f"ends {will or 'after the scenario'}, ended {was or 'after the scenario'}"
    elif was and will:
        text = f"{will}, came {was}"
    else:
        text = will or f"came {was}"
    phases, tried = max(effect.phases for effect in effects), effects[0].tried
    if all(effect.phases == effect.tried for effect in effects):
        return text
    return f"{text}; depends on when Cloud Monitoring evaluates ({phases} of {tried} moments tried)"


def _moments(span: Span | None) -> str:
    if span is None:
        return ""
    if span.most - span.least <= _CLOSE:
        return f"by {spoken(span.most)}"
    return f"between {spoken(span.least)} and {spoken(span.most)}"


def _around(spans: Iterable[Span | None]) -> Span | None:
    known = [span for span in spans if span]
    if not known:
        return None
    return Span(min(span.least for span in known), max(span.most for span in known))
