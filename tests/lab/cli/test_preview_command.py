"""``datastream-lab preview``: the notifications of policies."""

import re

import pytest

from exporter.process import OK, USAGE
from tests.lab.conftest import Command


@pytest.mark.usefixtures("folder")
def test_every_policy_has_a_notification(command: Command) -> None:
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
def test_policies_can_be_chosen(command: Command) -> None:
    """A name is needed; a wrong one is an error with a suggestion."""
    assert command("preview").code == USAGE
    assert command("preview", "stream-missing").out.count(" · ") == 3
    code, out, err = command("preview", "stream-mising", "x")
    assert out == ""
    assert code == USAGE
    assert err.startswith(
        'error: "stream-mising" is not a policy; did you mean stream-missing?\n'
    )
