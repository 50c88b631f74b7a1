"""The review that the docs show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.review.effects import questions
from lab.review.plans import plan_of
from lab.review.reviewing import review
from tools import lab_review as page

if TYPE_CHECKING:
    from lab.review.plans import Plan
    from tests.lab.review.conftest import Replanned

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_review_in_the_docs_is_what_is_printed() -> None:
    """Whoever changes a policy or a scenario that it shows sees what that does."""
    assert page.SHOWN.read_text("utf-8") == page.made(), HOW


def test_the_plan_in_the_docs_is_what_terraform_plans(replanned: Replanned) -> None:
    """It is made of the policies' files, and asks and says what a plan of the module does."""
    inputs = {
        "stream-lagging": {"threshold": 1800, "duration": "900s"},
        "stream-errors": {"severity": "ERROR"},
        "streams-failing-together": {"enabled": False},
    }
    real = plan_of(json.dumps(replanned(policy_overrides=inputs)).encode(), "")
    shown = plan_of(json.dumps(page.plan()).encode(), "")
    assert questions(shown.changes) == questions(real.changes)
    assert _told(shown) == _told(real)


def _told(plan: Plan) -> list[tuple[str, str, tuple[str, ...]]]:
    asked, unclear = questions(plan.changes)
    return [
        (each.change.name, each.how, tuple(one.words + one.block for one in each.differences))
        for each in review(plan, asked, unclear, {}, []).told
    ]
