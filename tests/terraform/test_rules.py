"""What the stand-in refuses, or gives back in another form, as the provider and Google do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform import forms
from tests.terraform.answers import RefusedError
from tests.terraform.core import GOOGLE
from tests.terraform.world import Channel

if TYPE_CHECKING:
    from tests.terraform.conftest import Terraform
    from tests.terraform.standin import StandIn

_POLICY = """
variable "interval" { default = "30s" }
variable "duration" { default = "60s" }
variable "close" { default = "1800s" }
variable "validated" { default = false }
variable "conditions" { default = ["one"] }
resource "google_monitoring_alert_policy" "one" {
  project      = "orders-prod"
  display_name = "A policy"
  combiner     = "OR"
  dynamic "conditions" {
    for_each = var.conditions
    content {
      display_name = conditions.value
      condition_prometheus_query_language {
        query                     = "up == 0"
        duration                  = var.duration
        evaluation_interval       = var.interval
        disable_metric_validation = !var.validated
      }
    }
  }
  alert_strategy { auto_close = var.close }
}
"""
_JOB = """
variable "image" { default = "europe-west1-docker.pkg.dev/orders-prod/tools/exporter" }
variable "memory" { default = "512Mi" }
variable "protected" { default = false }
resource "google_cloud_run_v2_job" "one" {
  project             = "orders-prod"
  location            = "europe-west1"
  name                = "exporter"
  deletion_protection = var.protected
  template {
    template {
      containers {
        image = var.image
        resources { limits = { cpu = "1", memory = var.memory } }
      }
    }
  }
}
"""
_DASHBOARD = """
variable "dashboard" {}
resource "google_monitoring_dashboard" "one" {
  project        = "orders-prod"
  dashboard_json = var.dashboard
}
"""
_TILE = {"width": 24, "height": 8, "widget": {"title": "A", "text": {"content": "b"}}}


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (_POLICY, {"duration": "1m"}, '"1m" is no duration'),
        (_POLICY, {"close": "30"}, '"30" is no duration'),
        (_POLICY, {"validated": True}, "404: Cannot find the metrics"),
        (_POLICY, {"conditions": ["a", "b"]}, "can only have a single condition"),
        (_JOB, {"image": "ghcr.io/somebody/exporter"}, "Cloud Run takes no image from ghcr.io"),
        (_JOB, {"memory": "256Mi"}, "Memory of 256Mi: a job has 512Mi at least"),
        (_JOB, {"memory": "0.25G"}, "Memory of 0.25G"),
        (_DASHBOARD, {"dashboard": '{"displayName": "A", "gird": {}}'}, 'no field named "gird"'),
    ],
)
def test_google_refuses_at_the_apply(
    terraform: Terraform, text: str, given: dict[str, Any], sentence: str
) -> None:
    """What no schema tells is refused when it is to be made, and nothing is made then."""
    root = terraform(files={"main.tf": GOOGLE + text})
    plan = root.plan(**given)

    with pytest.raises(RefusedError, match=sentence):
        root.apply(plan)

    assert root.state().resources == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"google_service_account" "one" { account_id = "short" }', r'"account_id" \("short"\)'),
        (
            """"google_project_iam_custom_role" "one" {
              role_id     = "a-b"
              title       = "A"
              permissions = []
            }""",
            r'"role_id" \("a-b"\)',
        ),
        ('"google_monitoring_dashboard" "one" { dashboard_json = "{" }', "invalid JSON"),
        (
            '"google_service_account" "one" {\naccount_id = "exporter"\nmember = "me"\n}',
            'Can\'t configure a value for "member"',
        ),
    ],
)
def test_the_provider_refuses_before_any_plan(
    terraform: Terraform, text: str, sentence: str
) -> None:
    """What the provider's own code checks is an error of `terraform validate` already."""
    root = terraform(files={"main.tf": f"{GOOGLE}resource {text}"})

    with pytest.raises(RefusedError, match=sentence):
        root.validate()


@pytest.mark.usefixtures("standin")
def test_what_is_protected_is_not_deleted(terraform: Terraform) -> None:
    """A job goes only after an apply that takes its protection away."""
    root = terraform(files={"main.tf": GOOGLE + _JOB})
    root.apply(protected=True)

    with pytest.raises(RefusedError, match="without setting deletion_protection=false"):
        root.destroy(protected=False)
    root.apply(protected=False)

    assert root.destroy(protected=False).resources == {}


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("given", "ended"),
    [
        ({}, True),
        ({"duration": "60.0s"}, False),
        ({"interval": None}, False),
        ({"close": None}, False),
    ],
)
def test_some_policies_never_come_to_rest(
    terraform: Terraform, given: dict[str, Any], *, ended: bool
) -> None:
    """What Google writes otherwise, or leaves away, is a difference in every plan."""
    root = terraform(files={"main.tf": GOOGLE + _POLICY})
    root.apply(**given)

    assert root.plan(**given).empty is ended


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    ("layout", "ended"),
    [
        ({"mosaicLayout": {"columns": 48, "tiles": [{**_TILE, "xPos": 24}]}}, True),
        ({"mosaicLayout": {"columns": 48, "tiles": [{**_TILE, "xPos": 0}]}}, False),
        ({"gridLayout": {"columns": "2"}}, True),
        ({"gridLayout": {"columns": 2}}, False),
        ({"labels": {}, "gridLayout": {"columns": "2"}}, False),
    ],
)
def test_some_dashboards_never_come_to_rest(
    terraform: Terraform, layout: dict[str, Any], *, ended: bool
) -> None:
    """Google's own form of the JSON is compared, by the keys that were given."""
    text = json.dumps({"displayName": "Fleet", **layout})
    root = terraform(files={"main.tf": GOOGLE + _DASHBOARD})
    made = root.apply(dashboard=text).resources["google_monitoring_dashboard.one"]

    assert json.loads(made["dashboard_json"])["etag"]
    assert root.plan(dashboard=text).empty is ended


def test_a_schedule_comes_back_with_what_google_puts_in() -> None:
    """The method is filled in, and a retry_config that says nothing more is never sent."""
    given = {
        "http_target": [{"uri": "https://run.googleapis.com", "http_method": None}],
        "retry_config": [{"retry_count": 0, "max_doublings": None}],
    }

    assert forms.stored("google_cloud_scheduler_job", given) == {
        "http_target": [{"uri": "https://run.googleapis.com", "http_method": "POST"}],
        "retry_config": [],
    }
    kept = {"http_target": [], "retry_config": [{"retry_count": 1}]}
    assert forms.stored("google_cloud_scheduler_job", kept) == kept


def test_an_api_that_is_off_makes_nothing(terraform: Terraform, standin: StandIn) -> None:
    """What needs an API is refused while it is off; a resource that enables it comes first."""
    service = """
resource "google_project_service" "iam" {
  project = "orders-prod"
  service = "iam.googleapis.com"
}
"""
    account = """
resource "google_service_account" "one" {
  project    = "orders-prod"
  account_id = "exporter"
  # waits
}
"""
    standin.world.disabled = {"orders-prod/iam.googleapis.com"}
    root = terraform(files={"main.tf": GOOGLE + account})

    with pytest.raises(RefusedError, match=r"iam.googleapis.com has not been used in project"):
        root.apply()
    waits = account.replace("# waits", "depends_on = [google_project_service.iam]")
    root.write("main.tf", GOOGLE + service + waits)

    assert len(root.apply().resources) == 2
    assert standin.world.disabled == set()


def test_an_api_that_is_off_reads_nothing(terraform: Terraform, standin: StandIn) -> None:
    """A data source is read at the plan, before anything could switch its API on."""
    lookup = """
data "google_monitoring_notification_channel" "one" {
  project      = "orders-prod"
  display_name = "On-call"
}
"""
    standin.world.channels = [Channel("orders-prod", "On-call")]
    standin.world.disabled = {"orders-prod/monitoring.googleapis.com"}
    root = terraform(files={"main.tf": GOOGLE + lookup})

    with pytest.raises(RefusedError, match=r"monitoring.googleapis.com has not been used"):
        root.plan()
