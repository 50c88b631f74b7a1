"""``datastream-lab verify``: what it prints of an installation, sound or not.

The outputs are in ``outputs``; docs/lab.md has lines of that of a sound installation.
"""

import os
import re
import signal
from typing import Any

import pytest
import yaml
from google.cloud import monitoring_v3
from google.protobuf import json_format

from exporter.google.calls import MOST_PAGES
from lab.emulator.world import Fault
from lab.verify.rest import REST_EMULATOR
from tests.docs.pages import fences
from tests.lab.verify.conftest import HERE, Installation, seed, timeless
from tests.tables import rows
from tools import ROOT


def shown(name: str) -> str:
    """Return an expected output."""
    return (HERE / "outputs" / f"{name}.txt").read_text("utf-8")


def change(message: Any, fields: dict[str, Any]) -> None:
    """Set fields of a raw message, given in the API's form."""
    for key in fields:
        message.ClearField(re.sub("([A-Z])", r"_\1", key).lower())
    json_format.ParseDict(fields, message)


def test_a_sound_installation(installed: Installation) -> None:
    """A sound installation has a few lines for each part, some of them in the docs."""
    code, out, err = installed.verify()
    assert out == shown("sound")
    consoles = timeless("".join(fences(ROOT / "docs" / "lab.md", "console")))
    in_docs = [line for line in consoles.splitlines() if line.startswith("ok ")]
    assert in_docs
    assert set(in_docs) <= set(out.splitlines())
    assert code == 0
    assert err.endswith("\n12 checks: none failed, no warnings.\n")
    assert installed.emulator.calls["ListAlertPolicies"] == 1


def test_what_keeps_policies_from_telling_somebody(installed: Installation) -> None:
    """Each policy and channel that tells nobody, snooze and difference has a line."""
    alerting = installed.alerting
    faults = yaml.safe_load((HERE / "faults.yaml").read_text("utf-8"))
    alerting.alert_policies.remove(installed.policy("exporter-silent"))
    for name, fields in faults["policies"].items():
        change(installed.policy(name), fields)
    for channel, fields in zip(
        alerting.notification_channels, faults["channels"], strict=True
    ):
        change(channel, fields)
    alerting.notification_channels[0].type_ = "slack"
    for each in faults["snoozes"]:
        snooze = monitoring_v3.Snooze.pb()()
        alerting.snoozes.append(json_format.ParseDict(each, snooze))
    # What a route changes is not a difference.
    lagging = installed.promql("stream-lagging")
    lagging.query = lagging.query.replace("state{", 'state{namespace=~"shop-prod", ')
    lagging.duration.seconds = 1800
    installed.promql("stream-stuck").query += " > 1"
    seed(installed, "apart")
    code, out, _ = installed.verify()
    assert out == shown("policies")
    assert code == 1


def test_a_route_that_no_stream_is_in(installed: Installation) -> None:
    """A route's glob that matches no stream is named, a quiet route's too."""
    missing = installed.promql("stream-missing")
    asked = missing.query
    missing.query = asked.replace("seen{", 'seen{stream_id=~"leger|order.*", ')
    routed = monitoring_v3.AlertPolicy.pb()()
    routed.CopyFrom(installed.policy("stream-missing"))
    routed.user_labels["route"] = "finance"
    installed.alerting.alert_policies.append(routed)
    others = 'seen{stream_id!~"cart.*|dev-.*|leger|order.*", '
    missing.query = asked.replace("seen{", others)
    code, out, _ = installed.verify()
    assert code == 0
    assert re.findall("^warning .*", out, re.MULTILINE) == [
        f"warning  policies: {glob} matches no stream of the last day"
        for glob in ('"dev-*" of a quiet route', '"leger" of route finance')
    ]


def test_queries_that_google_refuses_or_answers_otherwise(
    installed: Installation,
) -> None:
    """A line has Google's refusal, or both answers; other parts go on."""
    installed.verify()  # Google's engine has its points from now on.
    seed(installed, "later")
    installed.promql("stream-stuck").query = "sum("
    for method in ("ListNotificationChannels", "ListSnoozes"):
        installed.emulator.add_fault(Fault(method=method, code="PERMISSION_DENIED"))
    code, out, _ = installed.verify()
    assert out == shown("queries")
    assert code == 1


def test_points_that_are_read_in_part_are_not_compared(installed: Installation) -> None:
    """Of a list that is cut off, or never ends, one warning says that."""

    def cut_off(_request: Any) -> Any:
        errors = [{"code": 13, "message": "a shard is down"}]
        return monitoring_v3.ListTimeSeriesResponse.pb()(execution_errors=errors)

    emulator = installed.emulator
    before = emulator.calls["ListTimeSeries"]
    emulator.add_fault(Fault(method="ListTimeSeries", answer="same_page"))
    _, endless, _ = installed.verify()
    # Both queries and native read points.
    assert emulator.calls["ListTimeSeries"] == before + 2 * MOST_PAGES
    emulator.answer("ListTimeSeries", cut_off)
    _, cut, _ = installed.verify()
    for out, why in (
        (endless, f"the list goes on after {MOST_PAGES} pages"),
        (cut, "Cloud Monitoring could not read all series"),
    ):
        (warning,) = [each for each in out.splitlines() if each.startswith("warning")]
        assert f"not compared: not all points can be read: {why}. Verify" in warning


def test_events_that_increase_does_not_count(empty: Installation) -> None:
    """Where increase() counts no event of many, the policies that use it are named."""
    seed(empty, "uncounted")
    _, out, _ = empty.verify()
    assert (
        "failed   native: increase() counts none of the 150 events of the last hour:"
        " stream-unsupported-events can't alert, stream-quiet-* are wrong\n"
    ) in out


def test_an_empty_project_and_no_permission(empty: Installation) -> None:
    """For an empty project or a missing permission, each part says what to do."""
    assert empty.verify().out == shown("empty")
    empty.emulator.add_fault(Fault(method="List*", code="PERMISSION_DENIED"))
    code, out, _ = empty.verify()
    assert out == shown("denied")
    assert code == 1


def test_old_and_lost_points(empty: Installation) -> None:
    """Silence, lost points, unread locations, and what is missing have a line each."""
    seed(empty, "old")
    seed(empty, "native")
    empty.emulator.metrics_project("shop-prod").has_log_metrics = False
    _, out, _ = empty.verify()
    assert out == shown("points")


def test_without_prometheus_the_rest_is_verified(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Prometheus, only the comparison is left out: --strict fails then."""
    installed.verify()  # Google's engine goes on without it.
    monkeypatch.setenv("PATH", "")
    code, out, _ = installed.verify()
    assert code == 0, out
    (warning,) = [each for each in out.splitlines() if each.startswith("warning")]
    assert "queries: Google's answers are not compared: prometheus" in warning
    assert installed.verify("--strict").code == 1


def test_an_emulator_alone_does_not_lead_to_google(empty: Installation) -> None:
    """With an emulator alone, but not its REST side, nothing is called."""
    del empty.environ[REST_EMULATOR]
    code, out, err = empty.verify()
    assert out == ""
    assert code == 2
    assert "set MONITORING_REST_EMULATOR_HOST too, or unset the others" in err
    assert not empty.emulator.calls


@rows
def test_ctrl_c_ends_it(installed: Installation, method: str, last: str) -> None:
    """After Ctrl-C, what was found is printed, and the exit code is 130."""

    def interrupted(_request: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return getattr(monitoring_v3, f"{method}Response").pb()()

    installed.emulator.answer(method, interrupted)
    code, out, err = installed.verify()
    assert code == 130
    assert out.endswith(last)
    assert "Interrupted: not everything was verified." in err
