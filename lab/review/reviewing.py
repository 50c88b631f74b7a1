"""A review: what a plan changes about the policies, and what that does to the scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.review.comparing import Effect, Kind
from lab.review.differences import Difference, differences
from lab.review.plans import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.review.effects import Found, Question, Unclear
    from lab.review.plans import Plan, PolicyChange


class Told(NamedTuple):
    """A policy that does not stay as it is.

    Attributes:
        change: What the plan does with it.
        how: That in a word or two, such as ``switched off``.
        differences: What is different about it; none of one that is added or removed.
    """

    change: PolicyChange
    how: str
    differences: tuple[Difference, ...]


class Page(NamedTuple):
    """A page of a scenario that is different.

    Attributes:
        scenario: The scenario's name.
        policies: The policies that page.
        effect: What is different.
    """

    scenario: str
    policies: tuple[str, ...]
    effect: Effect


@dataclass(frozen=True, slots=True)
class Review:
    """A review.

    Attributes:
        plan: The plan.
        told: The policies that do not stay as they are, what matters most first.
        asked: What the scenarios were asked.
        titles: The titles of the scenarios that were asked, by name.
        pages: The pages that are different, scenario by scenario.
        silent: The policies that change and page in no scenario, before or after.
        refused: What Prometheus says of queries that it refuses, by policy.
        unclear: The policies of which the scenarios cannot tell.
    """

    plan: Plan
    told: tuple[Told, ...]
    asked: tuple[Question, ...]
    titles: dict[str, str]
    pages: tuple[Page, ...]
    silent: tuple[str, ...]
    refused: dict[str, str]
    unclear: tuple[Unclear, ...]

    def count(self, *kinds: Kind) -> int:
        """Return how many pages are different in one of these ways."""
        return sum(1 for page in self.pages if page.effect.kind in kinds)

    @property
    def worse(self) -> bool:
        """Whether a page is lost or comes later."""
        return self.count(Kind.LOST, Kind.LATER) > 0


SWITCHED_OFF = "switched off"
SWITCHED_ON = "switched on"
MOVED = "moved"

ORDER = (
    Action.REMOVED,
    SWITCHED_OFF,
    Action.FORGOTTEN,
    Action.CHANGED,
    Action.REPLACED,
    SWITCHED_ON,
    Action.ADDED,
    MOVED,
)
"""What can happen to a policy, what matters most first."""


def review(
    plan: Plan,
    asked: Sequence[Question],
    unclear: Sequence[Unclear],
    titles: dict[str, str],
    found: Iterable[Found],
) -> Review:
    """Return a review.

    Args:
        plan: The plan.
        asked: What the scenarios were asked.
        unclear: The policies of which they cannot tell.
        titles: The titles of the scenarios, by name.
        found: Their answers.
    """
    told = [_told(change, plan) for change in plan.changes if _changes(change)]
    answers = list(found)
    paged = {answer.question for answer in answers if answer.paged}
    refused = {
        name: said
        for answer in answers
        for said in answer.refused
        for name in asked[answer.question].policies
    }
    silent = [
        name
        for number, question in enumerate(asked)
        if number not in paged and answers
        for name in question.policies
        if name not in refused
    ]
    pages = [
        Page(answer.scenario, asked[answer.question].policies, effect)
        for answer in answers
        for effect in answer.effects
    ]
    return Review(
        plan=plan,
        told=tuple(sorted(told, key=lambda each: (ORDER.index(each.how), each.change.name))),
        asked=tuple(asked),
        titles=titles,
        pages=tuple(pages),
        silent=tuple(silent),
        refused=refused,
        unclear=tuple(unclear),
    )


def _changes(change: PolicyChange) -> bool:
    return change.action is not Action.KEPT or bool(change.was_at or change.notes)


def _told(change: PolicyChange, plan: Plan) -> Told:
    before, after = change.before, change.after
    different: tuple[Difference, ...] = ()
    if before and after:
        different = differences(before, after, plan.channels)
    how = str(change.action)
    switched = {each.field: each.after for each in different}.get("enabled", "")
    if change.action is Action.KEPT:
        how = MOVED
    elif switched is False:
        how = SWITCHED_OFF
    elif switched is True or (switched is None and change.action is Action.CHANGED):
        how = SWITCHED_ON
    return Told(change, how, different)
