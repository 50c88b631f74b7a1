"""``datastream-lab preview``: notifications of policies and of a scenario's incidents."""

import re
from dataclasses import replace
from importlib import import_module

import pytest

from exporter.cli import OK, USAGE
from tests.lab.conftest import POLICIES, Command, Played


@pytest.mark.usefixtures("folder")
def test_every_policy_has_a_notification(command: Command) -> None:
    """Each has its name and severity, its subject, its links, and how it reads without labels."""
    code, out, err = command("preview")
    assert (code, err) == (OK, "")
    assert re.findall(r"^[\w-]+ · [A-Z]+$", out, re.MULTILINE) == [
        "exporter-losing-points · ERROR",
        "stream-changed · WARNING",
        "stream-missing · CRITICAL",
    ]
    assert "  Datastream stream orders-to-bigquery (europe-west1, shop-prod) is missing " in out
    assert "  Datastream stream null (null, null) is missing " in out
    assert "\n  [1] https://console.cloud.google.com/datastream/streams" in out


@pytest.mark.usefixtures("folder")
def test_policies_can_be_chosen(command: Command) -> None:
    """A policy that doesn't exist is an error with a suggestion."""
    assert command("preview", "stream-missing").out.count(" · ") == 3
    code, out, err = command("preview", "stream-mising", "x")
    assert (code, out) == (USAGE, "")
    assert err.startswith('error: "stream-mising" is not a policy; did you mean stream-missing?\n')


def test_a_scenario_s_incidents_are_shown(
    command: Command, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each policy that alerts is shown with its first incident, and how many are like it.

    The log names a value that could be read as markup; the preview shows it as text.
    """
    result = played("deleted")
    monkeypatch.setattr(import_module("lab.cli.preview"), "play_all", lambda *_: [result])
    argv = ("preview", "--policies", str(POLICIES), "--scenario", "deleted")
    code, out, err = command(*argv)
    assert (code, err) == (OK, "")
    assert re.findall(r"^([\w-]+) · ", out, re.MULTILINE) == ["stream-changed", "stream-missing"]
    assert " · opens 10m1s after the start of deleted\n" in out
    assert "  Datastream stream orders (europe-west1, shop-prod) is missing " in out
    assert "  Datastream stream null (null, null) is missing " in out
    assert "  1 more notification like this one: scratch-1 " in out
    code, out, err = command(*argv, "exporter-losing-points")
    assert (code, out, err) == (OK, "", "deleted opens no incident of these policies.\n")
    result = replace(
        result,
        incidents=tuple(
            replace(each, labels={**each.labels, "who": "<!here>"}) for each in result.incidents
        ),
    )
    code, out, err = command(*argv, "stream-changed")
    assert "<!here> did" in out
    assert err == (
        'warning: stream-changed: Cloud Monitoring or Slack could read "<!here>", the value of '
        "log.extracted_label.who, as markup.\n"
    )
