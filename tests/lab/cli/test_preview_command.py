"""``datastream-lab preview``: the policies, and their notifications."""

import re

import pytest

from exporter.process import OK
from tests.lab.conftest import POLICIES, command


def test_policies_are_listed_by_severity() -> None:
    """Every policy has a row of at most 100 columns: severity, retest window, title."""
    code, out, err = command("preview", "--policies", str(POLICIES))
    assert err == ""
    assert code == OK
    heading, *rows = [line.split() for line in out.splitlines()]
    assert " ".join(heading) == "POLICY SEVERITY RETEST FIRES FOR"
    assert max(map(len, out.splitlines())) <= 100
    by_name = {row[0]: row for row in rows}
    assert by_name.keys() == {path.stem for path in POLICIES.glob("*.yaml")}
    severities = [row[1] for row in rows]
    assert severities == sorted(severities)
    assert by_name["stream-missing"][1:4] == ["CRITICAL", "1m", "stream"]
    assert by_name["stream-changed"][1:3] == ["off", "log"]


@pytest.mark.usefixtures("folder")
def test_every_policy_has_a_notification() -> None:
    """Each policy has a heading, its subject, its text and its links."""
    names = ["exporter-losing-points", "stream-missing"]
    code, out, err = command("preview", *names)
    assert err == ""
    assert code == OK
    assert re.findall(r"^([\w-]+) · CRITICAL$", out, re.MULTILINE) == names
    assert "  Datastream stream orders-to-bigquery (europe-west1, shop-prod) is " in out
    assert "\n  [1] https://console.cloud.google.com/datastream/streams" in out
    assert " \n" not in out


@pytest.mark.usefixtures("folder")
def test_policies_can_be_chosen() -> None:
    """Only the named policies are shown; a wrong name has a suggestion."""
    assert command("preview", "stream-missing").out.count(" · ") == 3
    err = command("preview", "stream-mising", "x").refusal()
    assert err.startswith(
        'error: "stream-mising" is not a policy; did you mean stream-missing?\n'
    )
