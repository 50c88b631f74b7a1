"""The review as a comment on GitHub: readable, and nothing in a policy becomes markup."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.review import review_data, review_page
from lab.review.comparing import Effect, Kind, Span
from lab.review.effects import Found, questions
from lab.review.plans import plan_of
from lab.review.reviewing import review
from tests.lab.review.plan_json import CHANNEL, change, channels, condition, plan, policy, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.review.reviewing import Review

_BLOCK = re.compile(r"^(`{3,})\w+\n.*?^\1$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")


def _made(document: dict[str, Any], effects: Iterable[Effect] = (), **found: Any) -> Review:
    read = plan_of(written(document), "plan.json")
    asked, unclear = questions(read.changes)
    effects = tuple(effects)
    answers = [Found("lags", 0, effects, bool(effects), **found)] if asked else []
    return review(read, asked, unclear, {"lags": "A stream lags"}, answers)


def _page(document: dict[str, Any], effects: Iterable[Effect] = (), **found: Any) -> str:
    return review_page.page(_made(document, effects, **found))


def _effect(kind: Kind, about: str, *spans: Span | None, phases: int = 6) -> Effect:
    before, after, by = spans
    return Effect(kind, about, before, after, by, phases, 6)


def _stream(name: str) -> str:
    return f"projects/shop-prod/locations/europe-west1/streams/{name}"


_CHANGED = plan(change("update", before=policy(), after=policy(duration="120s")))


def test_what_happens_to_each_policy_is_counted_and_told() -> None:
    """What matters most stands first, in the sentence and in the table."""
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
                address=at("anew"),
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
        "1 policy is removed, 1 is switched off, 1 is let go, 2 change, 1 is made anew, 1 is "
        "switched on, 1 is added, 1 only moves to another address and 1 stays as it is."
    )
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    whom = f"notifies `{CHANNEL}`"
    anew = "its open incidents end, and open again where it still pages"
    why = "Cloud Monitoring cannot change that in place"
    assert rows == [
        f"| `gone` | removed | pages no more; was CRITICAL; waits 1 min before it pages; {whom} |",
        "| `off` | switched off | pages no more |",
        "| `let_go` | let go | stays in Cloud Monitoring and pages on, without Terraform |",
        "| `other` | changed | severity CRITICAL → ERROR |",
        "| `same` | changed | nothing but what Cloud Monitoring fills in |",
        f"| `anew` | made anew | project `orders-prod` → `orders-test`<br>{anew}<br>({why}) |",
        "| `on` | switched on | pages again |",
        f"| `added` | added | CRITICAL; switched off; waits 1 min before it pages; {whom} |",
        f"| `new` | moved | moves from `{moved}` to `{at('new')}` |",
    ]


def test_pages_are_told_by_scenario_and_stream() -> None:
    """Rows hold what pages alike; names of one kind are short, and few."""
    five, ten = Span(300, 330), Span(600, 630)
    text = _page(
        _CHANGED,
        [
            *(_effect(Kind.LOST, _stream(f"s{each}"), five, None, None) for each in (10, 9, 1, 2)),
            _effect(Kind.LATER, _stream("a"), five, ten, Span(300, 300)),
            _effect(Kind.SOONER, _stream("b"), ten, five, Span(60, 300)),
            _effect(Kind.GAINED, _stream("c"), None, five, None, phases=2),
            _effect(Kind.GAINED, "projects/a/locations/b", None, five, None),
            _effect(Kind.GAINED, "projects/c/locations/b", None, Span(900, 930), None),
            _effect(Kind.AGAIN, "", None, five, None),
            _effect(Kind.JOINED, "x", five, None, None),
            _effect(Kind.ENDS_LATER, "x", five, None, None),
        ],
    )
    assert (
        "In 1 scenario, **4 pages are lost**, **1 comes later (by up to 5 min)**, 3 are gained, 1 "
        "comes sooner (by up to 5 min), 1 comes once more, 1 comes once less and 1 ends at another "
        "time."
    ) in text
    rows = [line.split(" | ", 2) for line in text.splitlines() if line.startswith("| `lags`")]
    assert {row[0] for row in rows} == {"| `lags`", r"| `lags`: A stream lags"}
    both = "`projects/a/locations/b`, `projects/c/locations/b`"
    chance = "depends on when Cloud Monitoring evaluates (2 of 6 moments tried)"
    assert [row[2] for row in rows] == [
        "**lost** | `s1`, `s2`, `s9` and 1 more | came by 5 min 30 s |",
        "**later** by 5 min | `a` | by 10 min 30 s, came by 5 min 30 s |",
        f"gained | {both} | between 5 min and 15 min 30 s |",
        f"gained | `c` | by 5 min 30 s; {chance} |",
        "sooner by 1 min to 5 min | `b` | by 5 min 30 s, came by 10 min 30 s |",
        "once more | all of it | by 5 min 30 s |",
        "once less | `x` | came by 5 min 30 s |",
        "ends later | `x` | ends after the scenario, ended by 5 min 30 s |",
    ]


def test_many_rows_are_folded_but_for_what_is_worse() -> None:
    """Lost and later pages stand open, however many are gained."""
    five = Span(300, 330)
    read = plan_of(written(_CHANGED), "")
    asked, unclear = questions(read.changes)
    gained = [
        Found(f"s{number}", 0, (_effect(Kind.GAINED, "x", None, five, None),), paged=True)
        for number in range(30)
    ]
    lost = Found("t", 0, (_effect(Kind.LOST, "x", five, None, None),), paged=True)
    text = review_page.page(review(read, asked, unclear, {}, [*gained, lost]))
    open_, folded = text.split("<details><summary>30 rows of pages that are gained")
    assert "| `t` | `failed` | **lost** |" in open_
    assert folded.count("| gained |") == 30
    without = review_page.page(review(read, asked, unclear, {}, gained))
    assert "### What that does to the scenarios\n\n<details>" in without


def test_a_change_that_no_scenario_notices_says_so() -> None:
    """That the scenarios know the policy is another thing than that they do not."""
    text = _page(_CHANGED)
    assert "1 policy changes. No scenario pages differently (1 scenario played)." in text
    assert "The scenarios tell nothing of `failed`: nothing pages, before or after." in text


def test_what_the_scenarios_cannot_tell_is_no_silence() -> None:
    """A policy of another kind is named, with the reason."""
    text = _page(plan(change("create", after=policy(conditions=[]))))
    assert "1 policy is added. No scenario can tell what that does." in text
    assert "- `failed`: the scenarios cannot tell, as it has not one condition" in text


def test_a_query_that_prometheus_refuses_is_named() -> None:
    """Cloud Monitoring would refuse it at the apply."""
    text = _page(_CHANGED, refused=("parse error",))
    assert "- `failed`: a query that is refused pages never: `parse error`" in text
    assert "tell nothing of" not in text


def test_the_limits_of_the_plan_stand_at_the_top() -> None:
    """Nobody takes the review for whole where the plan is not."""
    document = {**_CHANGED, "errored": True}
    assert "> **Mind:** The plan ended with an error" in _page(document)


def test_channels_have_the_names_that_people_gave_them() -> None:
    """Looked up in the same plan."""
    document = plan(change("create", after=policy()), prior_state=channels([(CHANNEL, "On|call")]))
    assert f"notifies `On\\|call` (`{CHANNEL}`)" in _page(document)


@pytest.mark.parametrize(
    ("duration", "marks", "words"),
    [
        ("300s", {}, "waits 5 min before it pages"),
        ("0s", {}, "pages at once"),
        (None, {}, "pages at once"),
        ("soon", {}, "waits `soon` before it pages"),
        ("77s", {"sensitive": True}, "waits `(sensitive value)` before it pages"),
        (None, {"unknown": True}, "waits `(known after apply)` before it pages"),
    ],
)
def test_an_added_policy_is_told_at_a_glance(
    duration: str | None, marks: dict[str, bool], words: str
) -> None:
    """How long it waits, as far as that may be said and is known."""
    marked: dict[str, Any] = {
        side: {"conditions": [{"condition_prometheus_query_language": [{"duration": mark}]}]}
        for side, mark in marks.items()
    }
    text = _page(plan(change("create", after=policy(duration=duration), **marked)))
    assert f"| `failed` | added | CRITICAL; {words}; notifies `{CHANNEL}` |" in text
    assert "77s" not in text


def test_what_is_sensitive_is_in_no_table() -> None:
    """Neither names nor channels nor severity, of policies that are added or removed."""
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
    """A diff of hundreds of lines is no review."""
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
    """Values stand in code alone: no cell is torn, nobody is mentioned, nothing is drawn."""
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
    """However much changes; what is left out is said to be, and where it is."""
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
    read = plan_of(written(document), "")
    asked, unclear = questions(read.changes)
    found = [
        Found("x" * 90, number, (_effect(Kind.LOST, str(number), None, None, None),), paged=True)
        for number in range(len(asked))
    ]
    text = review_page.page(review(read, asked, unclear, {}, found))
    assert len(text) <= 60_000
    assert "folded parts left out for length; `--json` has all." in text
    assert re.search(r"^\| and \d+ more: `--json` has all \|", text, re.MULTILINE)


def test_the_data_holds_the_same() -> None:
    """With moments in seconds."""
    later = _effect(Kind.LATER, _stream("a"), Span(300, 330), Span(600, 630), Span(300, 300))
    data = json.loads(json.dumps(review_data.document(_made(_CHANGED, [later]))))
    (told,) = data["policies"]
    assert (told["name"], told["how"]) == ("failed", "changed")
    assert told["differences"] == [
        {
            "field": "conditions[0].condition_prometheus_query_language.duration",
            "before": "60s",
            "after": "120s",
            "words": "waits 2 min instead of 1 min before it pages",
        }
    ]
    assert data["pages"] == [
        {
            "scenario": "lags",
            "policies": ["failed"],
            "kind": "later",
            "about": _stream("a"),
            "before": {"least": 300, "most": 330},
            "after": {"least": 600, "most": 630},
            "by": {"least": 300, "most": 300},
            "phases": 6,
            "tried": 6,
        }
    ]
    assert data["count"]["later"] == 1
