"""The review that the docs show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.review.playing import trigger_changes
from tests.lab.review.plan_json import reviewed, written
from tools import lab_review as page

if TYPE_CHECKING:
    from lab.review.review import Review
    from tests.lab.review.conftest import Replanned

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_review_in_the_docs_is_what_is_printed() -> None:
    """The stored example matches what the command prints today."""
    assert page.SHOWN.read_text("utf-8") == page.made(), HOW


def test_the_plan_in_the_docs_is_what_terraform_plans(replanned: Replanned) -> None:
    """The example's plan, made from the policy files, equals a real plan of the module."""
    inputs = {
        "stream-lagging": {"threshold": 1800, "duration": "900s"},
        "stream-errors": {"severity": "ERROR"},
        "streams-failing-together": {"enabled": False},
    }
    real = reviewed(written(replanned(policy_overrides=inputs)))
    shown = reviewed(written(page.plan()))
    assert trigger_changes(shown.plan.changes) == trigger_changes(real.plan.changes)
    assert _policies(shown) == _policies(real)


def _policies(review: Review) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (
            policy.change.name,
            policy.effect,
            tuple(each.words + each.block for each in policy.fields),
        )
        for policy in review.policies
    ]
