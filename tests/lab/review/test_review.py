"""``datastream-lab review``: what it prints, what it hides, and its exit codes."""

import json
import re
from typing import Any

import pytest

from lab.cli.main import NO_PROMETHEUS
from lab.policies.files import Policy
from lab.review.page import review_page
from lab.review.playing import ChangedIncident, Played
from lab.review.review import Review, make_review
from lab.review.values import Json
from tests.canary import Canary
from tests.lab.review.conftest import Replanned, Reviewed, lines_not_folded
from tests.lab.review.plan_json import (
    ADDRESS,
    CHANNEL,
    QUERY,
    change,
    created,
    exporter,
    plan,
    planned,
    policy,
)
from tests.tables import rows


def _updated(after: Json) -> Json:
    return plan(change("update", before=policy(), after=after))


_LATER = _updated(policy(duration="300s"))


def _data(*changes: Json, played: tuple[Played, ...] = (), **more: Any) -> Review:
    return make_review(planned(*changes, **more), played)


def test_a_later_alert_has_a_diff_and_a_row(reviewed: Reviewed) -> None:
    """The page has the diff, and when the alerts open; ``--strict`` exits with 1."""
    answer = reviewed(_LATER, "--scenario", "five", "--strict")
    assert answer.err == ""
    assert answer.code == 1
    assert (
        "\nPolicies that change: 1 of 1. Alerts in 1 scenario: **5 later" in answer.out
    )
    assert "\n-    duration: 60s\n+    duration: 300s\n" in answer.out
    names = "`orders-1`, `orders-2`, `orders-3` and 2 more"
    assert f"| `five` | `failed` | **later** | {names} | 6m30s | 10m30s |" in answer.out


def test_a_sooner_alert_is_not_worse(reviewed: Reviewed) -> None:
    """``--strict`` accepts sooner alerts; ``--json`` prints the same review as data."""
    sooner = plan(change("update", before=policy(duration="300s"), after=policy()))
    answer = reviewed(sooner, "--scenario", "five", "--strict", "--json")
    found = json.loads(answer.out)
    assert answer.code == 0
    assert found["count"] == {"lost": 0, "later": 0, "gained": 0, "sooner": 5}
    assert found["incidents"][0] == {
        "scenario": "five",
        "policy": "failed",
        "kind": "sooner",
        "about": "projects/shop-prod/locations/europe-west1/streams/orders-1",
        "opens": [630.0, 390.0],
    }


def test_a_query_that_prometheus_rejects_loses_its_alerts(reviewed: Reviewed) -> None:
    """A query that Prometheus rejects loses its alerts, and the page has the error."""
    ambiguous = f"({QUERY}) * on (location) ({QUERY})"
    document = _updated(policy(query=ambiguous))
    answer = reviewed(document, "--scenario", "five")
    assert "**5 lost**" in answer.out
    assert "`it would never alert: Prometheus refuses the query: " in answer.out


def test_a_policy_that_no_scenario_covers_is_named() -> None:
    """A review without a changed incident says so of a policy that never alerts."""
    played = Played("s", [], {"failed": False}, {})
    problems = _data(created(), played=(played,)).problems
    assert problems["failed"].startswith("no scenario covers it")


def test_a_policy_can_be_destroyed_replaced_or_switched_off() -> None:
    """A folded diff has a line of what happens; a replaced policy's incidents close."""
    old = policy()
    off = policy(enabled=False)
    quiet = policy(enabled=False, notification_channels=[])
    changes = [
        change("delete", before=old, address=f"{ADDRESS}_gone"),
        change("delete", "create", before=old, after=policy(project="b")),
        change("update", before=old, after=off, address=f"{ADDRESS}_off"),
        change("update", before=off, after=quiet, address=f"{ADDRESS}_quiet"),
        change("update", before=old, after=old, address=f"{ADDRESS}_same"),
    ]
    text = review_page(_data(*changes, errored=True))
    assert re.findall(r"<code>(\w+)</code>: (.+?)</summary>", text) == [
        ("failed", "replace: its open incidents close, and open again"),
        ("failed_gone", "delete"),
        ("failed_off", "switch off"),
        ("failed_quiet", "update"),
    ]
    assert "\n`failed_same`: update.\n" in text
    assert "-project: orders-prod\n+project: b\n" in text
    assert "\n+enabled: false\n" in text
    assert "> **Note:** The plan ended with an error, so changes may" in text
    # One that is off notifies nobody, whatever channels it has.
    row = f"| `default` | all else | `{CHANNEL}`: 2 (was 4) | none | none | none |\n"
    assert row in text


@rows
def test_a_new_policy_that_notifies_nobody(
    file: str, severity: str, errors: int, policies: tuple[Policy, ...]
) -> None:
    """It is an error by the severity of its file, unless that is WARNING."""
    new = created(
        severity=severity, user_labels={"policy": file}, notification_channels=[]
    )
    found = make_review(planned(new), [], policies).findings
    sentences = [each.sentence for each in found]
    assert sentences == ["Nobody is notified of `failed`"] * errors


def _missing(route: str, streams: str, channel: str, *actions: str) -> Json:
    """Return the change of a route's policy on missing streams."""
    seen = f"custom_googleapis_com:datastream_stream_last_seen{{{streams}}}[1h]"
    labels = {"policy": "stream-missing"}
    if route:
        labels["route"] = route
    values = policy(
        query=f"last_over_time({seen}) > 45",
        user_labels=labels,
        notification_channels=[channel],
    )
    address = f'{ADDRESS}["{route}/stream-missing"]'
    after = values if "delete" not in actions else None
    return change(*actions, before=values, after=after, address=address)


def test_a_route_that_becomes_quiet() -> None:
    """Its streams alert nobody, and a required one of them is read by no policy."""
    streams = "projects/shop-prod/locations/us-east1/streams"
    config = (
        "metrics: {project: shop-prod}\nsources: [{project: shop-prod}]\n"
        f"required: [{streams}/dev-1, {streams}/ledger, {streams}/orders]\n"
    )
    review = _data(
        exporter(config, config),
        _missing("", 'stream_id!~"dev-.*|led.*"', "a", "no-op"),
        _missing("finance", 'stream_id=~"led.*"', "b", "no-op"),
        _missing("sandbox", 'stream_id=~"dev-.*"', "c", "delete"),
    )
    assert [found.sentence for found in review.findings] == [
        "These streams alert nobody (their route is quiet): `dev-*`",
        f"No policy reads `{streams}/dev-1`, which config requires: its route is quiet",
    ]
    row = "| `sandbox` | ~~`streams dev-*`~~ | ~~`c`~~ | none | none | none |\n"
    assert row in review_page(review)


def test_unknown_values_are_marked() -> None:
    """A channel or a condition that is known after apply is marked as such."""
    unknown = ("notification_channels", "conditions")
    after = policy() | dict.fromkeys(unknown)
    marks: Json = dict.fromkeys(unknown, True)
    review = _data(change("update", before=policy(), after=after, **marks))
    (changed,) = review.policies
    assert "+conditions: (known after apply)" in changed.diff
    assert "+notificationChannels: (known after apply)" in changed.diff
    assert "known only after apply" in review.problems["failed"]
    assert ("default", "CRITICAL", "(known after apply)", 0, 1) in review.routes


def test_no_secret_of_a_plan_is_shown(reviewed: Reviewed) -> None:
    """Neither sensitive values nor other resources are shown, nor a broken plan."""
    secret = Canary.SECRET_MANAGER_SECRET
    foreign = {
        "address": f'google_secret_manager_secret_version.token["{secret}"]',
        "mode": "managed",
        "type": "google_secret_manager_secret_version",
        "name": "token",
        "change": {
            "actions": ["update"],
            "before": {"secret_data": Canary.SLACK_TOKEN},
        },
    }
    hidden = {
        "conditions": [{"condition_prometheus_query_language": [{"query": True}]}],
        "documentation": [{"content": True, "subject": True}],
        **dict.fromkeys(("display_name", "user_labels", "notification_channels"), True),
    }

    def secret_policy(text: str) -> Json:
        return policy(
            query=f"{QUERY} or {text} )",
            content=text,
            display_name=text,
            user_labels={"policy": text},
            notification_channels=[text],
        )

    before, after = secret_policy(secret), secret_policy(f"new-{secret}")
    document = plan(
        foreign,
        change("update", before=before, after=after, sensitive=hidden),
        variables={"slack_token": {"value": Canary.SLACK_TOKEN}},
    )
    for words in ((), ("--json",)):
        answer = reviewed(document, *words)
        assert "(sensitive value), changed" in answer.out
        assert "its condition is sensitive" in answer.out
    whole = plan(change("delete", before=before, sensitive=True))
    assert "(sensitive value)" in reviewed(whole).out
    text = json.dumps(document).encode()
    for cut in range(0, len(text), len(text) // 4):
        for part in (text[:cut], text[cut + 1 :]):
            assert reviewed(part).code == 2


_NASTY = (
    "a|b `c` ``d`` @everyone <img src=x> #1 [l](u) *e* \\\n\n\n# h\n```\n\x1b[31m\u202e"
)


_KEPT = change("no-op", before=policy(), after=policy(), address=f"{ADDRESS}_kept")


@pytest.mark.parametrize("others", [(), (_KEPT,)])
def test_no_value_becomes_markup(others: tuple[Any, ...]) -> None:
    """Values appear as code: they break no table, mention nobody, load nothing."""
    nasty = dict.fromkeys(
        ("display_name", "severity", "query", "content", _NASTY), _NASTY
    )
    labels = {_NASTY: _NASTY, "route": _NASTY}
    after = policy(**nasty, notification_channels=[_NASTY], user_labels=labels)
    address = f"{ADDRESS}[{json.dumps(_NASTY)}]"
    text = review_page(_data(change("create", after=after, address=address), *others))
    assert not {"\x1b", "\u202e"} & {*text}
    outside = re.sub(r"^(`{3,})\w+\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    for line in outside.splitlines():
        rest = re.sub(r"<code>.*?</code>|(`+)(?!`).+?(?<!`)\1(?!`)", "", line)
        assert not re.search("everyone|<img|# h", rest)
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in {3, 4, 7}


def test_the_page_fits_in_a_comment() -> None:
    """The page stays below GitHub's limit and says what it leaves out."""
    names = [f"{'x' * 95}{number}" for number in range(300)]
    opens = 300.0, None
    incidents = [ChangedIncident(name, name, "lost", name, opens) for name in names]
    content = "".join(f"{number} {'y' * 80}\n" for number in range(199))
    created = []
    for name in names[:10]:
        labels = {"route": name}
        long = policy(content=content, duration="soon", user_labels=labels)
        created.append(change("create", after=long, address=f"{ADDRESS}_{name}"))
    played = Played("s", incidents, {}, {})
    few = Played("s", incidents[:9], {}, {})
    text = review_page(_data(_KEPT, played=(few,)))
    assert "\n\n<details><summary>2 more</" in text
    text = review_page(_data(*created, _KEPT, played=(played,)))
    assert 40_000 < len(text) <= 60_000
    assert " more parts: see `datastream-lab review --json`.\n" in text
    assert re.search("… and [0-9]+ more lines\n```", text)
    assert lines_not_folded(text) <= 60


def test_only_a_review_that_plays_needs_prometheus(
    reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review that plays scenarios says what to install; any other works without."""
    monkeypatch.setenv("PATH", "")
    answer = reviewed(_LATER, "--scenario", "five")
    assert answer.out == ""
    assert answer.code == NO_PROMETHEUS
    assert reviewed(_updated(policy(severity="ERROR"))).code == 0


def test_the_first_apply_adds_everything(
    replanned: Replanned, reviewed: Reviewed
) -> None:
    """A first apply says whom each severity notifies, and plays nothing."""
    first = replanned()
    unchanged = reviewed(first).out
    assert "Policies that change: 0 of 18. What decides when an alert" in unchanged
    for each in first["resource_changes"]:
        each["change"] |= {"actions": ["create"], "before": None}
    review = json.loads(reviewed(first, "--json").out)
    assert [each["effect"] for each in review["policies"]] == ["create"] * 18
    assert review["scenarios"] == []
    assert {route[2] for route in review["routes"]} == {CHANNEL}
    page = reviewed(first).out
    assert "No policy exists yet: 18 are created." in page
    assert f"| `default` | all else | `{CHANNEL}`: 7 | `{CHANNEL}`: 10 | " in page
    assert "```diff\n---" not in page
