"""A review as data, for whoever reads it by machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.review.comparing import Kind

if TYPE_CHECKING:
    from lab.review.comparing import Span
    from lab.review.reviewing import Page, Review, Told


def document(review: Review) -> dict[str, Any]:
    """Return a review as data; moments are seconds after a scenario's start."""
    return {
        "notes": list(review.plan.notes),
        "policies": [_policy(told) for told in review.told],
        "unchanged": len(review.plan.changes) - len(review.told),
        "scenarios": sorted(review.titles),
        "count": {str(kind): review.count(kind) for kind in Kind},
        "pages": [_page(page) for page in review.pages],
        "in_no_scenario": list(review.silent),
        "refused": dict(review.refused),
        "unclear": {each.policy: each.reason for each in review.unclear},
    }


def _policy(told: Told) -> dict[str, Any]:
    change = told.change
    return {
        "name": change.name,
        "address": change.address,
        "was_at": change.was_at or None,
        "how": told.how,
        "reason": change.reason or None,
        "notes": list(change.notes),
        "differences": [
            {"field": each.field, "before": each.before, "after": each.after, "words": each.words}
            for each in told.differences
        ],
    }


def _page(page: Page) -> dict[str, Any]:
    effect = page.effect
    return {
        "scenario": page.scenario,
        "policies": list(page.policies),
        "kind": effect.kind,
        "about": effect.about,
        "before": _span(effect.before),
        "after": _span(effect.after),
        "by": _span(effect.by),
        "phases": effect.phases,
        "tried": effect.tried,
    }


def _span(span: Span | None) -> dict[str, float] | None:
    return {"least": span.least, "most": span.most} if span else None
