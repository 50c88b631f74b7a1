"""Plans of the module, made by Terraform's own core, and what the review says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.terraform_cli import copy_module

if TYPE_CHECKING:
    import pytest

    from tests.lab.review.conftest import Answer, Replanned, Reviewed


def _rows(answer: Answer) -> list[list[str]]:
    """Return the cells of every row of the review's tables."""
    assert answer.err == ""
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in answer.out.splitlines()
        if line.startswith("| `")
    ]


def _says(answer: Answer, policy: str) -> list[str]:
    """Return what is said of a policy: what it is, and the words for each difference."""
    (row,) = [row for row in _rows(answer) if row[0] == f"`{policy}`" and len(row) == 3]
    return [row[1], *row[2].split("<br>")]


def _pages(answer: Answer) -> list[list[str]]:
    """Return the rows about pages, without the scenarios' titles."""
    return [[row[0].split(":")[0], *row[1:]] for row in _rows(answer) if len(row) == 5]


def test_a_plan_that_changes_nothing_pages_no_differently(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """Policies that stay are counted; no scenario need be played."""
    answer = reviewed(replanned())
    assert answer.code == 0
    assert answer.out == (
        "## Review of the alert policies\n\n20 policies stay as they are. No scenario pages "
        "differently: nothing changes that decides when a policy pages.\n"
    )


def test_a_threshold_and_a_hold_are_told_with_what_they_do(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """The numbers are told old and new, the query as a diff, and how much later a page comes."""
    changed = {"stream-lagging": {"threshold": 1800, "duration": "900s"}}
    answer = reviewed(replanned(policy_overrides=changed), "--scenario", "lags")
    assert _says(answer, "stream-lagging") == [
        "changed",
        "threshold 900 → 1800",
        "waits 15 min instead of 10 min before it pages",
        "query changes",
    ]
    assert "1 policy changes and 19 stay as they are." in answer.out
    assert "**1 page comes later (by up to 20 min)**" in answer.out
    ((scenario, policy, how, about, when),) = _pages(answer)
    assert (scenario, policy, about) == ("`lags`", "`stream-lagging`", "`orders`")
    assert how == "**later** by 20 min"
    # A quarter of an hour more until it is half an hour late, five minutes more of hold.
    assert when == "by 40 min 25 s, came by 20 min 25 s"
    assert "\n-  last_over_time(datastream_googleapis_com:stream_freshness" in answer.out
    assert "[600s]) > 1800,\n" in answer.out


def test_a_severity_changes_no_page(replanned: Replanned, reviewed: Reviewed) -> None:
    """What does not decide when a policy pages needs no scenario."""
    answer = reviewed(replanned(policy_overrides={"stream-lagging": {"severity": "WARNING"}}))
    assert _says(answer, "stream-lagging") == ["changed", "severity ERROR → WARNING"]
    assert "No scenario pages differently" in answer.out


def test_with_a_joint_policy_off_single_ones_page(replanned: Replanned, reviewed: Reviewed) -> None:
    """The joint page is lost, those of the streams are gained: both are told together."""
    changed = {"streams-failing-together": {"enabled": False}}
    answer = reviewed(replanned(policy_overrides=changed), "--scenario", "five", "--strict")
    assert answer.code == 1
    joint, single = "streams-failing-together", "stream-failed"
    assert _says(answer, joint) == ["switched off", "pages no more"]
    quiet = f"query changes: it no longer keeps quiet for `{joint}`, which is off"
    assert _says(answer, single) == ["changed", quiet]
    assert _says(answer, "stream-failed-permanently") == ["changed", quiet]
    assert "1 policy is switched off, 2 change and 17 stay as they are." in answer.out
    assert "**1 page is lost** and 5 are gained" in answer.out
    told = [(policy, how, about) for _, policy, how, about, _ in _pages(answer)]
    assert told[:2] == [
        (f"`{joint}`", "**lost**", "`europe-west1`"),
        (f"`{single}`", "gained", "`orders-1`, `orders-2`, `orders-3` and 2 more"),
    ]


def test_policies_of_ones_own_are_added(replanned: Replanned, reviewed: Reviewed) -> None:
    """An added policy is told at a glance, its query in full; where no scenario knows it, that."""
    plan = replanned(policy_directory="./examples/organisation/policies")
    answer = reviewed(plan, "--scenario", "lags")
    assert answer.code == 0
    how, words = _says(answer, "orders-paused")
    assert how == "added"
    assert words.endswith("notifies `projects/orders-prod/notificationChannels/1`")
    assert "\nquery: last_over_time(custom_googleapis_com:datastream_stream_state{" in answer.out
    assert "The scenarios tell nothing of `orders-paused`" in answer.out


def test_a_removed_policy_loses_its_pages(replanned: Replanned, reviewed: Reviewed) -> None:
    """Without the job, the policy on its executions goes, and with it what it paged for."""
    answer = reviewed(replanned(mode="continuous"), "--scenario", "dead", "--strict")
    assert answer.code == 1
    how, words = _says(answer, "exporter-executions-failing")[:2]
    assert (how, words[:30]) == ("removed", "pages no more; was CRITICAL; w")
    (row,) = _pages(answer)
    assert row[1:4] == ["`exporter-executions-failing`", "**lost**", "all of it"]


def test_a_policy_on_a_log_is_reviewed_too(replanned: Replanned, reviewed: Reviewed) -> None:
    """Log entries are matched before and after, without an exporter that runs."""
    plan = replanned(policy_overrides={"stream-changed": {"enabled": False}})
    answer = reviewed(plan, "--scenario", "logs")
    assert _says(answer, "orders-prod/stream-changed") == ["switched off", "pages no more"]
    (row,) = _pages(answer)
    assert row[1:4] == ["`orders-prod/stream-changed`", "**lost**", "`customers`, `orders`"]


def test_policies_that_change_alike_in_two_projects_are_told_once(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """A policy on a log that is made in several projects is one row about pages."""
    channel = "projects/billing-prod/notificationChannels/2"
    plan = replanned(log_notification_channels={"billing-prod": [channel]})
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
    (row,) = _pages(answer)
    assert row[1] == "`billing-prod/stream-changed`, `orders-prod/stream-changed`"
    assert "**2 pages are lost**" in answer.out


def test_on_the_first_apply_all_is_added(
    reviewed: Reviewed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every policy is added, and every page of a scenario is gained."""
    with FakeProvider() as provider:
        root = copy_module(MODULE, tmp_path_factory.mktemp("new"), provider)
        first: dict[str, Any] = root.plan(**INPUTS).json
    answer = reviewed(first, "--scenario", "logs", "--json")
    told = json.loads(answer.out)
    assert {each["how"] for each in told["policies"]} == {"added"}
    assert len(told["policies"]) == 20
    gained = {(page["scenario"], *page["policies"], page["kind"]) for page in told["pages"]}
    assert gained == {
        ("logs", "orders-prod/stream-activity-errors", "gained"),
        ("logs", "orders-prod/stream-changed", "gained"),
    }
    assert told["count"]["lost"] == 0


def test_channels_that_are_yet_to_be_made_are_said_to_be_unknown(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """A channel of the same plan has no name yet."""
    plan = replanned(
        slack_channel={"channel_name": "#data-alerts", "severities": ["CRITICAL"]},
        slack_token="xoxb-1",  # noqa: S106 - no secret
    )
    answer = reviewed(plan)
    also = "also notifies 1 channel whose name is known after the apply only"
    assert _says(answer, "stream-failed") == ["changed", also]
    assert "6 policies change and 14 stay as they are. No scenario pages differently" in answer.out
