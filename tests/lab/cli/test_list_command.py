"""``datastream-lab list``: the policies at a glance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter.cli import OK
from tests.lab.conftest import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import Command


def test_policies_are_listed_by_severity(command: Command) -> None:
    """Every policy has a row: severity, source, retest window, channels and purpose."""
    code, out, err = command("list", "--policies", str(POLICIES))
    assert (code, err) == (OK, "")
    heading, *rows = [line.split() for line in out.splitlines()]
    assert " ".join(heading) == "POLICY SEVERITY SOURCE RETEST WINDOW CHANNELS FIRES FOR"
    assert sorted(row[0] for row in rows) == sorted(path.stem for path in POLICIES.glob("*.yaml"))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    by_name = {row[0]: row for row in rows}
    assert by_name["stream-failed"][1:5] == ["CRITICAL", "metrics", "1m", "none"]
    assert " ".join(by_name["stream-failed"][5:]) == "a stream in state FAILED (5)"
    assert by_name["stream-failed-permanently"][3] == "none"
    assert by_name["stream-changed"][1:5] == ["WARNING", "log", "-", "none"]
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_channels_and_disabled_policies_are_shown(command: Command, folder: Path) -> None:
    """A policy without a header is described by its display name."""
    policy = folder / "alerting_policies" / "stream-missing.yaml"
    _, key, text = policy.read_text().partition("displayName")
    channels = "[projects/p/notificationChannels/1, projects/p/notificationChannels/2]"
    policy.write_text(
        f"{key}{text}\nenabled: false\nnotificationChannels: {channels}\n",
    )
    code, out, _ = command("list")
    assert code == OK
    (row,) = [line.split() for line in out.splitlines() if line.startswith("stream-missing")]
    assert row[1:] == ["off", "metrics", "30s", "2", "Datastream:", "stream", "missing"]


@pytest.mark.usefixtures("folder")
def test_json_has_every_policy(command: Command) -> None:
    """--json prints each policy with its file."""
    code, out, err = command("list", "--json")
    assert (code, err) == (OK, "")
    policies = {each["name"]: each for each in json.loads(out)["policies"]}
    assert set(policies) == {"exporter-losing-points", "stream-changed", "stream-missing"}
    missing = policies["stream-missing"]
    assert missing.pop("fires_for").startswith("a stream that was there and is gone")
    assert missing == {
        "name": "stream-missing",
        "file": "alerting_policies/stream-missing.yaml",
        "display_name": "Datastream: stream missing",
        "severity": "CRITICAL",
        "enabled": True,
        "source": "metrics",
        "retest_window_seconds": 30,
        "threshold": None,
        "yields_to": None,
        "channels": [],
    }
    assert policies["stream-changed"]["retest_window_seconds"] is None
    assert policies["exporter-losing-points"]["threshold"] == "0"
