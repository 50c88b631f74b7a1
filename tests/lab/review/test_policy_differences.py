"""What is different about a policy, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.review.differences import differences
from lab.review.plans import plan_of
from tests.lab.review.plan_json import (
    CHANNEL,
    QUERY,
    change,
    condition,
    on_log,
    plan,
    policy,
    written,
)

if TYPE_CHECKING:
    from lab.review.differences import Difference

OTHER = "projects/orders-prod/notificationChannels/2"
_NAMES = {CHANNEL: "On-call"}


def _told(
    before: dict[str, Any],
    after: dict[str, Any],
    unknown: dict[str, Any] | None = None,
    sensitive: Any = None,
) -> tuple[Difference, ...]:
    document = plan(
        change("update", before=before, after=after, unknown=unknown, sensitive=sensitive)
    )
    (found,) = plan_of(written(document), "plan.json").changes
    assert found.before
    assert found.after
    return differences(found.before, found.after, _NAMES)


def _words(changed: dict[str, Any], was: dict[str, Any] | None = None) -> list[str]:
    return [each.words for each in _told(policy(**(was or {})), policy(**changed))]


def _strategy(**changed: Any) -> dict[str, Any]:
    (usual,) = policy()["alert_strategy"]
    return {"alert_strategy": [{**usual, **changed}]}


def test_what_the_provider_fills_in_is_no_difference() -> None:
    """Records and names of the API's, and nothing said for an empty text or list."""
    before = {**policy(), "creation_record": [{"mutated_by": "a"}], "user_labels": {"policy": "a"}}
    after = {**before, "creation_record": [{"mutated_by": "b"}], "name": "other"}
    after["documentation"] = [{**after["documentation"][0], "links": None}]
    after["alert_strategy"] = [{**after["alert_strategy"][0], "notification_rate_limit": None}]
    (own,) = after["conditions"]
    after["conditions"] = [{**own, "name": "projects/p/alertPolicies/1/conditions/2"}]
    assert _told(before, after) == ()


@pytest.mark.parametrize(
    ("was", "changed", "words"),
    [
        ({}, {"enabled": False}, "pages no more"),
        ({"enabled": False}, {"enabled": None}, "pages again"),
        ({}, {"severity": "WARNING"}, "severity CRITICAL → WARNING"),
        ({}, {"severity": None}, "severity CRITICAL → none"),
        ({}, {"severity": "so `bad`"}, "severity CRITICAL → `` so `bad` ``"),
        ({}, {"duration": "120s"}, "waits 2 min instead of 1 min before it pages"),
        ({"duration": "0s"}, {}, "waits 1 min before it pages instead of paging at once"),
        ({}, {"duration": None}, "pages at once instead of after 1 min"),
        ({}, {"duration": "5400s"}, "waits 1 h 30 min instead of 1 min before it pages"),
        ({}, {"evaluation_interval": "60s"}, "looks every 1 min instead of every 30 s"),
        ({}, {"display_name": "A\nB"}, "is called `A B`, not `Stream failed`"),
        ({}, {"user_labels": {"policy": "failed", "team": "data"}}, "label `team` none → data"),
        ({}, {"user_labels": {"policy": "other"}}, "label `policy` failed → other"),
        ({}, {"combiner": "AND"}, "`combiner`: `OR` → `AND`"),
        ({}, {"project": "other"}, "project `orders-prod` → other"),
        ({}, {"subject": "Down"}, "subject of the page: `Failed` → `Down`"),
        ({}, {"content": "Other."}, "text of the page changes"),
        ({}, {"query": "up == 0"}, "query changes"),
        (
            {},
            _strategy(auto_close="3600s"),
            "closes by itself after 1 h without data instead of 24 h",
        ),
        (
            {},
            _strategy(auto_close=None),
            "closes by itself after 7 d without data instead of 24 h",
        ),
        (
            {},
            _strategy(notification_prompts=["OPENED"]),
            "notifies when an incident is opened, not opened and closed",
        ),
        (
            {},
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            "notifies at most every 5 min",
        ),
        (
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            _strategy(notification_rate_limit=[{"period": "600s"}]),
            "notifies at most every 10 min instead of every 5 min",
        ),
        (
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            {},
            "notifies however often it happens",
        ),
        (
            {},
            _strategy(notification_channel_strategy=[{"renotify_interval": "3600s"}]),
            "reminds of an open incident every 1 h",
        ),
        (
            _strategy(notification_channel_strategy=[{"renotify_interval": "3600s"}]),
            {},
            "no longer reminds of an open incident (did every 1 h)",
        ),
    ],
)  # fmt: skip
def test_a_field_is_told_in_words(was: dict[str, Any], changed: dict[str, Any], words: str) -> None:
    """Each field that matters has words of its own; any other is told by its path."""
    assert _words(changed, was) == [words]


def test_the_same_time_written_otherwise_is_no_difference() -> None:
    """Sixty seconds are sixty seconds."""
    assert _words({"duration": "60.0s"}) == []


@pytest.mark.parametrize(
    ("was", "will", "words"),
    [
        ([CHANNEL], [CHANNEL, OTHER], f"also notifies `{OTHER}`"),
        ([CHANNEL, OTHER], [OTHER], f"no longer notifies `On-call` (`{CHANNEL}`)"),
        ([OTHER], [], f"no longer notifies `{OTHER}`; **notifies nobody**"),
        ([], [OTHER], f"also notifies `{OTHER}`"),
        (
            [CHANNEL],
            [OTHER],
            f"also notifies `{OTHER}`; no longer notifies `On-call` (`{CHANNEL}`)",
        ),
        ([CHANNEL, OTHER], [OTHER, CHANNEL], "notifies the same channels in another order"),
    ],
)
def test_channels_are_told_one_by_one(was: list[str], will: list[str], words: str) -> None:
    """Who is notified now and was not, and the other way round; by display name where known."""
    assert _words({"notification_channels": will}, {"notification_channels": was}) == [words]


@pytest.mark.parametrize(
    ("will", "unknown", "words"),
    [
        (
            [CHANNEL, None],
            [False, True],
            "also notifies 1 channel whose name is known after the apply only",
        ),
        (
            None,
            True,
            f"notifies channels that are known after the apply only (now `On-call` (`{CHANNEL}`))",
        ),
    ],
)
def test_channels_may_be_unknown_until_the_apply(will: Any, unknown: Any, words: str) -> None:
    """A channel that is made in the same plan has no name yet."""
    after = policy(notification_channels=will)
    (told,) = _told(policy(), after, {"notification_channels": unknown})
    assert told.words == words


def test_what_is_unknown_is_said_to_be() -> None:
    """With what it is now, and once where all around it is unknown."""
    after = policy()
    del after["severity"]
    (told,) = _told(policy(), after, {"severity": True})
    assert told.words == "`severity` is known after the apply only (now `CRITICAL`)"
    assert told.after == "(known after apply)"
    del after["conditions"]
    told_all = _told(policy(), after, {"severity": True, "conditions": True})
    assert [each.words for each in told_all][1:] == ["`conditions` is known after the apply only"]


def test_what_is_sensitive_is_not_shown() -> None:
    """Neither the old value nor the new one, in words, data or diffs."""
    before, after = policy(content="hush"), policy(content="hush hush")
    (told,) = _told(before, after, sensitive={"documentation": [{"content": True}]})
    assert told.words == "`documentation.content` changes, and is sensitive"
    assert "hush" not in str(told)


def test_a_query_is_told_as_a_diff() -> None:
    """Line by line, with the lines around; a comment of a filter is no header of the diff."""
    lines = [f"a{number}" for number in range(9)]
    before, after = "\n".join(lines), "\n".join([*lines[:4], "-- b", *lines[5:]])
    (told,) = _told(policy(query=before), policy(query=f"{after}\n"))
    assert told.block == "```diff\n a2\n a3\n-a4\n+-- b\n a5\n a6\n```"
    (told,) = _told(policy(query=after), policy(query=before))
    assert "\n--- b\n" in told.block


@pytest.mark.parametrize(
    ("was", "will", "words"),
    [
        ("5", "Inf", "it no longer keeps quiet for `many`, which is off"),
        ("Inf", "5", "it keeps quiet again for `many`, from 5 on"),
        ("5", "10", "it keeps quiet for `many` from 10 on, not from 5 on"),
    ],
)
def test_keeping_quiet_is_told_in_words(was: str, will: str, words: str) -> None:
    """A query that yields to another policy says what its number means."""
    labels = {"policy": "failed", "yields_to": "many"}
    before, after = (
        policy(query=f"{QUERY} unless (count >= {number} or most >= {number})", user_labels=labels)
        for number in (was, will)
    )
    (told,) = _told(before, after)
    assert told.words.replace("`5`", "5").replace("`10`", "10") == f"query changes: {words}"


def test_a_query_that_changes_otherwise_is_no_matter_of_quiet() -> None:
    """The diff alone says what happens."""
    labels = {"policy": "failed", "yields_to": "many"}
    before = policy(query="a unless b >= 5", user_labels=labels)
    (told,) = _told(before, policy(query="c unless b >= Inf", user_labels=labels))
    assert told.words == "query changes"


def test_a_filter_is_told_as_a_diff() -> None:
    """As is a label that is taken from entries, if it is long."""
    before = policy(conditions=[on_log("severity>=ERROR", who="EXTRACT(a)")])
    after = policy(conditions=[on_log("severity>=WARNING", who=f"EXTRACT({'a' * 200})")])
    wanted, who = _told(before, after)
    assert wanted.words == "filter of log entries changes"
    assert "-severity>=ERROR\n+severity>=WARNING" in wanted.block
    assert who.words == "`condition_matched_log.label_extractors.who` changes"
    assert f"+EXTRACT({'a' * 200})" in who.block


def test_another_kind_of_condition_is_told_whole() -> None:
    """A query that becomes a match on a log has no fields in common with it."""
    (told,) = _told(policy(), policy(conditions=[on_log("severity>=ERROR")]))
    assert told.words == "condition `State is FAILED` is of another kind"
    assert "\n-duration: 60s\n" in told.block
    assert "\n+filter: severity>=ERROR\n" in told.block


def test_a_policy_of_several_conditions_is_told_one_by_one() -> None:
    """By their names, wherever they stand."""

    def threshold(name: str, value: int) -> dict[str, Any]:
        above = {"comparison": "COMPARISON_GT", "duration": "60s", "threshold_value": value}
        return condition(display_name=name, condition_threshold=[above])

    before = policy(conditions=[threshold("CPU", 80), threshold("Disk", 90), threshold("Net", 1)])
    after = policy(conditions=[threshold("Disk", 95), threshold("CPU", 80), threshold("Swap", 5)])
    removed, added, changed = _told(before, after)
    assert added.words == "condition `Swap` is added"
    assert removed.words == "condition `Net` is removed"
    assert changed.words == ("condition `Disk`: `condition_threshold.threshold_value`: `90` → `95`")


def test_what_matters_most_is_told_first() -> None:
    """Whether and when it pages before what it says."""
    words = _words(
        {
            "display_name": "X",
            "severity": "ERROR",
            "duration": "0s",
            "enabled": False,
            "subject": "Y",
        }
    )
    assert [each.split()[0] for each in words] == ["pages", "severity", "pages", "subject", "is"]
