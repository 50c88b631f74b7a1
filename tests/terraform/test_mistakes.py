"""A plan finds mistakes in the inputs, and says what is allowed."""

import json
from typing import Any

import pytest

from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.module_inputs import CHANNEL, INPUTS, MODULE, own_policy
from tests.terraform.terraform_cli import REPOSITORY, RootModule, TerraformError
from tools.config_reference import json_schema

_OK = {
    path.name: path.read_text("utf-8").replace("my-project", "orders-prod")
    for path in sorted((REPOSITORY / "tests/exporter/config/cases").glob("*.ok.yaml"))
}
_ELSEWHERE = CHANNEL.replace("orders-prod", "billing-prod")

_VALUES: dict[str, tuple[Any, str]] = {
    "cpu": ("0.5", 'cpu must be "1", "2"'),
    "encryption_key": ("cryptoKeys/run", "encryption_key must have the form"),
    "image": (
        "ghcr.io/me/exporter:latest",
        "image must be in Artifact Registry or on Docker Hub",
    ),
    "labels": ({"Team": "data"}, "labels: keys and values may have"),
    "memory": ("256Mi", 'memory must be at least "512Mi"'),
    "name": ("datastream-exporter-of-the-data-platform", "name must have 6 to 24"),
    "region": (
        "europe-west1-b",
        'region must be a Cloud Run region such as "europe-west1"',
    ),
    "renotify_intervals": (
        {"WARNING": "3600.5s"},
        "renotify_intervals must be whole seconds",
    ),
    "slack_mentions": ({"CRITICAL": "@oncall"}, "slack_mentions must have the form"),
    "watch_interval": ("1m", "watch_interval must be whole seconds"),
}
"""By input, a wrong value and the beginning of the sentence about it."""

_MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "values": (
        {name: value for name, (value, _) in _VALUES.items()},
        [sentence for _, sentence in _VALUES.values()],
    ),
    "objects": (
        {
            "service_accounts": {
                "build": {"email": "build"},
                "push": {"email": "push@billing-prod.iam.gserviceaccount.com"},
            },
            "slack_channel": {"channel_name": "alerts", "severities": ["HIGH"]},
            "slack_token": "https://hooks.slack.com/services/T/B/x",
            "vpc_access": {"network": "n", "egress": "ALL"},
        },
        [
            (
                "service_accounts must have build, exporter, push or scheduler, each"
                " with an email"
            ),
            "service_accounts: scheduler and push must be accounts of orders-prod",
            "slack_channel: channel_name must be a channel with its #",
            "slack_channel needs slack_token",
            "vpc_access needs a network or a subnetwork; egress must be",
        ],
    ),
    "misspelled attributes": (
        {
            "policy_overrides": {"stream-lagging": {"treshold": 1800}},
            "routes": {"a": {"projects": ["billing-prod"], "notification_channel": {}}},
            "service_accounts": {"exportr": {"email": "a@b.example"}},
            "vpc_access": {"subnetwrk": "n"},
        },
        [
            (
                "policy_overrides: stream-lagging sets nothing. Allowed: duration,"
                " enabled,"
            ),
            "routes: a sets nothing. Allowed: projects, notification_channels,",
            "service_accounts must have build, exporter, push or scheduler",
            "vpc_access needs a network or a subnetwork; egress must be",
        ],
    ),
    "overrides": (
        {
            "policy_overrides": {
                "stream-faild": {"enabled": False},
                "stream-failed": {
                    "severity": "P1",
                    "threshold": 3,
                    "duration": "90000s",
                },
                "stream-changed": {"duration": "60s"},
                "stream-errors": {"threshold": -1, "duration": "90s"},
            },
        },
        [
            (
                'policy_overrides: stream-errors has duration = "90s", stream-failed'
                ' has duration = "90000s". A duration must be whole minutes,'
            ),
            "policy_overrides: no policy is called stream-faild. The policies are",
            "policy_overrides: severity must be CRITICAL, ERROR or WARNING",
            (
                "policy_overrides: a policy on single log entries"
                " (stream-activity-errors, stream-ch"
            ),
        ],
    ),
    "routes": (
        {
            "routes": {
                "Shop": {"projects": ["shop-prod"], "notification_channels": {}},
                "a": {"projects": ["billing-prod"], "notification_channels": {}},
                "b": {
                    "projects": ["billing-prod"],
                    "log_notification_channels": {"orders-prod": [CHANNEL]},
                },
            }
        },
        [
            "routes: a route's name must start with a letter",
            (
                "routes: each must have projects that config.yaml watches"
                " (billing-prod, orders-prod)"
            ),
            "routes: log_notification_channels may only have the route's own projects",
        ],
    ),
    "severities": (
        {
            "notification_channel_display_names": {"critical": ["On-call"]},
            "notification_channels": {"CRITCAL": []},
            "renotify_intervals": {"error": "3600s"},
            "routes": {
                "a": {
                    "projects": ["billing-prod"],
                    "notification_channels": {"INFO": []},
                }
            },
            "slack_mentions": {"WARN": "<!here>"},
        },
        [
            (
                "by severity: CRITCAL, INFO, WARN, critical, error is unknown. Allowed:"
                " CRITICAL, ERROR,"
            )
        ],
    ),
    "a policy's channel": (
        {
            "policy_overrides": {
                "stream-errors": {"notification_channels": [_ELSEWHERE]}
            }
        },
        ["must be full names, projects/orders-prod/notificationChannels/ID"],
    ),
    "a route's channel": (
        {
            "routes": {
                "a": {
                    "projects": ["billing-prod"],
                    "notification_channels": {"ERROR": ["Slack"]},
                }
            }
        },
        ["notification_channels, also in policy_overrides and routes, must be full n"],
    ),
    "a route's mention": (
        {
            "routes": {
                "a": {
                    "projects": ["billing-prod"],
                    "slack_mentions": {"ERROR": "@oncall"},
                }
            }
        },
        ["slack_mentions must have the form"],
    ),
    "another mode": (
        {
            "mode": "worker_pool",
            "log_triggers": True,
            "task_count": 2,
        },
        ['log_triggers needs mode = "function"'],
    ),
    "config": (
        {
            "policy_directory": "examples",
            "project_id": "12345",
            "config_yaml": """\
metrics: {project: Orders}
sources: [{project: orders-prod, locations: [global]}]
expectatons: []
expectations: [{match: "*", states: [PAUSED], during: {timezone: CET}}]
# \
"""
            + "ä" * 2**14,
        },
        [
            "policy_directory has no .yaml file",
            "project_id must be a project's id",
            "config.yaml: expectatons is unknown. Allowed: metrics, sources,",
            (
                "config.yaml: metrics.project, and the project of one source or more,"
                " must be"
            ),
            "config.yaml: locations must be regions",
            "config_yaml is longer than 32 KiB",
        ],
    ),
    "a file's name instead of its text": (
        {"config_yaml": "config.yaml"},
        ["config_yaml takes the file's text", "config.yaml: metrics.project, and the"],
    ),
    "mode": ({"mode": "hourly"}, ['mode must be "function"']),
    "no image": ({"image": None}, ['mode = "job" needs image']),
    "half a task": (
        {"task_count": 1.5},
        ["task_count must be a whole number from 1 to 100"],
    ),
    "the placeholder": (
        {
            "config_yaml": (
                "metrics: {project: my-project}\nsources: [{project: my-project}]"
            )
        },
        [
            (
                "config.yaml: metrics.project, and the project of one source or more,"
                " must be"
            )
        ],
    ),
    "retest window": (
        {
            "policy_overrides": {
                "stream-missing": {"duration": "7200s"},
                "stream-stalled": {"duration": "3060s"},
            }
        },
        [
            "stream-missing has a retest window of 7200s and looks back 86400s",
            "stream-stalled has a retest window of 3060s and looks back 87000s, offset",
        ],
    ),
}
"""By name, inputs with mistakes and the beginning of each sentence about one."""

_POLICY = own_policy("up > (5)")
_POLICY_MISTAKES = {
    "severity: ERROR\n": "",
    "ERROR": "CRITCAL",
    ", content: Something is busy.": "",
    "alertStrategy: {autoClose: 86400s}": "",
    "      evaluationInterval: 30s\n": "",
    "60s": "90s",
    "documentation:": "  - {displayName: Idle}\ndocumentation:",
    _POLICY: "Busy",
}
"""Changes to the policy above that make it one that the module can't read."""


def test_terraform_takes_what_the_exporter_takes(terraform: CopyModule) -> None:
    """Terraform accepts every valid config, and knows the same keys."""
    module = terraform(MODULE)
    root = RootModule(module.directory.parent, module.provider)
    root.write("texts.json", json.dumps(_OK))
    root.write(
        "main.tf",
        """\
module "each" {
  for_each = jsondecode(file("texts.json"))
  source   = "./terraform"

  config_yaml = each.value
  image       = "docker.io/x@sha256:${sha256("x")}"
  mode        = "worker_pool"
  region      = "europe-west1"
}
""",
    )
    root.init()
    assert root.plan().resources
    keys = json.dumps(list(json_schema()["properties"]))
    assert keys in (REPOSITORY / MODULE / "config.tf").read_text("utf-8")


@pytest.mark.parametrize("name", _MISTAKES)
def test_every_mistake_in_an_input_is_named(plan_module: PlanModule, name: str) -> None:
    """One plan names all mistakes in the inputs, with what is allowed."""
    inputs, sentences = _MISTAKES[name]
    with pytest.raises(TerraformError) as caught:
        plan_module(**inputs)
    found = str(caught.value)
    assert [each for each in sentences if each not in found] == [], found
    assert found.count("checked by the validation rule") <= len(sentences), found


def test_a_mistake_in_a_policy_file_is_found(terraform: CopyModule) -> None:
    """A mistake in a policy file fails the plan, which says how to find it."""
    root = terraform(MODULE)
    root.write("own/stream-failed.yaml", _POLICY)
    with pytest.raises(
        TerraformError, match=r"same names as policies .*: stream-failed\.yaml"
    ):
        root.plan(**INPUTS, policy_directory="own")
    for number, (old, new) in enumerate(_POLICY_MISTAKES.items()):
        assert old in _POLICY
        root.write(f"own-{number}/busy.yaml", _POLICY.replace(old, new))
        with pytest.raises(TerraformError, match="datastream-lab list --policies own-"):
            root.plan(**INPUTS, policy_directory=f"own-{number}")


def test_an_unknown_channel_shows_how_to_list_the_channels(
    terraform: CopyModule,
) -> None:
    """An unknown channel's error has its name, and the command that lists all."""
    root = terraform(MODULE)
    channels = {"notification_channel_display_names": {"CRITICAL": ["Nobody"]}}
    root.write("terraform.tfvars.json", json.dumps({**INPUTS, **channels}))
    with pytest.raises(TerraformError) as caught:
        root.run("plan", "-no-color", "-input=false")
    assert 'named["Nobody"]' in str(caught.value)
    assert "gcloud beta monitoring channels list --project PROJECT" in str(caught.value)
