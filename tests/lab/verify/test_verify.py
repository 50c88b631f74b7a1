"""``datastream-lab verify``: what it prints of an installation, sound or not.

The outputs are in ``outputs``, and that of a sound installation in docs/lab.md.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from google.cloud import monitoring_v3

from lab.emulator.world import Fault
from tests.docs.pages import fences
from tests.lab.backtest.conftest import raw
from tests.lab.verify.conftest import Installation, timeless
from tools import ROOT


def shown(name: str) -> str:
    """Return an expected output."""
    return (Path(__file__).with_name("outputs") / f"{name}.txt").read_text("utf-8")


def seed(
    to: Installation, metric: str, node: str, value: float, seconds_ago: int
) -> None:
    """Add a series of the exporter with one point; ``node`` is its node_id."""
    at = time.time() - seconds_ago
    location, _, node_id = node.rpartition("/")
    about: dict[str, Any] = {"type": f"custom.googleapis.com/datastream/{metric}"}
    if metric.startswith("stream/"):
        about["labels"] = {"stream_id": node_id}
    resource = {
        "project_id": "ops-prod",
        "location": location or "europe-west1",
        "namespace": "shop-prod",
        "node_id": node_id,
    }
    series = raw("generic_node", resource, {(at, at): value}, metric=about)
    to.emulator.seed_series("ops-prod", [series])


def test_a_sound_installation(installed: Installation) -> None:
    """Each part is a few lines, nothing failed, and the docs show them."""
    code, out, err = installed.verify()
    consoles = fences(ROOT / "docs" / "lab.md", "console")
    assert out in [timeless(each.partition("\n")[2]) for each in consoles]
    assert code == 0
    assert err.endswith("\n11 checks: none failed, no warnings.\n")


def test_what_keeps_policies_from_telling_somebody(installed: Installation) -> None:
    """A line for each policy and channel that tells nobody, snooze and difference."""
    alerting = installed.alerting
    good, pager, old = [each.name for each in alerting.notification_channels]
    status = monitoring_v3.NotificationChannel.VerificationStatus.UNVERIFIED
    alerting.notification_channels[1].verification_status = status
    alerting.notification_channels[2].enabled.value = False
    # The API may name a project by its number.
    alerting.notification_channels[0].name = good.replace("ops-prod", "1")
    alerting.alert_policies.remove(installed.policy("exporter-silent"))
    installed.policy("stream-missing").validity.message = "Unknown metric."
    installed.policy("stream-errors").enabled.value = False
    del installed.policy("stream-failed").notification_channels[:]
    installed.policy("stream-flapping").notification_channels.append(pager)
    installed.policy("stream-stalled").notification_channels[:] = [old, f"{old}0"]
    # What a route changes is not a difference.
    lagging = installed.promql("stream-lagging")
    lagging.query = lagging.query.replace("state{", 'state{namespace=~"shop-prod", ')
    installed.policy("stream-lagging").user_labels["route"] = "shop"
    lagging.duration.seconds = 1800
    installed.promql("stream-stuck").query += " > 1"
    severity = monitoring_v3.AlertPolicy.Severity.WARNING
    installed.policy("stream-stuck").severity = severity
    now = int(time.time())
    for name, ends in (("Migration", now + 600), ("Last week", now - 600)):
        snooze = monitoring_v3.Snooze.pb()(
            display_name=name,
            criteria={"policies": [installed.policy("stream-failed").name]},
            interval={"start_time": {"seconds": 1}, "end_time": {"seconds": ends}},
        )
        alerting.snoozes.append(snooze)
    code, out, _ = installed.verify()
    assert out == shown("policies")
    assert code == 1


def test_queries_that_google_refuses_or_answers_otherwise(
    installed: Installation,
) -> None:
    """Google's words, or both answers; a refusal keeps no other part."""
    installed.verify()  # Google's engine has its points from now on.
    seed(installed, "stream/problem", "stock", 106, 60)
    installed.promql("stream-stuck").query = "sum("
    for method in ("ListNotificationChannels", "ListSnoozes"):
        installed.emulator.add_fault(Fault(method=method, code="PERMISSION_DENIED"))
    code, out, _ = installed.verify()
    assert out == shown("queries")
    assert code == 1


def test_an_empty_project_and_no_permission(empty: Installation) -> None:
    """Each part is one line that says what to do."""
    assert empty.verify().out == shown("empty")
    empty.emulator.add_fault(Fault(method="List*", code="PERMISSION_DENIED"))
    code, out, _ = empty.verify()
    assert out == shown("denied")
    assert code == 1


def test_old_and_lost_points(empty: Installation) -> None:
    """A silent task, lost points, and locations that could not be read."""
    now = int(time.time())
    seed(empty, "exporter/last_run", "0", now - 20, 20)
    seed(empty, "exporter/points_lost", "0", 3, 20)
    seed(empty, "exporter/last_run", "1", now - 900, 900)
    seed(empty, "location/up", "datastream", 0, 20)
    seed(empty, "location/up", "us-east1/datastream", 1, 20)
    seed(empty, "location/up", "global/datastream", 1, 20)
    seed(empty, "location/up", "us-west1/datastream", 0, 900)
    _, out, _ = empty.verify()
    assert out.startswith(shown("points"))


def test_json_and_no_prometheus(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines as JSON; without Prometheus, only the comparison is left out."""
    installed.verify()  # Google's engine goes on without it.
    monkeypatch.setenv("PATH", "")
    code, out, _ = installed.verify("--json")
    assert code == 0, out
    (warning,) = [each for each in json.loads(out) if each["grade"] == "warning"]
    assert warning["part"] == "queries"
    assert warning["text"].startswith("Google's answers are not compared: prometheus")
    assert code == 0


def test_ctrl_c_ends_it(installed: Installation) -> None:
    """What was found is printed, and the exit code is 130."""

    def interrupted(_request: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return monitoring_v3.ListSnoozesResponse.pb()()

    installed.emulator.answer("ListSnoozes", interrupted)
    code, out, err = installed.verify()
    assert code == 130
    assert out.endswith("#data (slack) is told of 18\n")
    assert "Interrupted: not everything was verified." in err
