"""The review as a comment on GitHub: readable, and no value in a policy becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from lab.review.incident_changes import ChangeKind, IncidentChange, SecondsRange
from lab.review.page import review_page
from lab.review.review import review_json
from lab.review.times import TimeChange
from tests.lab.review.plan_json import (
    CHANNEL,
    change,
    channels,
    condition,
    plan,
    policy,
    reviewed,
    written,
)

_BLOCK = re.compile(r"^(`{3,})\w+\n.*?^\1$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")


def _page(document: dict[str, Any], *incidents: IncidentChange, **more: Any) -> str:
    return review_page(reviewed(written(document), incidents, **more))


def _incident(
    kind: ChangeKind, about: str, *times: SecondsRange | None, phases: int = 6
) -> IncidentChange:
    """Return an incident that changes; the times are before, after and by."""
    before, after, by = (*times, None, None, None)[:3]
    return IncidentChange(kind, about, before, after, by, phases, 6)


def _stream(name: str) -> str:
    return f"projects/shop-prod/locations/europe-west1/streams/{name}"


_CHANGED = plan(change("update", before=policy(), after=policy(duration="120s")))


def test_policies_are_counted_and_listed_by_importance() -> None:
    """The summary and the table start with removed policies."""
    at = "google_monitoring_alert_policy.{}".format
    moved = "google_monitoring_alert_policy.old"
    text = _page(
        plan(
            change("create", after=policy(enabled=False), address=at("added")),
            change("delete", before=policy(user_labels={}), address=at("gone")),
            change("update", before=policy(), after=policy(enabled=False), address=at("off")),
            change("update", before=policy(enabled=False), after=policy(), address=at("on")),
            change("update", before=policy(), after=policy(severity="ERROR"), address=at("other")),
            change("update", before=policy(), after=policy(), address=at("same")),
            change(
                "delete",
                "create",
                before=policy(),
                after=policy(project="orders-test"),
                address=at("new_id"),
                action_reason="replace_because_cannot_update",
            ),
            change("forget", before=policy(), address=at("let_go")),
            change("no-op", before=policy(), after=policy(), address=at("kept")),
            change(
                "no-op", before=policy(), after=policy(), address=at("new"), previous_address=moved
            ),
        )
    )
    assert text.splitlines()[2].startswith(
        "1 policy is removed, 1 is switched off, 1 is forgotten, 2 change, 1 is replaced, 1 is "
        "switched on, 1 is added, 1 only moves to a new address and 1 stays the same."
    )
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    notifies = f"retest window 1m; notifies `{CHANNEL}`"
    forgotten = "stays in Cloud Monitoring and keeps alerting, but Terraform no longer manages it"
    reopened = "its open incidents close, and open again if the condition is still true"
    why = "Cloud Monitoring cannot change that in place"
    assert rows == [
        f"| `gone` | removed | no longer alerts; was CRITICAL; {notifies} |",
        "| `off` | switched off | no longer alerts |",
        f"| `let_go` | forgotten | {forgotten} |",
        "| `other` | changed | severity CRITICAL → ERROR |",
        "| `same` | changed | only fields that Cloud Monitoring sets |",
        f"| `new_id` | replaced | project `orders-prod` → `orders-test`<br>{reopened}<br>({why}) |",
        "| `on` | switched on | alerts again |",
        f"| `added` | added | CRITICAL; switched off; {notifies} |",
        f"| `new` | moved | moves from `{moved}` to `{at('new')}` |",
    ]


def test_alerts_are_grouped_by_scenario_and_kind() -> None:
    """A row holds the alerts that change alike, with the first few names."""
    five, ten = SecondsRange(300, 330), SecondsRange(600, 630)
    text = _page(
        _CHANGED,
        *(_incident(ChangeKind.LOST, _stream(f"s{number}"), five) for number in (10, 9, 1, 2)),
        _incident(ChangeKind.LATER, _stream("a"), five, ten, SecondsRange(300, 300)),
        _incident(ChangeKind.SOONER, _stream("b"), ten, five, SecondsRange(60, 300)),
        _incident(ChangeKind.GAINED, _stream("c"), None, five, phases=2),
        _incident(ChangeKind.GAINED, "projects/a/locations/b", None, five),
        _incident(ChangeKind.GAINED, "projects/c/locations/b", None, SecondsRange(900, 930)),
        _incident(ChangeKind.REOPENED, "", None, five),
        _incident(ChangeKind.MERGED, "x", five),
        _incident(ChangeKind.ENDS_LATER, "x", five),
    )
    assert (
        "In 1 scenario, **4 alerts are lost**, **1 comes later (by up to 5m)**, 3 are gained, 1 "
        "comes sooner (by up to 5m), 1 comes once more, 1 merges with another and 1 ends at "
        "another time."
    ) in text
    rows = [line.split(" | ", 2) for line in text.splitlines() if line.startswith("| `lags`")]
    assert {row[0] for row in rows} == {"| `lags`", r"| `lags`: A stream lags"}
    both = "`projects/a/locations/b`, `projects/c/locations/b`"
    assert [row[2] for row in rows] == [
        "**lost** | `s1`, `s2`, `s9` and 1 more | was by 5m30s |",
        "**later** by 5m | `a` | by 10m30s (was by 5m30s) |",
        f"gained | {both} | between 5m and 15m30s |",
        "gained | `c` | by 5m30s; only in 2 of 6 evaluation phases |",
        "sooner by 1m to 5m | `b` | by 5m30s (was by 10m30s) |",
        "reopened | everything | by 5m30s |",
        "merged | `x` | was by 5m30s |",
        "ends later | `x` | ends after the scenario (was by 5m30s) |",
    ]


def test_the_first_screen_has_the_three_most_important_changes() -> None:
    """Lost alerts come first, then slower ones; each has its numbers, and the rest is folded."""
    at = "google_monitoring_alert_policy.{}".format
    document = plan(
        change("update", before=policy(), after=policy(severity="ERROR"), address=at("milder")),
        change("delete", before=policy(), address=at("gone")),
        change("update", before=policy(), after=policy(notification_channels=[]), address=at("x")),
        change("update", before=policy(), after=policy(duration="300s"), address=at("slower")),
    )
    later = SecondsRange(300, 330), SecondsRange(540, 570), SecondsRange(240, 240)
    incidents = [_incident(ChangeKind.LATER, "a", *later)]
    times = [TimeChange("slower", "FAILED", 187, 427)]
    review = reviewed(written(document), incidents)
    moved = tuple(each for each in review.incidents if each.policies == ("slower",))
    review = replace(review, incidents=moved, times=tuple(times))
    visible, _, folded = review_page(review).partition("\n\n<details>")
    assert visible.splitlines()[4:] == [
        "1. `gone` is removed",
        f"2. `x` changes: no longer notifies `{CHANNEL}`; **notifies no channel**",
        (
            "3. `slower` changes: FAILED: worst 187 s → 427 s; "
            "**1 alert comes later (by up to 4m)**; retest window 1m → 5m"
        ),
    ]
    assert review.worse
    assert "| `milder` | changed | severity CRITICAL → ERROR |" in folded
    assert review_json(review)["times_to_page"] == [
        {"policy": "slower", "title": "FAILED", "before": 187, "after": 427}
    ]


def test_lost_alerts_come_first() -> None:
    """However many alerts are gained, and however much later others come."""
    gained = [_incident(ChangeKind.GAINED, f"g{n}", None, SecondsRange(300, 330)) for n in range(9)]
    lost = _incident(ChangeKind.LOST, "x", SecondsRange(300, 330))
    titles = {f"s{number}": "" for number in range(30)}
    text = _page(_CHANGED, *gained, lost, titles=titles)
    assert "\n1. `failed` changes: **30 alerts are lost** and 270 are gained; retest" in text
    assert text.count("| `failed` | **lost** |") == 30


@pytest.mark.parametrize(
    ("document", "errors", "lines"),
    [
        # No scenario covers the policy.
        (
            _CHANGED,
            (),
            [
                "1 policy changes. No scenario alerts differently (1 scenario played).",
                "- No scenario covers `failed`: nothing alerts there, before or after.",
            ],
        ),
        # The scenarios cannot be played with such a condition.
        (
            plan(change("create", after=policy(conditions=[]))),
            (),
            [
                "1 policy is added. The scenarios cannot show what that does.",
                "- `failed`: the scenarios cannot show what changes: it does not have exactly",
            ],
        ),
        # Cloud Monitoring would reject the query at apply.
        (
            _CHANGED,
            ("parse error",),
            [
                "1 policy changes. No scenario alerts differently (1 scenario played).",
                "- `failed`: Prometheus rejects the query, so it would never alert: `parse error`",
            ],
        ),
        ({**_CHANGED, "errored": True}, (), ["> **Note:** The plan ended with an error, so"]),
        (
            plan(
                change("create", after=policy()),
                prior_state=channels([(CHANNEL, "On|call")]),
            ),
            (),
            [f"notifies `On\\|call` (`{CHANNEL}`)"],
        ),
    ],
    ids=["not covered", "not played", "rejected", "plan with an error", "channel by name"],
)
def test_the_page_says_what_it_cannot_show(
    document: dict[str, Any], errors: tuple[str, ...], lines: list[str]
) -> None:
    """Limits of the plan and of the scenarios are on the page; channels have display names."""
    text = _page(document, errors=errors)
    assert [line for line in lines if line not in text] == []
    assert not errors or "No scenario covers" not in text


@pytest.mark.parametrize(
    ("duration", "marks", "words"),
    [
        ("300s", {}, "5m"),
        ("0s", {}, "0s"),
        (None, {}, "0s"),
        ("soon", {}, "`soon`"),
        ("77s", {"sensitive": True}, "`(sensitive value)`"),
        (None, {"unknown": True}, "`(known after apply)`"),
    ],
)
def test_an_added_policy_is_summarised(
    duration: str | None, marks: dict[str, bool], words: str
) -> None:
    """Severity, retest window and channels, without sensitive values."""
    marked: dict[str, Any] = {
        side: {"conditions": [{"condition_prometheus_query_language": [{"duration": mark}]}]}
        for side, mark in marks.items()
    }
    text = _page(plan(change("create", after=policy(duration=duration), **marked)))
    assert f"| `failed` | added | CRITICAL; retest window {words}; notifies `{CHANNEL}` |" in text
    assert "77s" not in text


def test_sensitive_values_are_not_shown() -> None:
    """Sensitive names, channels and severities never appear on the page."""
    hidden = {
        "severity": True,
        "notification_channels": True,
        "display_name": True,
        "conditions": [{"display_name": True}],
    }
    hush = policy(
        severity="hush",
        notification_channels=["hush"],
        display_name="hush",
        conditions=[condition(display_name="hush")],
    )
    for changed in (
        change("create", after=hush, sensitive=hidden),
        change("delete", before=hush, sensitive=hidden),
        change("update", before=hush, after=policy(), sensitive=hidden),
    ):
        assert "hush" not in _page(plan(changed))


def test_a_very_long_text_is_cut() -> None:
    """A block is cut off after 80 lines."""
    long = policy(query="\n".join(f"line {number}" for number in range(100)))
    assert "\n… and 25 more lines\n```" in _page(plan(change("create", after=long)))


_NASTY = "a|b `c` ``d`` @everyone <img src=x> #1 [l](u) *e* \\ \n\n# h\n```\n\x1b[31m\u202e"


@pytest.mark.parametrize(
    "nasty",
    [
        {"display_name": _NASTY},
        {"severity": _NASTY},
        {"query": _NASTY},
        {"content": _NASTY},
        {"subject": _NASTY},
        {"duration": _NASTY},
        {"notification_channels": [_NASTY]},
        {"user_labels": {_NASTY: _NASTY}},
        {"combiner": _NASTY},
        {_NASTY: _NASTY},
    ],
)
def test_no_value_becomes_markup(nasty: dict[str, Any]) -> None:
    """Values appear only as code: they break no table, mention nobody and load nothing."""
    address = f"google_monitoring_alert_policy.policy[{json.dumps(_NASTY)}]"
    for changed in (
        change("update", before=policy(), after={**policy(), **policy(**nasty)}, address=address),
        change("create", after=policy(**nasty), address=address),
    ):
        text = _page(plan(changed))
        assert "\x1b" not in text
        assert "\u202e" not in text
        outside = _BLOCK.sub("", text)
        for line in outside.splitlines():
            rest = re.sub(r"<code>.*?</code>", "", _CODE.sub("", line))
            assert "everyone" not in rest
            assert "<img" not in line or "`" in line
            assert "# h" not in rest
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) == 4


def test_the_page_fits_on_a_comment() -> None:
    """The page stays below GitHub's limit and says what it leaves out."""
    big = "\n".join(f"line {number} {'x' * 100}" for number in range(70))
    document = plan(
        *(
            change(
                "update",
                before=policy(),
                after=policy(content=f"{number}\n{big}", query=f"{number} {big}"),
                address=f"google_monitoring_alert_policy.p{number}",
            )
            for number in range(300)
        )
    )
    lost = _incident(ChangeKind.LOST, "x")
    text = _page(document, lost, titles={"x" * 90: ""})
    assert len(text) <= 60_000
    assert re.search(
        r"\n\n\d+ folded parts left out, because a comment on GitHub holds 65,536 characters: "
        r"`datastream-lab review --json` prints everything\.\n$",
        text,
    )
    assert re.search(r"^\| and \d+ more \(see `--json`\) \|", text, re.MULTILINE)


def test_the_json_has_the_same_content() -> None:
    """The JSON has all fields and incidents, with times in seconds."""
    times = SecondsRange(300, 330), SecondsRange(600, 630), SecondsRange(300, 300)
    later = _incident(ChangeKind.LATER, _stream("a"), *times)
    data: Any = json.loads(json.dumps(review_json(reviewed(written(_CHANGED), [later]))))
    (found,) = data["policies"]
    assert (found["name"], found["effect"]) == ("failed", "changed")
    assert found["fields"] == [
        {
            "path": "conditions[0].condition_prometheus_query_language.duration",
            "before": "60s",
            "after": "120s",
            "words": "retest window 1m → 2m",
        }
    ]
    assert data["incidents"] == [
        {
            "scenario": "lags",
            "policies": ["failed"],
            "kind": "later",
            "about": _stream("a"),
            "before": {"least": 300, "most": 330},
            "after": {"least": 600, "most": 630},
            "by": {"least": 300, "most": 300},
            "phases": 6,
            "all_phases": 6,
        }
    ]
    assert data["count"]["later"] == 1
