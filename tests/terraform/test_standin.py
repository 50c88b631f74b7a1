"""The stand-in: Terraform's core plans and applies with it as with the real provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.terraform.answers import RefusedError
from tests.terraform.core import GOOGLE
from tests.terraform.world import Channel

if TYPE_CHECKING:
    from tests.terraform.conftest import Terraform
    from tests.terraform.standin import StandIn

_ACCOUNT = """
variable "id" { default = "exporter" }
variable "text" { default = "Reads streams." }
resource "google_service_account" "one" {
  project     = "orders-prod"
  account_id  = var.id
  description = var.text
}
output "member" { value = google_service_account.one.member }
"""
_AT = "google_service_account.one"
_CHANNEL = """
data "google_monitoring_notification_channel" "one" {
  project      = "orders-prod"
  display_name = "On-call"
}
output "name" { value = data.google_monitoring_notification_channel.one.name }
"""


def test_what_the_provider_fills_in_is_unknown_until_the_apply(
    terraform: Terraform, standin: StandIn
) -> None:
    """A plan leaves computed values open; the apply gives them, the same each time."""
    root = terraform(files={"main.tf": GOOGLE + _ACCOUNT})
    plan = root.plan()

    assert plan.changes[_AT].actions == ("create",)
    assert plan.changes[_AT].unknown == {"email": True, "member": True}
    assert plan.resources[_AT]["account_id"] == "exporter"
    assert plan.outputs == {}

    state = root.apply(plan)

    email = "exporter@orders-prod.iam.gserviceaccount.com"
    assert state.resources[_AT]["email"] == email
    assert state.outputs == {"member": f"serviceAccount:{email}"}
    (asked,) = standin.asked("ApplyResourceChange", "google_service_account")
    assert asked.config
    assert asked.config["email"] is None


@pytest.mark.usefixtures("standin")
def test_nothing_is_left_to_do_after_an_apply(terraform: Terraform) -> None:
    """A second plan is empty, and says so to a person as well."""
    root = terraform(files={"main.tf": GOOGLE + _ACCOUNT})
    root.apply()
    plan = root.plan()

    assert plan.empty
    assert plan.changes == {}
    assert "No changes." in plan.text


@pytest.mark.usefixtures("standin")
def test_a_change_is_made_in_place_where_it_can_be(terraform: Terraform) -> None:
    """A new text is an update that keeps all that was filled in."""
    root = terraform(files={"main.tf": GOOGLE + _ACCOUNT})
    root.apply()
    change = root.plan(text="Writes metrics.").changes[_AT]

    assert change.actions == ("update",)
    assert (change.before["description"], change.after["description"]) == (
        "Reads streams.",
        "Writes metrics.",
    )
    assert change.after["email"] == change.before["email"]
    assert change.unknown == {}


@pytest.mark.usefixtures("standin")
def test_another_value_of_some_arguments_means_another_resource(terraform: Terraform) -> None:
    """The plan says which argument forces the replacement; the apply makes the new one."""
    root = terraform(files={"main.tf": GOOGLE + _ACCOUNT})
    root.apply()
    plan = root.plan(id="other-exporter")

    assert plan.changes[_AT].actions == ("delete", "create")
    assert plan.changes[_AT].replaced_for == [["account_id"]]
    assert root.apply(plan).resources[_AT]["email"].startswith("other-exporter@")


@pytest.mark.usefixtures("standin")
def test_other_blocks_mean_another_resource_where_they_are_fixed(terraform: Terraform) -> None:
    """Labels of a metric descriptor are a block that is settled once."""
    descriptor = """
variable "labels" { default = ["stream_id"] }
resource "google_monitoring_metric_descriptor" "one" {
  project     = "orders-prod"
  type        = "custom.googleapis.com/datastream/stream/state"
  metric_kind = "GAUGE"
  value_type  = "INT64"
  dynamic "labels" {
    for_each = var.labels
    content { key = labels.value }
  }
}
"""
    root = terraform(files={"main.tf": GOOGLE + descriptor})
    root.apply()

    assert root.plan(labels=["stream_id"]).empty
    (change,) = root.plan(labels=["stream_id", "table"]).changes.values()
    assert change.replaced_for == [["labels"]]


@pytest.mark.usefixtures("standin")
def test_a_destroy_leaves_nothing(terraform: Terraform) -> None:
    """After a destroy the state is empty."""
    root = terraform(files={"main.tf": GOOGLE + _ACCOUNT})
    root.apply()
    plan = root.plan(destroy=True)

    assert plan.changes[_AT].actions == ("delete",)
    assert root.apply(plan).resources == {}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("account_name = 1", r'An argument named "account_name" is not expected here'),
        ("tags {}", r'Blocks of type "tags" are not expected here'),
        ("description = { a = 1 }", r"Inappropriate value for attribute .description.: string req"),
        ("email = 1", r"Value for unconfigurable attribute"),
        (
            "display_name = google_service_account.one.unique_name",
            r"no argument, nested block, or exported attribute named",
        ),
    ],
)
def test_what_the_schema_does_not_hold_is_refused(
    terraform: Terraform, line: str, sentence: str
) -> None:
    """Unknown arguments and blocks, wrong types and what can only be read are errors."""
    text = f'{GOOGLE}\nresource "google_service_account" "one" {{\n  account_id = "a"\n  {line}\n}}'
    root = terraform(files={"main.tf": text})

    with pytest.raises(RefusedError, match=sentence) as refused:
        root.validate()

    assert {(each.file, each.line) for each in refused.value.errors} == {("main.tf", 9)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('resource "google_service_account" "one" {}', r"The argument .account_id. is required"),
        (
            'resource "google_monitoring_alert_policy" "one" {\ncombiner = "OR"\n}',
            r"Insufficient conditions blocks: At least 1",
        ),
        ('resource "google_box" "one" {}', r"does not support resource type .google_box."),
    ],
)
def test_what_is_missing_is_refused(terraform: Terraform, text: str, sentence: str) -> None:
    """Arguments and blocks that must be there, and types that are not, are errors."""
    root = terraform(files={"main.tf": GOOGLE + text})

    with pytest.raises(RefusedError, match=sentence):
        root.validate()


def test_a_channel_is_found_by_its_name(terraform: Terraform, standin: StandIn) -> None:
    """Exactly one channel of that name in that project is an answer; none or two is an error."""
    root = terraform(files={"main.tf": GOOGLE + _CHANNEL})
    one, other = Channel("orders-prod", "On-call"), Channel("billing-prod", "On-call")

    standin.world.channels = [other]
    with pytest.raises(RefusedError, match='No NotificationChannel with display_name="On-call"'):
        root.plan()
    standin.world.channels = [one, other]
    assert root.plan().outputs == {"name": one.name}
    standin.world.channels = [one, one]
    with pytest.raises(RefusedError, match="More than one NotificationChannel"):
        root.plan()


def test_a_test_of_terraforms_own_runs_with_a_mocked_provider(
    terraform: Terraform, standin: StandIn
) -> None:
    """`terraform test` takes the schema from the stand-in and asks it for nothing else."""
    tests = """
mock_provider "google" {}

run "planned" {
  command = plan
  assert {
    condition     = google_service_account.one.account_id == var.id
    error_message = "The account is named otherwise."
  }
}

run "wrong" {
  command = plan
  assert {
    condition     = google_service_account.one.account_id == "another"
    error_message = "The account is not called another."
  }
}
"""
    files = {"main.tf": GOOGLE + _ACCOUNT, "tests/one.tftest.hcl": tests}
    told = terraform(files=files).test(id="reader-account")

    assert told.runs == {
        "tests/one.tftest.hcl: planned": "pass",
        "tests/one.tftest.hcl: wrong": "fail",
    }
    assert "The account is not called another." in told.failures
    assert standin.asked("PlanResourceChange") == []
