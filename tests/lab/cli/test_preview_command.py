"""``datastream-lab preview``: notifications of policies and of scenarios."""

import re
from collections.abc import Callable
from importlib import import_module

import pytest

from exporter.process import OK, USAGE
from tests.lab.conftest import POLICIES, Command, Ended, Played


@pytest.mark.usefixtures("folder")
def test_every_policy_has_a_notification(command: Command) -> None:
    """Each has a heading, its subject, its links, and how it reads without labels."""
    code, out, err = command("preview")
    assert (code, err) == (OK, "")
    assert re.findall(r"^[\w-]+ · [A-Z]+$", out, re.MULTILINE) == [
        "exporter-losing-points · ERROR",
        "stream-changed · WARNING",
        "stream-missing · CRITICAL",
    ]
    assert "  Datastream stream orders-to-bigquery (europe-west1, shop-prod) is " in out
    assert "  Datastream stream null (null, null) is missing " in out
    assert "\n  [1] https://console.cloud.google.com/datastream/streams" in out


@pytest.mark.usefixtures("folder")
def test_policies_can_be_chosen(command: Command) -> None:
    """A policy that doesn't exist is an error with a suggestion."""
    assert command("preview", "stream-missing").out.count(" · ") == 3
    code, out, err = command("preview", "stream-mising", "x")
    assert (code, out) == (USAGE, "")
    assert err.startswith(
        'error: "stream-mising" is not a policy; did you mean stream-missing?\n'
    )


@pytest.fixture
def preview(
    command: Command,
    played: Played,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Ended]:
    """Return a function that previews a scenario of the project."""

    def run(name: str, *wanted: str) -> Ended:
        module = import_module("lab.cli.preview")
        monkeypatch.setattr(module, "play_all", lambda *_: [played(name)])
        options = ("--policies", str(POLICIES), "--scenario", name)
        return command("preview", *options, *wanted)

    return run


def test_a_scenario_s_notifications_are_counted_and_shown(
    preview: Callable[..., Ended],
) -> None:
    """Each has a line with its time; the first of each policy is shown in full."""
    code, out, err = preview("paused-by-hand")
    assert (code, err) == (OK, "")
    count, heading, *lines = out.splitlines()
    assert count.startswith("One person gets 3 notifications in paused-by-hand: ")
    assert count.endswith(": 1 message, 1 opened, 1 closed.")
    assert heading.split() == [
        "AFTER",
        "WHAT",
        "SEVERITY",
        "POLICY",
        "SUBJECT",
    ]
    assert [re.split("  +", line.strip())[:4] for line in lines[:3]] == [
        [
            "10m2s",
            "message",
            "WARNING",
            "stream-state-changed",
        ],
        [
            "12m30s",
            "opened",
            "ERROR",
            "stream-unexpected-state",
        ],
        [
            "30m30s",
            "closed",
            "ERROR",
            "stream-unexpected-state",
        ],
    ]
    assert lines[0].endswith("Datastream stream orders changed: RUNNING → PAUSED")
    assert re.findall(r"^([\w-]+ · .*)$", out, re.MULTILINE) == [
        "stream-state-changed · WARNING · 10m2s after the start of paused-by-hand",
        "stream-unexpected-state · ERROR · 12m30s after the start of paused-by-hand",
    ]
    code, out, err = preview("paused-by-hand", "exporter-losing-points")
    assert (code, out, err) == (
        OK,
        "",
        "paused-by-hand opens no incident of these policies.\n",
    )


@pytest.mark.parametrize("name", ["deleted", "paused-by-hand", "window-ends"])
def test_a_pause_or_a_deletion_is_one_page_and_one_message(
    name: str, preview: Callable[..., Ended]
) -> None:
    """Nothing else tells of the same thing."""
    rows = [
        re.split("  +", line.strip()) for line in preview(name).out.splitlines()[2:]
    ]
    kinds = [row[1] for row in rows[: rows.index([""])]]
    assert [kind for kind in kinds if kind != "closed"] == ["message", "opened"]


def test_the_alert_of_a_lag_says_how_late_and_the_threshold(
    preview: Callable[..., Ended],
) -> None:
    """The query's value when the incident opens, and the policy's own label."""
    out = preview("lags", "stream-lagging").out
    assert "(europe-west1, shop-prod) lags by 1530 s, more than 900 s" in out


def test_what_cloud_monitoring_does_not_send_is_not_counted(
    preview: Callable[..., Ended],
) -> None:
    """A policy on a log sends one message in five minutes."""
    code, out, _ = preview("logs", "stream-changed")
    assert code == OK
    assert out.startswith(
        "One person gets 1 notification in logs: 1 message, 6 not sent.\n"
    )
