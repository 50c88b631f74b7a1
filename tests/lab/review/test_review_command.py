"""``datastream-lab review``: output, exit codes and interruption."""

from __future__ import annotations

import json
import threading
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.cli import review
from lab.cli.options import Context
from lab.exit_codes import NO_PROMETHEUS
from tests.canary import Canary
from tests.lab.review.conftest import POLICIES, SCENARIOS
from tests.lab.review.plan_json import QUERY, change, on_log, plan, policy, written
from tests.outputs import Printed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.review.conftest import Reviewed

_SOONER = plan(change("update", before=policy(duration="300s"), after=policy()))
_LATER = plan(change("update", before=policy(), after=policy(duration="300s")))


def _words(error: str) -> str:
    return " ".join(error.split())


def test_a_plan_of_the_real_provider_is_reviewed(reviewed: Reviewed) -> None:
    """A longer retest window delays the alerts; computed fields are ignored."""
    answer = reviewed(_LATER, "--scenario", "five")
    assert (answer.code, answer.err) == (0, "")
    assert "1 policy changes. In 1 scenario, **5 alerts come later (by up to 4m)**." in answer.out
    assert "| `failed` | changed | retest window 1m → 5m |" in answer.out


@pytest.mark.parametrize(("document", "code"), [(_SOONER, 0), (_LATER, 1)])
def test_strict_fails_on_later_alerts(
    reviewed: Reviewed, document: dict[str, Any], code: int
) -> None:
    """With ``--strict``, later alerts exit with 1, sooner ones with 0."""
    assert reviewed(document, "--scenario", "five", "--strict").code == code


def test_json_output(reviewed: Reviewed) -> None:
    """``--json`` prints the review as JSON."""
    found = json.loads(reviewed(_LATER, "--scenario", "five", "--json").out)
    assert found["count"]["later"] == len(found["incidents"]) == 5
    assert found["scenarios"] == ["five"]


def test_an_invalid_query_is_reported(reviewed: Reviewed) -> None:
    """The page has Prometheus's error, and the earlier alerts are lost."""
    document = plan(change("update", before=policy(), after=policy(query=f"{QUERY} )")))
    answer = reviewed(document, "--scenario", "five")
    assert answer.code == 0
    assert "**5 alerts are lost**" in answer.out
    assert "- `failed`: Prometheus rejects the query, so it would never alert: " in answer.out


def test_a_metric_can_be_selected_by_pattern(reviewed: Reviewed) -> None:
    """The engine holds all series if a query selects by ``__name__``."""
    query = 'count({__name__=~"custom_googleapis_com:datastream_stream_st.*"} == 5) > 0'
    answer = reviewed(plan(change("create", after=policy(query=query))), "--scenario", "five")
    assert "In 1 scenario, 1 alert is gained." in answer.out


def test_a_sensitive_query_is_not_shown(reviewed: Reviewed) -> None:
    """Not even Prometheus's error message is shown."""
    hidden = {"conditions": [{"condition_prometheus_query_language": [{"query": True}]}]}
    document = plan(
        change("create", after=policy(query=f"hush {Canary.SLACK_TOKEN}"), sensitive=hidden)
    )
    answer = reviewed(document, "--scenario", "five")
    assert "never alert: `it is sensitive`" in answer.out
    assert "hush" not in answer.out
    assert "query: (sensitive value)" in answer.out


def test_no_secret_of_a_plan_is_shown(reviewed: Reviewed) -> None:
    """A plan as JSON holds them in plain text; the guard of all tests searches what is printed."""
    secret = Canary.SECRET_MANAGER_SECRET
    foreign = {
        "address": f'google_secret_manager_secret_version.token["{secret}"]',
        "mode": "managed",
        "type": "google_secret_manager_secret_version",
        "name": "token",
        "change": {
            "actions": ["update"],
            "before": {"secret_data": Canary.SLACK_TOKEN},
            "after": {"secret_data": Canary.NEW_SLACK_TOKEN},
            "before_sensitive": {"secret_data": True},
            "after_sensitive": {"secret_data": True},
        },
    }
    hidden = {
        "conditions": [{"condition_prometheus_query_language": [{"query": True}]}],
        "documentation": [{"content": True, "subject": True}],
        "display_name": True,
        "user_labels": True,
        "notification_channels": True,
    }
    before = policy(
        query=secret,
        content=secret,
        subject=secret,
        display_name=secret,
        user_labels={"policy": "failed", "token": secret},
        notification_channels=[secret],
    )
    after = policy(
        query=f"{QUERY} or {secret} )",
        content=f"New: {secret}",
        display_name=f"New: {secret}",
        user_labels={"policy": "failed", "token": f"new-{secret}"},
    )
    document = plan(
        foreign,
        change("update", before=before, after=after, sensitive=hidden),
        variables={"slack_token": {"value": Canary.SLACK_TOKEN}},
        prior_state={"values": {"outputs": {"token": {"value": secret, "sensitive": True}}}},
    )
    for words in ((), ("--json",), ("--scenario", "five"), ("--scenario", "five", "--json")):
        assert "(sensitive" in reviewed(document, *words).out
    text = json.dumps(document).encode()
    for cut in range(0, len(text), len(text) // 20):
        assert reviewed(text[:cut]).code == 2
        assert reviewed(text[cut + 1 :]).code == 2


def test_an_unknown_scenario_is_refused(reviewed: Reviewed) -> None:
    """The error message suggests the nearest name."""
    answer = reviewed(_LATER, "--scenario", "fiv")
    assert (answer.code, answer.out) == (2, "")
    assert _words(answer.err) == 'error: "fiv" is not a scenario; did you mean five?'


def test_without_prometheus_the_command_says_what_to_install(
    reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review that plays queries needs Prometheus; one that plays none does not."""
    monkeypatch.setenv("PATH", "")
    answer = reviewed(_LATER, "--scenario", "five")
    assert (answer.code, answer.out) == (NO_PROMETHEUS, "")
    assert "apt-get install prometheus" in answer.err
    severity = plan(change("update", before=policy(), after=policy(severity="ERROR")))
    assert reviewed(severity).code == 0
    log = plan(change("create", after=policy(conditions=[on_log("severity>=ERROR")])))
    assert "1 alert is gained" in reviewed(log, "--scenario", "logs").out


def test_an_interrupted_review_prints_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends it before the next scenario with exit code 130."""
    stop, out = threading.Event(), Printed()
    stop.set()
    file = tmp_path / "plan.json"
    file.write_bytes(written(_LATER))
    args = Namespace(
        plan=str(file),
        policies=[str(POLICIES)],
        scenarios=[str(SCENARIOS)],
        scenario=None,
        strict=False,
        json=False,
    )
    assert review.run(Context(args, {}, out, Printed(), stop)) == 130
    assert out.getvalue() == ""


def test_the_worst_time_to_page_is_measured(reviewed: Reviewed) -> None:
    """A policy with a promised time shows it before and after; a route's copies do not."""
    named: dict[str, Any] = {"user_labels": {"policy": "stream-failed"}}
    changes = [
        change(
            "update",
            before=policy(**named),
            after=policy(duration=duration, **named),
            address=f"google_monitoring_alert_policy.{name}",
        )
        for name, duration in (("one", "300s"), ("another", "240s"))
    ]
    answer = reviewed(plan(changes[0]), "--scenario", "logs")
    assert "\n1. `one` changes: FAILED: worst 187 s → 427 s; retest window 1m → 5m\n" in answer.out
    silent = change(
        "update",
        before=policy(user_labels={"policy": "exporter-silent"}, query="absent(a:b)"),
        after=policy(user_labels={"policy": "exporter-silent"}, query="absent(a:c)"),
    )
    document = plan(silent, *changes)
    assert json.loads(reviewed(document, "--scenario", "logs", "--json").out)["times_to_page"] == []


def test_a_scenario_can_switch_a_policy_off(reviewed: Reviewed, tmp_path: Path) -> None:
    """A policy that a scenario switches off is not played in it."""
    text = (SCENARIOS / "five.yaml").read_text("utf-8")
    name = "stream-failed"
    (tmp_path / "five.yaml").write_text(f"switched_off: [{name}]\n{text}", "utf-8")
    document = plan(change("create", after=policy(user_labels={"policy": name})))
    answer = reviewed(document, "--scenario", str(tmp_path / "five.yaml"))
    assert "1 policy is added. No scenario alerts differently (1 scenario played)." in answer.out
