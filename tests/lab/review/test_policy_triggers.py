"""What decides when a planned policy pages, and what the scenarios are asked."""

from __future__ import annotations

from typing import Any

import pytest

from lab.review.effects import questions
from lab.review.plans import plan_of
from lab.review.triggers import Trigger
from tests.lab.review.plan_json import QUERY, change, condition, on_log, plan, policy, written

_AS_IT_IS = Trigger(query=QUERY, retest_window=60, interval=30)


def _asked(*changes: dict[str, Any]) -> list[tuple[Trigger | None, Trigger | None]]:
    asked, unclear = questions(plan_of(written(plan(*changes)), "").changes)
    assert unclear == ()
    return [(each.before, each.after) for each in asked]


def _unclear(after: dict[str, Any], unknown: dict[str, Any] | None = None) -> str:
    changed = change("create", after=after, unknown=unknown)
    asked, ((name, reason),) = questions(plan_of(written(plan(changed)), "").changes)
    assert (asked, name) == ((), "failed")
    return reason


@pytest.mark.parametrize(
    ("changed", "trigger"),
    [
        ({"duration": "120s"}, Trigger(query=QUERY, retest_window=120, interval=30)),
        ({"duration": None}, Trigger(query=QUERY, retest_window=0, interval=30)),
        ({"evaluation_interval": "60s"}, Trigger(query=QUERY, retest_window=60, interval=60)),
        ({"query": "up == 0\n"}, Trigger(query="up == 0", retest_window=60, interval=30)),
        ({"enabled": False}, None),
        (
            {"conditions": [on_log("severity>=ERROR", a="EXTRACT(b)")]},
            Trigger(
                filter="severity>=ERROR", extractors=(("a", "EXTRACT(b)"),), closes_after=86_400
            ),
        ),
    ],
)
def test_what_decides_is_asked(changed: dict[str, Any], trigger: Trigger | None) -> None:
    """Query, hold, interval, filter, labels, and whether it is on."""
    assert _asked(change("update", before=policy(), after=policy(**changed))) == [
        (_AS_IT_IS, trigger)
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"severity": "ERROR"},
        {"notification_channels": []},
        {"content": "Other."},
        {"evaluation_interval": None},
        {"user_labels": {"policy": "failed", "team": "data"}},
        {"query": f"{QUERY}\n"},
    ],
)
def test_what_does_not_decide_is_not_asked(changed: dict[str, Any]) -> None:
    """Whom a page reaches and what it says is no matter of the scenarios."""
    assert _asked(change("update", before=policy(), after=policy(**changed))) == []


def test_a_policy_that_comes_or_goes_is_asked() -> None:
    """What is not there pages never."""
    assert _asked(change("create", after=policy())) == [(None, _AS_IT_IS)]
    assert _asked(change("delete", before=policy())) == [(_AS_IT_IS, None)]


def test_a_policy_that_is_let_go_pages_on() -> None:
    """Terraform forgets it, Cloud Monitoring does not."""
    assert _asked(change("forget", before=policy())) == []


def test_policies_that_change_alike_are_asked_once() -> None:
    """As policies on a log do that are made in several projects."""
    made = [
        change("create", after=policy(), address=f'google_monitoring_alert_policy.p["{each}/a"]')
        for each in ("one", "two")
    ]
    asked, _ = questions(plan_of(written(plan(*made)), "").changes)
    assert [each.policies for each in asked] == [("one/a", "two/a")]


def test_the_jobs_name_is_that_of_the_scenarios() -> None:
    """A job that is called otherwise is the same job, and another name no other policy."""
    before, after = (
        policy(query=f'absent(up{{job_name="{name}", result="succeeded"}})')
        for name in ("datastream-exporter", "streams-prod")
    )
    assert _asked(change("update", before=before, after=after)) == []
    ((_, trigger),) = _asked(change("create", after=after))
    assert trigger
    assert trigger.query == 'absent(up{job_name="datastream-exporter", result="succeeded"})'


def _threshold() -> dict[str, Any]:
    return condition(condition_threshold=[{"comparison": "COMPARISON_GT", "duration": "0s"}])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"conditions": [_threshold()]}, "its condition is neither PromQL nor on log entries"),
        ({"conditions": [_threshold(), _threshold()]}, "it has not one condition"),
        ({"conditions": []}, "it has not one condition"),
        ({"duration": "soon"}, "its duration is not in whole seconds"),
        (
            {"evaluation_interval": "45s"},
            "its evaluation_interval is no multiple of 30s",
        ),
        ({"query": None}, "its query is known after the apply only"),
        (
            {"conditions": [on_log("a=1 OR b=2")]},
            '"OR b=2" (line 1, column 5 of the filter) is not supported; write one',
        ),
        (
            {"conditions": [on_log("a=1", b='REGEXP_EXTRACT(c, "(")')]},
            '"(" is not a regular expression: missing ), unterm',
        ),
    ],
)
def test_what_the_scenarios_cannot_tell_is_said(changed: dict[str, Any], reason: str) -> None:
    """With the reason, instead of a silence that looks like no difference."""
    assert _unclear(policy(**changed)).startswith(reason)


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        ({"conditions": True}, "what pages is known after the apply only"),
        ({"enabled": True}, "what pages is known after the apply only"),
        (
            {"conditions": [{"condition_prometheus_query_language": [{"query": True}]}]},
            "its query is known after the apply only",
        ),
        (
            {"conditions": [{"condition_prometheus_query_language": [{"duration": True}]}]},
            "its duration is known after the apply only",
        ),
    ],
)
def test_what_is_unknown_until_the_apply_cannot_be_asked(
    unknown: dict[str, Any], reason: str
) -> None:
    """Nobody knows yet what it will page for."""
    assert _unclear(policy(), unknown) == reason


def test_what_is_sensitive_is_not_told_in_a_reason() -> None:
    """A filter that is not understood is not quoted where nobody may see it."""
    hidden = {"conditions": [{"condition_matched_log": [{"filter": True}]}]}
    after = policy(conditions=[on_log("hush OR hush")])
    changed = change("create", after=after, sensitive=hidden)
    _, ((_, reason),) = questions(plan_of(written(plan(changed)), "").changes)
    assert reason == "its filter or a label is sensitive, and not understood here"
