"""Plan finds mistakes in every input, before anything is created, and says what is allowed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporter import documents
from exporter.config import Config, from_text
from exporter.documents import InputError
from tests.terraform.conftest import CopyModule
from tests.terraform.module_inputs import CHANNEL, CONFIG, INPUTS, MODULE, own_policy
from tests.terraform.terraform_cli import REPOSITORY, RootModule, TerraformError
from tools.config_reference import json_schema

_CASES = {
    path.name: path.read_text("utf-8")
    for path in sorted((REPOSITORY / "tests/exporter/config/cases").glob("*.yaml"))
}
_ELSEWHERE = CHANNEL.replace("orders-prod", "billing-prod")
_CHANNELS = INPUTS["notification_channels"]

_MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "values": (
        {
            "auto_close": "60s",
            "cpu": "0.5",
            "encryption_key": "projects/k/locations/l/keyRings/r/cryptoKeys/j/cryptoKeyVersions/1",
            "environment_variables": {"DATASTREAM_EXPORTER_CONFIG": "", "HTTPS-PROXY": ""},
            "image": "ghcr.io/me/datastream-exporter:latest",
            "labels": {"Team": "data", "policy": "mine"},
            "log_notification_channels": {"billing-prod": ["Billing team"]},
            "memory": "256Mi",
            "name": "datastream-exporter-of-the-data-platform",
            "notification_channels": {"CRITCAL": [_ELSEWHERE]},
            "region": "europe-west1-b",
            "renotify_intervals": {"warning": "3600.5s"},
            "slack_mentions": {"critical": "@oncall"},
            "task_count": 1.5,
            "watch_interval": "1m",
        },
        [
            'auto_close must be whole seconds from "1800s"',
            'cpu must be "1", "2"',
            "encryption_key must have the form",
            "environment_variables: DATASTREAM_EXPORTER_CONFIG is the text of config.yaml",
            "environment_variables: names may have",
            "image must have a digest",
            "image: Cloud Run doesn't pull images from ghcr.io",
            "labels: keys and values may have",
            "labels: the policies' own files use policy",
            "log_notification_channels is part of routes now",
            'memory must be at least "512Mi"',
            "name must have 6 to 24",
            "notification_channels: CRITCAL is unknown. Allowed: CRITICAL, ERROR, WARNING",
            "notification_channels: the policies are in orders-prod",
            'region must be a Cloud Run region such as "europe-west1"',
            "renotify_intervals: warning is unknown",
            "renotify_intervals must be whole seconds",
            "slack_mentions: critical is unknown",
            "slack_mentions: a mention must have the form",
            "task_count must be a whole number from 1 to 100",
            "watch_interval must be whole seconds",
        ],
    ),
    "objects": (
        {
            "binary_authorization": {"use_default": True, "policy": "p", "breakglass": "incident"},
            "build_service_account": {"create": False},
            "push_service_account": {"create": False, "email": "push"},
            "scheduler_service_account": {"create": False, "email": "serviceAccount:c@p.example"},
            "service_account": {"email": "own@orders-prod.example", "emial": ""},
            "scheduler_region": "us-est1",
            "slack_channel": {"channel_name": "alerts", "severites": [], "severities": ["HIGH"]},
            "slack_token": "https://hooks.slack.com/services/T/B/x",
            "vpc_access": {"connector": "c", "network": "n", "subnetwrk": "", "egress": "ALL"},
        },
        [
            "binary_authorization: breakglass is unknown",
            "binary_authorization: set either use_default = true or policy",
            "build_service_account: with create = false, email must be",
            "push_service_account: with create = false, email must be",
            "scheduler_service_account: with create = false, email must be",
            "service_account: emial is unknown. Allowed: create, email",
            "service_account: with create = false, email must be",
            'scheduler_region: this version knows no region "us-est1"',
            'slack_channel: channel_name is "alerts", but must be a channel with its #',
            "slack_channel: severites is unknown",
            'slack_channel: severities[0] is "HIGH"',
            "slack_channel needs slack_token",
            "vpc_access: subnetwrk is unknown",
            'vpc_access: egress is "ALL"',
            "vpc_access: set either connector, or network or subnetwork",
        ],
    ),
    "overrides": (
        {
            "policy_overrides": {
                "stream-faild": {"enabled": False},
                "stream-failed": {"severity": "P1", "threshold": 3, "duration": "90000s"},
                "stream-changed": {"duration": "60s"},
                "stream-lagging": {"treshold": 1, "threshold": 900.5},
                "stream-missing": {"duration": "5m", "runbook_url": "wiki.example.com"},
                "stream-stuck": False,
                "stream-errors": {"threshold": -1, "notification_channels": [_ELSEWHERE]},
            },
        },
        [
            "policy_overrides: no policy is called stream-faild. The policies are",
            'policy_overrides: stream-failed.severity is "P1", but must be CRITICAL, ERROR or',
            "stream-failed has no threshold. Policies with a threshold: ",
            'duration must be whole seconds from "0s" to "82800s"',
            "stream-changed alerts on single log entries and has no duration",
            "policy_overrides: stream-lagging.treshold is unknown. Allowed: enabled,",
            "policy_overrides: stream-lagging.threshold is 900.5, but must be a whole number",
            'policy_overrides: stream-missing.duration is "5m", but must be whole seconds',
            'stream-missing.runbook_url is "wiki.example.com", but must be an address that starts',
            "policy_overrides: stream-stuck is false, but must be an object",
            "policy_overrides: stream-errors.threshold is -1",
            "policy_overrides: they are in orders-prod, and a channel works only in its own",
        ],
    ),
    "routes": (
        {
            "routes": {
                "Shop": {"projects": ["shop-prod"], "project": "shop-prod"},
                "a": {"projects": ["billing-prod"], "notification_channels": _CHANNELS},
                "b": {
                    "projects": ["billing-prod"],
                    "notification_channels": {"CRITCAL": [], "ERROR": [_ELSEWHERE]},
                    "slack_mentions": {"CRITICAL": "@oncall"},
                },
                "c": {"projects": [], "log_notification_channels": {"orders-prod": [_ELSEWHERE]}},
            }
        },
        [
            "routes: a route's name must start with a letter",
            "routes: Shop.project is unknown",
            "routes has projects that config.yaml doesn't watch: shop-prod",
            "routes: a project may be in one route only. billing-prod is in a and b.",
            "routes: b.notification_channels.CRITCAL is unknown",
            "routes: b.notification_channels.WARNING is missing",
            "routes: notification_channels are for policies in orders-prod",
            "routes: a mention must have the form",
            "routes: c.projects is [], but must be a list of watched projects",
            "orders-prod isn't in the projects of c",
            "routes: log_notification_channels must be lists of channels. A channel works only",
        ],
    ),
    "another mode": (
        {
            "mode": "worker_pool",
            "build_repository": "tools",
            "log_triggers": True,
            "tags": {"tagKeys/1": "tagValues/2"},
            "task_count": 2,
        },
        [
            "build_repository must have the form",
            'build_repository needs mode = "function"',
            'log_triggers needs mode = "function"',
            'tags needs mode = "job"',
            'task_count needs mode = "job"',
        ],
    ),
    "regions": (
        {"image": None, "region": "us-east5"},
        ['mode = "job" needs image', "scheduler_region: Cloud Scheduler isn't known to be in us-e"],
    ),
    "unknown region": ({"region": "europe-west5"}, ['this version knows no region "europe-west5"']),
    "config": (
        {
            "mode": "hourly",
            "policy_directory": "examples",
            "config_yaml": f"""\
metrics: {{project: my-project}}
sources: [{{locations: europe-west1}}]
expectatons: []
expectations: [{{match: "*", states: [PAUSD]}}]
collect: {{objects: yes}}
run: {{deadline: 60}} #{"." * 2**15}
""",
        },
        [
            'mode must be "job"',
            "policy_directory has no .yaml file",
            "config.yaml: sources[0].project is missing",
            'config.yaml: sources[0].locations is "europe-west1", but must be a list with 1 item',
            "config.yaml: expectatons is unknown. Allowed: metrics, sources,",
            'expectations[0].states[0] is "PAUSD", but must be one of NOT_STARTED, RUNNING',
            "run.deadline is 60, but must be a duration of the form ^[0-9]{1,9}[smh]$",
            "must be true or false. The exporter reads yes, no, on and off as text",
            "config_yaml is longer than 32 KiB",
            'config.yaml still has the placeholder project "my-project"',
        ],
    ),
    "deadline of a job": (
        {"config_yaml": f"{CONFIG}run: {{deadline: 55s}}\n"},
        ["run.deadline is 55s, but a run is stopped after 55s"],
    ),
    "deadline of a function": (
        {"mode": "function", "config_yaml": f"{CONFIG}run: {{deadline: 51s}}\n"},
        ["run.deadline is 51s"],
    ),
    "retest window": (
        {"policy_overrides": {"stream-missing": {"duration": "7200s"}}},
        ["stream-missing has a retest window of 7200s and looks back 86400s"],
    ),
}
"""By name, inputs with mistakes and the beginning of each sentence about one."""

_QUERY = """up{job="(x"} > (5) # isn't ( closed"""
_POLICY = own_policy(_QUERY)
_CONDITION = "conditions[0].conditionPrometheusQueryLanguage"
_POLICY_MISTAKES = {
    ("severity: ERROR\n", ""): "severity is missing",
    ("ERROR", "CRITCAL"): 'severity is "CRITCAL", but must be CRITICAL, ERROR or WARNING',
    ("documentation: {", "other: {"): "documentation is missing",
    (", content: Something is busy.", ""): "documentation.content is missing",
    ("alertStrategy: {autoClose: 86400s}", ""): "alertStrategy is missing",
    ("      evaluationInterval: 30s\n", ""): f"{_CONDITION}.evaluationInterval is missing",
    ("60s", "1.5s"): f'{_CONDITION}.duration is "1.5s", but must be whole seconds, such as "60s"',
    (json.dumps(_QUERY), '" "'): f'{_CONDITION}.query is " ", but must be PromQL',
    ("> (5)", "> (5"): f"{_CONDITION}.query is",
    (r"(x\"", "(x"): f"{_CONDITION}.query is",
    ("documentation:", "  - {displayName: Idle}\ndocumentation:"): "conditions is [",
    (_POLICY, "Busy"): ' is "Busy", but must be a policy in the form of those in alerting_poli',
}
"""A change to the policy above, and what is said about it."""


def _config_mistakes(directory: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what Terraform finds in each text of config.yaml."""
    root = RootModule(directory, None)
    root.write("texts.json", json.dumps(texts))
    module = REPOSITORY / MODULE
    root.write(
        "main.tf",
        f"""\
output "mistakes" {{
  value = {{
    for name, text in jsondecode(file("texts.json")) :
    name => templatefile("{module}/mistakes.tftpl", {{
      name  = "config.yaml"
      rules = jsondecode(file("{module}/config_rules.json"))
      value = try(yamldecode(text), null)
    }})
  }}
}}
""",
    )
    root.init()
    return dict(root.plan().outputs["mistakes"])


def _schema_accepts(text: str) -> bool:
    """Return whether the JSON Schema accepts a config; a key without a value counts as absent."""
    try:
        document = documents.parse(text, "config.yaml")
    except InputError:
        return False
    # Reading leaves out the known keys without a value.
    document.read(Config)
    return jsonschema.Draft202012Validator(json_schema()).is_valid(document.data)


def test_terraform_and_the_schema_agree_on_config(tmp_path: Path) -> None:
    """Terraform rejects the configs that the JSON Schema rejects, and none that is read."""
    mistakes = _config_mistakes(tmp_path, _CASES)
    for name, text in _CASES.items():
        assert (mistakes[name] == "") == _schema_accepts(text), (name, mistakes[name])
        if name.endswith(".ok.yaml"):
            assert from_text(text, "config.yaml", {}).sources
            assert mistakes[name] == ""


@pytest.mark.parametrize("name", _MISTAKES)
def test_every_mistake_in_an_input_is_named(terraform: CopyModule, name: str) -> None:
    """One plan names all of them, with what is allowed, and nothing else."""
    inputs, sentences = _MISTAKES[name]
    with pytest.raises(TerraformError) as caught:
        terraform(MODULE).plan(**{**INPUTS, **inputs})
    found = str(caught.value)
    assert [each for each in sentences if each not in found] == [], found
    assert found.count("checked by the validation rule") <= len(sentences), found


def test_every_mistake_in_a_policy_file_is_named(terraform: CopyModule) -> None:
    """One plan names each file and field, and what is allowed."""
    root = terraform(MODULE)
    root.write("own/stream-failed.yaml", _POLICY)
    for number, (old, new) in enumerate(_POLICY_MISTAKES):
        assert old in _POLICY
        root.write(f"own/file-{number}.yaml", _POLICY.replace(old, new))
    with pytest.raises(TerraformError) as caught:
        root.plan(**INPUTS, policy_directory="own")
    found = str(caught.value)
    assert "same names as policies of this module: stream-failed.yaml" in found
    for number, sentence in enumerate(_POLICY_MISTAKES.values()):
        assert any(
            line.startswith(f"file-{number}.yaml") and sentence in line
            for line in found.splitlines()
        ), (sentence, found)


def test_an_unknown_channel_shows_how_to_list_the_channels(terraform: CopyModule) -> None:
    """The error has the project, the name, and the command that lists the project's channels."""
    root = terraform(MODULE)
    channels = {"notification_channels": {"CRITICAL": ["Nobody"]}}
    root.write("terraform.tfvars.json", json.dumps({**INPUTS, **channels}))
    with pytest.raises(TerraformError) as caught:
        root.run("plan", "-no-color", "-input=false")
    assert 'named["orders-prod/Nobody"]' in str(caught.value)
    assert "gcloud beta monitoring channels list --project PROJECT" in str(caught.value)
