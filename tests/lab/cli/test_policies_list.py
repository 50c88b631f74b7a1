"""``policies list``: the policies at a glance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exporter.cli.exit_codes import OK
from tests.lab.cli.conftest import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cli.conftest import Command


def test_the_severest_stand_first(command: Command) -> None:
    """Every policy has a row: how severe, what tells it, for how long, whom it names, and what."""
    code, out, err = command("list", "--policies", str(POLICIES))
    assert (code, err) == (OK, "")
    heading, *rows = [line.split() for line in out.splitlines()]
    assert heading == ["POLICY", "SEVERITY", "TOLD", "BY", "HOLD", "CHANNELS", "PAGES", "FOR"]
    assert sorted(row[0] for row in rows) == sorted(path.stem for path in POLICIES.glob("*.yaml"))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    by_name = {row[0]: row for row in rows}
    assert by_name["stream-failed"][1:5] == ["CRITICAL", "metrics", "1m", "none"]
    assert " ".join(by_name["stream-failed"][5:]) == "a stream in state FAILED (5)"
    assert by_name["stream-failed-permanently"][3] == "none"
    assert by_name["stream-changed"][1:5] == ["WARNING", "log", "-", "none"]
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_a_file_may_name_channels_and_be_off(command: Command, folder: Path) -> None:
    """What a user wrote in a file shows; what it does not say is told by its title."""
    policy = folder / "alerting_policies" / "stream-missing.yaml"
    text = policy.read_text().partition("displayName")
    channels = "[projects/p/notificationChannels/1, projects/p/notificationChannels/2]"
    policy.write_text(
        f"{text[1]}{text[2]}\nenabled: false\nnotificationChannels: {channels}\n",
    )
    code, out, _ = command("list")
    assert code == OK
    (row,) = [line.split() for line in out.splitlines() if line.startswith("stream-missing")]
    assert row[1:] == ["off", "metrics", "30s", "2", "Datastream:", "stream", "missing"]


def test_as_data_it_is_complete(command: Command, folder: Path) -> None:
    """--json holds each policy with its file, as a script needs it."""
    assert folder.exists()
    code, out, err = command("list", "--json")
    assert (code, err) == (OK, "")
    policies = {each["name"]: each for each in json.loads(out)["policies"]}
    assert set(policies) == {"exporter-losing-points", "stream-changed", "stream-missing"}
    missing = policies["stream-missing"]
    assert missing.pop("pages_for").startswith("a stream that was there and is gone")
    assert missing == {
        "name": "stream-missing",
        "file": "alerting_policies/stream-missing.yaml",
        "display_name": "Datastream: stream missing",
        "severity": "CRITICAL",
        "enabled": True,
        "told_by": "metrics",
        "hold_seconds": 30,
        "threshold": None,
        "yields_to": None,
        "channels": [],
    }
    assert policies["stream-changed"]["hold_seconds"] is None
    assert policies["exporter-losing-points"]["threshold"] == "0"
