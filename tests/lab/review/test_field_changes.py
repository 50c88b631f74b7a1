"""The fields of a policy that a plan changes, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.review.field_changes import field_changes
from tests.lab.review.plan_json import (
    CHANNEL,
    QUERY,
    change,
    condition,
    on_log,
    only_change,
    policy,
)

if TYPE_CHECKING:
    from lab.review.field_changes import FieldChange

OTHER = "projects/orders-prod/notificationChannels/2"
_NAMES = {CHANNEL: "On-call"}


def _changes(
    before: dict[str, Any],
    after: dict[str, Any],
    unknown: dict[str, Any] | None = None,
    sensitive: Any = None,
) -> tuple[FieldChange, ...]:
    found = only_change(
        change("update", before=before, after=after, unknown=unknown, sensitive=sensitive)
    )
    assert found.before
    assert found.after
    return field_changes(found.before, found.after, _NAMES)


def _words(changed: dict[str, Any], was: dict[str, Any] | None = None) -> list[str]:
    return [each.words for each in _changes(policy(**(was or {})), policy(**changed))]


def _strategy(**changed: Any) -> dict[str, Any]:
    (usual,) = policy()["alert_strategy"]
    return {"alert_strategy": [{**usual, **changed}]}


def test_computed_fields_are_ignored() -> None:
    """Fields that Cloud Monitoring sets, and empty texts and lists, are not changes."""
    before = {**policy(), "creation_record": [{"mutated_by": "a"}], "user_labels": {"policy": "a"}}
    after = {**before, "creation_record": [{"mutated_by": "b"}], "name": "other"}
    after["documentation"] = [{**after["documentation"][0], "links": None}]
    after["alert_strategy"] = [{**after["alert_strategy"][0], "notification_rate_limit": None}]
    (own,) = after["conditions"]
    after["conditions"] = [{**own, "name": "projects/p/alertPolicies/1/conditions/2"}]
    assert _changes(before, after) == ()


@pytest.mark.parametrize(
    ("was", "changed", "words"),
    [
        ({}, {"enabled": False}, "no longer alerts"),
        ({"enabled": False}, {"enabled": None}, "alerts again"),
        ({}, {"severity": "WARNING"}, "severity CRITICAL → WARNING"),
        ({}, {"severity": None}, "severity CRITICAL → none"),
        ({}, {"severity": "so `bad`"}, "severity CRITICAL → `` so `bad` ``"),
        ({}, {"duration": "120s"}, "retest window 1m → 2m"),
        ({"duration": "0s"}, {}, "retest window 0s → 1m"),
        ({}, {"duration": None}, "retest window 1m → 0s"),
        ({}, {"duration": "5400s"}, "retest window 1m → 1h30m"),
        ({}, {"evaluation_interval": "60s"}, "evaluation interval 30s → 1m"),
        ({}, {"display_name": "A\nB"}, "display name `Stream failed` → `A B`"),
        ({}, {"user_labels": {"policy": "failed", "team": "data"}}, "label `team` none → data"),
        ({}, {"user_labels": {"policy": "other"}}, "label `policy` failed → other"),
        ({}, {"combiner": "AND"}, "`combiner` `OR` → `AND`"),
        ({}, {"project": "other"}, "project `orders-prod` → other"),
        ({}, {"subject": "Down"}, "notification subject `Failed` → `Down`"),
        ({}, {"content": "Other."}, "notification text changes"),
        ({}, {"query": "up == 0"}, "query changes"),
        ({}, _strategy(auto_close="3600s"), "auto-close time without data 24h → 1h"),
        ({}, _strategy(auto_close=None), "auto-close time without data 24h → 168h"),
        (
            {},
            _strategy(notification_prompts=["OPENED"]),
            "notifies when opened and closed → opened",
        ),
        (
            {},
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            "least time between notifications none → 5m",
        ),
        (
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            _strategy(notification_rate_limit=[{"period": "600s"}]),
            "least time between notifications 5m → 10m",
        ),
        (
            _strategy(notification_rate_limit=[{"period": "300s"}]),
            {},
            "least time between notifications 5m → none",
        ),
        (
            {},
            _strategy(notification_channel_strategy=[{"renotify_interval": "3600s"}]),
            "renotification interval none → 1h",
        ),
        (
            _strategy(notification_channel_strategy=[{"renotify_interval": "3600s"}]),
            {},
            "renotification interval 1h → none",
        ),
    ],
)  # fmt: skip
def test_a_field_is_described(was: dict[str, Any], changed: dict[str, Any], words: str) -> None:
    """Each field that matters has a name in words; any other is shown by its path."""
    assert _words(changed, was) == [words]


def test_equal_durations_are_no_change() -> None:
    """``60s`` and ``60.0s`` are the same."""
    assert _words({"duration": "60.0s"}) == []


@pytest.mark.parametrize(
    ("was", "will", "words"),
    [
        ([CHANNEL], [CHANNEL, OTHER], f"also notifies `{OTHER}`"),
        ([CHANNEL, OTHER], [OTHER], f"no longer notifies `On-call` (`{CHANNEL}`)"),
        ([OTHER], [], f"no longer notifies `{OTHER}`; **notifies no channel**"),
        ([], [OTHER], f"also notifies `{OTHER}`"),
        (
            [CHANNEL],
            [OTHER],
            f"also notifies `{OTHER}`; no longer notifies `On-call` (`{CHANNEL}`)",
        ),
        ([CHANNEL, OTHER], [OTHER, CHANNEL], "notifies the same channels in a new order"),
    ],
)
def test_channels_are_compared_one_by_one(was: list[str], will: list[str], words: str) -> None:
    """Added and removed channels are listed, by display name if it is known."""
    assert _words({"notification_channels": will}, {"notification_channels": was}) == [words]


@pytest.mark.parametrize(
    ("will", "unknown", "words"),
    [
        (
            [CHANNEL, None],
            [False, True],
            "also notifies 1 channel known only after apply",
        ),
        (
            None,
            True,
            f"notifies channels known only after apply (now `On-call` (`{CHANNEL}`))",
        ),
    ],
)
def test_channels_may_be_unknown_until_apply(will: Any, unknown: Any, words: str) -> None:
    """A channel that the same plan creates has no name yet."""
    after = policy(notification_channels=will)
    (change,) = _changes(policy(), after, {"notification_channels": unknown})
    assert change.words == words


def test_an_unknown_field_is_marked() -> None:
    """An unknown field shows its present value; an unknown block is listed once."""
    after = policy()
    del after["severity"]
    (change,) = _changes(policy(), after, {"severity": True})
    assert change.words == "`severity` is known only after apply (now `CRITICAL`)"
    assert change.after == "(known after apply)"
    del after["conditions"]
    found = _changes(policy(), after, {"severity": True, "conditions": True})
    assert [each.words for each in found][1:] == ["`conditions` is known only after apply"]


def test_a_sensitive_field_is_not_shown() -> None:
    """Neither the old nor the new value is in the words, the data or the diff."""
    before, after = policy(content="hush"), policy(content="hush hush")
    (change,) = _changes(before, after, sensitive={"documentation": [{"content": True}]})
    assert change.words == "`documentation.content` changes (sensitive)"
    assert "hush" not in str(change)


def test_a_query_has_a_diff() -> None:
    """The diff shows changed lines with context; a line ``-- b`` is not taken for a header."""
    lines = [f"a{number}" for number in range(9)]
    before, after = "\n".join(lines), "\n".join([*lines[:4], "-- b", *lines[5:]])
    (change,) = _changes(policy(query=before), policy(query=f"{after}\n"))
    assert change.block == "```diff\n a2\n a3\n-a4\n+-- b\n a5\n a6\n```"
    (change,) = _changes(policy(query=after), policy(query=before))
    assert "\n--- b\n" in change.block


@pytest.mark.parametrize(
    ("was", "will", "words"),
    [
        ("5", "Inf", "`many` is off and no longer suppresses it"),
        ("Inf", "5", "`many` suppresses it again, from 5 on"),
        ("5", "10", "`many` suppresses it from 10 on (was 5)"),
    ],
)
def test_suppression_is_described(was: str, will: str, words: str) -> None:
    """A query that yields to another policy says what its changed number means."""
    labels = {"policy": "failed", "yields_to": "many"}
    before, after = (
        policy(
            query=f"{QUERY} unless (count >= ({number}) or most >= ({number}))", user_labels=labels
        )
        for number in (was, will)
    )
    (change,) = _changes(before, after)
    assert change.words.replace("`5`", "5").replace("`10`", "10") == f"query changes: {words}"


def test_other_query_changes_are_only_a_diff() -> None:
    """If more than the number changes, nothing is said about suppression."""
    labels = {"policy": "failed", "yields_to": "many"}
    before = policy(query="a unless b >= (5)", user_labels=labels)
    (change,) = _changes(before, policy(query="c unless b >= (Inf)", user_labels=labels))
    assert change.words == "query changes"


def test_a_log_filter_has_a_diff() -> None:
    """A log filter, and a long label extractor, have a diff."""
    before = policy(conditions=[on_log("severity>=ERROR", who="EXTRACT(a)")])
    after = policy(conditions=[on_log("severity>=WARNING", who=f"EXTRACT({'a' * 200})")])
    wanted, who = _changes(before, after)
    assert wanted.words == "log filter changes"
    assert "-severity>=ERROR\n+severity>=WARNING" in wanted.block
    assert who.words == "`condition_matched_log.label_extractors.who` changes"
    assert f"+EXTRACT({'a' * 200})" in who.block


def test_a_condition_of_another_type_is_shown_in_full() -> None:
    """A query that becomes a log match has no fields in common with it."""
    (change,) = _changes(policy(), policy(conditions=[on_log("severity>=ERROR")]))
    assert change.words == "condition `State is FAILED` changes its type"
    assert "\n-duration: 60s\n" in change.block
    assert "\n+filter: severity>=ERROR\n" in change.block


def test_several_conditions_are_compared_by_name() -> None:
    """Conditions are matched by name, at any index."""

    def threshold(name: str, value: int) -> dict[str, Any]:
        above = {"comparison": "COMPARISON_GT", "duration": "60s", "threshold_value": value}
        return condition(display_name=name, condition_threshold=[above])

    before = policy(conditions=[threshold("CPU", 80), threshold("Disk", 90), threshold("Net", 1)])
    after = policy(conditions=[threshold("Disk", 95), threshold("CPU", 80), threshold("Swap", 5)])
    removed, added, changed = _changes(before, after)
    assert added.words == "condition `Swap` is added"
    assert removed.words == "condition `Net` is removed"
    assert changed.words == ("condition `Disk`: `condition_threshold.threshold_value` `90` → `95`")


def test_important_fields_come_first() -> None:
    """Whether and when it alerts comes before its texts."""
    words = _words(
        {
            "display_name": "X",
            "severity": "ERROR",
            "duration": "0s",
            "enabled": False,
            "subject": "Y",
        }
    )
    assert [each.split()[0] for each in words] == [
        "no",
        "severity",
        "retest",
        "notification",
        "display",
    ]
