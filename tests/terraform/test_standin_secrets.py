"""What the stand-in gets and gives that Terraform keeps nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.terraform.answers import RefusedError
from tests.terraform.core import GOOGLE

if TYPE_CHECKING:
    from tests.terraform.conftest import Terraform
    from tests.terraform.standin import StandIn

_ONE, _TWO = "xoxb-first", "xoxb-second"
_SLACK = """
variable "token" {
  type      = string
  ephemeral = true
  default   = null
}
variable "edition" { default = "1" }
resource "google_monitoring_notification_channel" "slack" {
  project      = "orders-prod"
  display_name = "Slack"
  type         = "slack"
  sensitive_labels {
    auth_token_wo         = var.token
    auth_token_wo_version = var.edition
  }
}
"""
_EPHEMERAL = """
ephemeral "google_secret_manager_secret_version" "token" {
  project = "orders-prod"
  secret  = "slack-token"
}
"""


def test_a_write_only_value_arrives_and_is_kept_nowhere(
    terraform: Terraform, standin: StandIn
) -> None:
    """It reaches the provider at the apply, and neither plan nor state nor a later plan."""
    root = terraform(files={"main.tf": GOOGLE + _SLACK})
    plan = root.plan(token=_ONE)
    root.apply(plan)

    assert _ONE not in plan.text
    assert _ONE not in root.written()
    assert "orders-prod" in root.written()
    (asked,) = standin.asked("ApplyResourceChange")
    assert asked.config
    assert asked.config["sensitive_labels"][0]["auth_token_wo"] == _ONE
    assert asked.planned
    assert asked.planned["sensitive_labels"][0]["auth_token_wo"] is None
    # Terraform cannot see that it is another one, unless it is told.
    assert root.plan(token=_TWO).empty
    assert not root.plan(token=_TWO, edition="2").empty


@pytest.mark.usefixtures("standin")
def test_a_write_only_value_is_asked_for_at_every_step(terraform: Terraform) -> None:
    """Plan and destroy are refused without it, as nothing has kept it."""
    root = terraform(files={"main.tf": GOOGLE + _SLACK})

    with pytest.raises(RefusedError, match="Invalid combination of arguments"):
        root.plan()
    root.apply(token=_ONE)
    with pytest.raises(RefusedError, match="Invalid combination of arguments"):
        root.destroy()
    assert root.destroy(token=_ONE).resources == {}


def test_a_secret_is_read_when_it_is_needed(terraform: Terraform, standin: StandIn) -> None:
    """An ephemeral resource gives the secret to plan and apply, and it is kept nowhere."""
    given = _SLACK.replace(
        "= var.token", "= ephemeral.google_secret_manager_secret_version.token.secret_data"
    )
    root = terraform(files={"main.tf": GOOGLE + _EPHEMERAL + given})

    with pytest.raises(RefusedError, match=r"404: Secret \[projects/orders-prod/secrets/slack-to"):
        root.plan()
    standin.world.secrets["projects/orders-prod/secrets/slack-token"] = _TWO
    root.apply()

    assert _TWO not in root.written()
    (asked,) = standin.asked("ApplyResourceChange")
    assert asked.config
    assert asked.config["sensitive_labels"][0]["auth_token_wo"] == _TWO
    opened = len(standin.asked("OpenEphemeralResource"))
    assert len(standin.asked("CloseEphemeralResource")) == opened - 1
