"""What is played of a plan, and which incidents are the same; any plan is reviewed."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.documents.mistakes import InputError
from lab.policies import promql
from lab.prove.incidents import Incident
from lab.review.page import review_page
from lab.review.plan import parse_plan
from lab.review.playing import changed_policies, compare_incidents
from lab.review.review import make_review
from lab.review.values import Json
from tests.lab.review.plan_json import (
    ADDRESS,
    QUERY,
    change,
    created,
    exporter,
    on_log,
    plan,
    planned,
    policy,
)
from tests.mangling import mangle, values
from tests.tables import rows


@rows
def test_a_policy_that_can_not_be_played_has_a_reason(
    changed: Json, reason: str
) -> None:
    """A review says why a policy can't be played."""
    found = planned(created(**changed))
    assert changed_policies(found.changes) == ((), ())
    assert reason in make_review(found, []).problems["failed"]


def test_only_what_decides_when_a_policy_alerts_is_played() -> None:
    """A change of severity, channels or texts plays nothing."""
    query = f"{QUERY}\n".replace("==", "\n==")
    other = policy(severity="ERROR", notification_channels=[], content="B", query=query)
    for quiet in (
        change("update", before=policy(), after=other),
        change("forget", before=policy()),
        created(enabled=False),
    ):
        assert changed_policies(planned(quiet).changes) == ((), ())
    gone = planned(change("delete", before=policy()))
    (before,), after = changed_policies(gone.changes)
    assert before.query == promql.pretty(QUERY)
    assert after == ()


def test_each_deployment_is_played_apart() -> None:
    """A threshold of prod's that equals dev's afterwards is a change of prod alone."""
    late = policy(duration="300s")
    dev = change("no-op", before=late, after=late, address=f'module.a["dev"].{ADDRESS}')
    prod = dev | {"address": f'module.a["prod"].{ADDRESS}'}
    prod |= change("update", before=policy(), after=late, address=prod["address"])
    for side in changed_policies(planned(dev, prod).changes):
        assert [each.name for each in side] == ["prod: failed"]


@rows
def test_overlapping_incidents_are_the_same(
    before: Any, after: Any, kinds: list[str]
) -> None:
    """Incidents of a stream that overlap are the same, the nearest of several."""
    old = [Incident("p", "orders", {}, *times) for times in before]
    new = [Incident("p", "orders", {}, *times) for times in after]
    assert [each.kind for each in compare_incidents("s", old, new)] == kinds
    other = Incident("p", "stock", {}, 10, None)
    assert [
        each.kind for each in compare_incidents("s", [other, *old], [other, *new])
    ] == kinds


_GOOD = plan(
    change("update", before=policy(), after=policy(query="a >= (5)"), sensitive={}),
    created(conditions=[on_log("severity>=ERROR", who="EXTRACT(a)")]),
    change("delete", before=policy(), address=f'module.a.{ADDRESS}["b"]'),
    exporter("sources: []", "sources: [{project: orders-prod}]"),
)
_WORDS = ["", "60s", "1e9s", "\ud800", "`", "true", "forget", "no-op", "query"]
_WORDS += policy()
_WORDS += policy()["conditions"][0]
_WORDS += _GOOD["resource_changes"][1]["change"]


@given(st.data())
def test_any_plan_is_reviewed_or_refused(data: st.DataObject) -> None:
    """A plan with any values, or cut off anywhere, gives a review or a sentence."""
    document = json.loads(json.dumps(_GOOD))
    mangle(document, values(_WORDS), data)
    content = json.dumps(document).encode()
    end = data.draw(st.integers(0, len(content) - 1))
    for part in (content, content[:end]):
        try:
            found = parse_plan(part, "plan.json")
        except InputError:
            continue
        changed_policies(found.changes)
        assert review_page(make_review(found, [])).encode().startswith(b"## Review")
