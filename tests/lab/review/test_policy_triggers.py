"""What decides when a planned policy alerts, and which changes are played."""

from __future__ import annotations

from typing import Any

import pytest

from lab.review.plan import parse_plan
from lab.review.playing import trigger_changes
from lab.review.triggers import Trigger
from tests.lab.review.plan_json import QUERY, change, condition, on_log, plan, policy, written

_AS_IT_IS = Trigger(query=QUERY, retest_window=60, interval=30)


def _asked(*changes: dict[str, Any]) -> list[tuple[Trigger | None, Trigger | None]]:
    asked, unclear = trigger_changes(parse_plan(written(plan(*changes)), "").changes)
    assert unclear == ()
    return [(each.before, each.after) for each in asked]


def _unclear(after: dict[str, Any], unknown: dict[str, Any] | None = None) -> str:
    changed = change("create", after=after, unknown=unknown)
    asked, ((name, reason),) = trigger_changes(parse_plan(written(plan(changed)), "").changes)
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
            Trigger(filter="severity>=ERROR", extractors=(("a", "EXTRACT(b)"),), auto_close=86_400),
        ),
    ],
)
def test_a_changed_trigger_is_played(changed: dict[str, Any], trigger: Trigger | None) -> None:
    """Query, retest window, interval, filter, labels and ``enabled`` decide."""
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
def test_other_changes_are_not_played(changed: dict[str, Any]) -> None:
    """Severity, channels and texts do not decide when an alert opens."""
    assert _asked(change("update", before=policy(), after=policy(**changed))) == []


def test_added_and_removed_policies_are_played() -> None:
    """A policy that does not exist has no trigger."""
    assert _asked(change("create", after=policy())) == [(None, _AS_IT_IS)]
    assert _asked(change("delete", before=policy())) == [(_AS_IT_IS, None)]


def test_a_forgotten_policy_is_not_played() -> None:
    """Terraform forgets it, but it stays in Cloud Monitoring."""
    assert _asked(change("forget", before=policy())) == []


def test_equal_changes_are_played_once() -> None:
    """Policies on logs that exist in several projects are played together."""
    made = [
        change("create", after=policy(), address=f'google_monitoring_alert_policy.p["{each}/a"]')
        for each in ("one", "two")
    ]
    asked, _ = trigger_changes(parse_plan(written(plan(*made)), "").changes)
    assert [each.policies for each in asked] == [("one/a", "two/a")]


def test_the_job_name_is_that_of_the_scenarios() -> None:
    """A different job name does not change the trigger."""
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
        ({"conditions": [_threshold()]}, "its condition is neither PromQL nor a log match"),
        ({"conditions": [_threshold(), _threshold()]}, "it does not have exactly one condition"),
        ({"conditions": []}, "it does not have exactly one condition"),
        ({"duration": "soon"}, "its duration is not in whole seconds"),
        (
            {"evaluation_interval": "45s"},
            "its evaluation_interval is not a multiple of 30s",
        ),
        ({"query": None}, "its query is known only after apply"),
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
def test_an_unsupported_condition_has_a_reason(changed: dict[str, Any], reason: str) -> None:
    """A policy that cannot be played is listed with the reason."""
    assert _unclear(policy(**changed)).startswith(reason)


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        ({"conditions": True}, "its condition is known only after apply"),
        ({"enabled": True}, "its condition is known only after apply"),
        (
            {"conditions": [{"condition_prometheus_query_language": [{"query": True}]}]},
            "its query is known only after apply",
        ),
        (
            {"conditions": [{"condition_prometheus_query_language": [{"duration": True}]}]},
            "its duration is known only after apply",
        ),
    ],
)
def test_an_unknown_trigger_has_a_reason(unknown: dict[str, Any], reason: str) -> None:
    """A trigger that is known only after apply cannot be played."""
    assert _unclear(policy(), unknown) == reason


def test_a_reason_does_not_quote_a_sensitive_filter() -> None:
    """An unsupported filter is not quoted if it is sensitive."""
    hidden = {"conditions": [{"condition_matched_log": [{"filter": True}]}]}
    after = policy(conditions=[on_log("hush OR hush")])
    changed = change("create", after=after, sensitive=hidden)
    _, ((_, reason),) = trigger_changes(parse_plan(written(plan(changed)), "").changes)
    assert reason == "its filter or a label extractor is sensitive and not supported here"
