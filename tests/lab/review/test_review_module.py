"""Reviews of plans that Terraform makes of the module."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.canary import Canary
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import copy_module

if TYPE_CHECKING:
    import pytest

    from tests.lab.conftest import Ended
    from tests.lab.review.conftest import Replanned, Reviewed


def _rows(answer: Ended) -> list[list[str]]:
    """Return the cells of every row of the review's tables."""
    assert answer.err == ""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in answer.out.splitlines()
        if line.startswith("| `")
    ]


def _says(answer: Ended, policy: str) -> list[str]:
    """Return a policy's row: what happens to it, and its changes."""
    (row,) = [row for row in _rows(answer) if row[0] == f"`{policy}`" and len(row) == 3]
    return [row[1], *row[2].split("<br>")]


def _alerts(answer: Ended) -> list[list[str]]:
    """Return the rows about alerts, without the scenarios' titles."""
    return [[row[0].split(":")[0], *row[1:]] for row in _rows(answer) if len(row) == 5]


def test_a_plan_without_changes(replanned: Replanned, reviewed: Reviewed) -> None:
    """Unchanged policies are counted, and no scenario is played."""
    answer = reviewed(replanned())
    assert answer.code == 0
    assert answer.out == (
        "## Review of the alert policies\n\n21 policies stay the same. No scenario alerts "
        "differently: what decides when an alert opens stays the same.\n"
    )


def test_a_new_threshold_and_retest_window_delay_an_alert(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """The page shows old and new numbers, the diff, and how much later the alert comes."""
    changed = {"stream-lagging": {"threshold": 1800, "duration": "900s"}}
    answer = reviewed(replanned(policy_overrides=changed), "--scenario", "lags")
    assert _says(answer, "stream-lagging") == [
        "changed",
        "threshold 900 → 1800",
        "retest window 10m → 15m",
        "query changes",
    ]
    assert "1 policy changes and 20 stay the same." in answer.out
    assert "**1 alert comes later (by up to 20m)**" in answer.out
    ((scenario, policy, how, about, when),) = _alerts(answer)
    assert (scenario, policy, about) == ("`lags`", "`stream-lagging`", "`orders`")
    assert how == "**later** by 20m"
    # 15 minutes more to reach the threshold, 5 minutes more of retest window.
    assert when == "by 40m55s (was by 20m55s)"
    assert "\n-  last_over_time(datastream_googleapis_com:stream_freshness" in answer.out
    assert "[600s]) > (1800),\n" in answer.out


def test_a_severity_changes_no_alert(replanned: Replanned, reviewed: Reviewed) -> None:
    """A severity does not decide when an alert opens, so no scenario is played."""
    answer = reviewed(replanned(policy_overrides={"stream-lagging": {"severity": "WARNING"}}))
    assert _says(answer, "stream-lagging") == ["changed", "severity ERROR → WARNING"]
    assert "No scenario alerts differently" in answer.out


def test_without_the_group_policy_each_stream_alerts(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """The alert for the group is lost, and those for the streams are gained."""
    changed = {"streams-failing-together": {"enabled": False}}
    answer = reviewed(replanned(policy_overrides=changed), "--scenario", "five", "--strict")
    assert answer.code == 1
    joint, single = "streams-failing-together", "stream-failed"
    assert _says(answer, joint) == ["switched off", "no longer alerts"]
    quiet = f"query changes: `{joint}` is off and no longer suppresses it"
    assert _says(answer, single) == ["changed", quiet]
    assert _says(answer, "stream-failed-permanently") == ["changed", quiet]
    assert "1 policy is switched off, 2 change and 18 stay the same." in answer.out
    assert "**1 alert is lost** and 5 are gained" in answer.out
    rows = [(policy, how, about) for _, policy, how, about, _ in _alerts(answer)]
    assert rows[:2] == [
        (f"`{joint}`", "**lost**", "`europe-west1`"),
        (f"`{single}`", "gained", "`orders-1`, `orders-2`, `orders-3` and 2 more"),
    ]


def test_custom_policies_are_added(replanned: Replanned, reviewed: Reviewed) -> None:
    """An added policy is summarised with its full query; no scenario covers it."""
    plan = replanned(policy_directory="./examples/organisation/policies")
    answer = reviewed(plan, "--scenario", "lags")
    assert answer.code == 0
    how, words = _says(answer, "orders-paused")
    assert how == "added"
    assert words.endswith("notifies `projects/orders-prod/notificationChannels/1`")
    assert "\nquery: last_over_time(custom_googleapis_com:datastream_stream_state{" in answer.out
    assert "No scenario covers `orders-paused`" in answer.out


def test_a_removed_policy_loses_its_alerts(replanned: Replanned, reviewed: Reviewed) -> None:
    """Without the job, the policy on its executions and its alerts are removed."""
    answer = reviewed(replanned(mode="worker_pool"), "--scenario", "dead", "--strict")
    assert answer.code == 1
    how, words = _says(answer, "exporter-executions-failing")[:2]
    assert (how, words[:30]) == ("removed", "no longer alerts; was CRITICAL")
    (row,) = _alerts(answer)
    assert row[1:4] == ["`exporter-executions-failing`", "**lost**", "everything"]


def test_a_policy_on_logs_is_reviewed(replanned: Replanned, reviewed: Reviewed) -> None:
    """Log entries are matched before and after, without running the exporter."""
    plan = replanned(policy_overrides={"stream-changed": {"enabled": False}})
    answer = reviewed(plan, "--scenario", "logs")
    assert _says(answer, "orders-prod/stream-changed") == ["switched off", "no longer alerts"]
    (row,) = _alerts(answer)
    assert row[1:4] == ["`orders-prod/stream-changed`", "**lost**", "`customers`, `orders`"]


def test_equal_changes_in_two_projects_share_a_row(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """A policy on logs that exists in two projects has one row about alerts."""
    channel = "projects/billing-prod/notificationChannels/2"
    logs = {"projects": ["billing-prod"], "log_notification_channels": {"billing-prod": [channel]}}
    plan = replanned(routes={"billing": logs})
    alike = [
        each
        for each in plan["resource_changes"]
        if str(each.get("index")).endswith("/stream-changed")
    ]
    assert {each["index"] for each in alike} == {
        "billing-prod/stream-changed",
        "orders-prod/stream-changed",
    }
    for each in alike:
        each["change"] = {**each["change"], "actions": ["delete"], "after": None}
        each["change"]["before"] = each["change"]["before"] or alike[1]["change"]["before"]
    answer = reviewed({**plan, "resource_changes": alike}, "--scenario", "logs")
    (row,) = _alerts(answer)
    assert row[1] == "`billing-prod/stream-changed`, `orders-prod/stream-changed`"
    assert "**2 alerts are lost**" in answer.out


def test_the_first_apply_adds_everything(
    reviewed: Reviewed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every policy is added, and every alert of those that are on is gained."""
    with FakeProvider() as provider:
        root = copy_module(MODULE, tmp_path_factory.mktemp("new"), provider)
        first: dict[str, Any] = root.plan(**INPUTS).json
    answer = reviewed(first, "--scenario", "logs", "--json")
    review = json.loads(answer.out)
    assert {each["effect"] for each in review["policies"]} == {"added"}
    assert len(review["policies"]) == 21
    gained = {
        (alert["scenario"], *alert["policies"], alert["kind"]) for alert in review["incidents"]
    }
    assert gained == {("logs", "orders-prod/stream-changed", "gained")}
    assert review["count"]["lost"] == 0


def test_new_channels_are_unknown(replanned: Replanned, reviewed: Reviewed) -> None:
    """A channel that the same plan creates has no name yet."""
    plan = replanned(
        slack_channel={"channel_name": "#data-alerts", "severities": ["CRITICAL"]},
        slack_token=Canary.SLACK_TOKEN,
    )
    answer = reviewed(plan)
    also = "also notifies 1 channel known only after apply"
    assert _says(answer, "stream-failed") == ["changed", also]
    assert "6 policies change and 15 stay the same. No scenario alerts differently" in answer.out
