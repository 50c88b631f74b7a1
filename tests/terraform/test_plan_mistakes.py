"""Plan finds mistakes, by the rules made from the JSON Schema of config.yaml among others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from exporter.config import InputError, from_text
from exporter import documents
from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.plans import TerraformError
from tests.terraform.terraform_cli import REPOSITORY, RootModule
from tools import config_reference, config_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.terraform.conftest import CopyModule

_CASES = {
    path.name: path.read_text("utf-8")
    for path in sorted((REPOSITORY / "tests/exporter/config/cases").glob("*.yaml"))
}
_HEAD = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n"
_MESSAGES = {
    _HEAD + "expectatons: []": "config.yaml: expectatons is unknown. Allowed: metrics, sources,",
    "metrics: {project: orders-prod}\nsources: [{project: orders-prod, locations: europe-west1}]": (
        'config.yaml: sources[0].locations is "europe-west1", but must be a list with 1 item'
    ),
    "sources: [{}]": (
        "config.yaml: metrics is missing.\nconfig.yaml: sources[0].project is missing."
    ),
    _HEAD + "run: {deadline: 60}": (
        "config.yaml: run.deadline is 60, but must be a duration of the form ^[0-9]{1,9}[smh]$."
    ),
    _HEAD + "expectations: [{match: '*', states: [PAUSD]}]": (
        'config.yaml: expectations[0].states[0] is "PAUSD", but must be one of NOT_STARTED, RUNNING'
    ),
    _HEAD + "collect: {objects: 'yes'}\nrun: {concurrency: 0}": (
        'config.yaml: collect.objects is "yes", but must be true or false.\n'
        "config.yaml: run.concurrency is 0, but must be a whole number from 1 to 100."
    ),
    _HEAD + "collect:\nexpectations: ~": "",
}


def _mistakes(directory: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what Terraform finds in each text."""
    root = RootModule(directory, None)
    root.write("texts.json", json.dumps(texts))
    module = REPOSITORY / "terraform"
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


def _is_valid(text: str) -> bool:
    """Return whether the JSON Schema accepts a config; a key without a value counts as absent."""
    try:
        plain = documents.parse(text, "config.yaml").data
    except InputError:
        return False
    return jsonschema.Draft202012Validator(config_reference.json_schema()).is_valid(plain)


def test_terraform_and_the_schema_agree(tmp_path: Path) -> None:
    """Terraform finds mistakes exactly in the configs that the JSON Schema rejects."""
    mistakes = _mistakes(tmp_path, _CASES)
    for name, text in _CASES.items():
        assert (mistakes[name] == "") == _is_valid(text), (name, mistakes[name])


def test_terraform_rejects_no_config_that_the_exporter_reads(tmp_path: Path) -> None:
    """A config that the exporter reads has no mistake at plan."""
    good = {name: text for name, text in _CASES.items() if name.endswith(".ok.yaml")}
    for text in good.values():
        assert from_text(text, "config.yaml", {})
    assert set(_mistakes(tmp_path, good).values()) == {""}


def test_messages_name_the_path_and_what_is_allowed(tmp_path: Path) -> None:
    """Each message has the key's path, the value, and what it must be."""
    mistakes = _mistakes(tmp_path, {text: text for text in _MESSAGES})
    for text, message in _MESSAGES.items():
        assert mistakes[text].startswith(message), mistakes[text]
        assert (mistakes[text] == "") == (message == "")


def test_the_rules_cover_every_key() -> None:
    """Each key of the exporter's reference has a rule."""
    paths = {path.replace("[]", "") for path in config_rules.rules()}
    assert {f".{row.key}".replace("[]", "") for row in config_reference.key_descriptions()} <= paths


def test_every_mistake_in_a_policy_file_is_named(terraform: CopyModule) -> None:
    """The error has each file and field, and what is allowed."""
    root = terraform(MODULE)
    root.write(
        "own/busy.yaml",
        """\
displayName: Busy
severity: CRITCAL
combiner: OR
conditions:
  - displayName: Busy
    conditionPrometheusQueryLanguage: {query: sum(up > 5, duration: 1.5s}
documentation: {mimeType: text/markdown, subject: Busy}
""",
    )
    root.write("own/text.yaml", "Busy")
    with pytest.raises(TerraformError) as caught:
        root.plan(**INPUTS, policy_directory="own")
    condition = "busy.yaml: conditions[0].conditionPrometheusQueryLanguage"
    for line in (
        "busy.yaml: alertStrategy is missing.",
        "busy.yaml: documentation.content is missing.",
        'busy.yaml: severity is "CRITCAL", but must be CRITICAL, ERROR or WARNING.',
        f"{condition}.evaluationInterval is missing.",
        f'{condition}.duration is "1.5s", but must be whole seconds, such as "60s".',
        f'{condition}.query is "sum(up ',
        'text.yaml is "Busy", but must be a policy in the form of those in alerting_policies/.',
    ):
        assert line in str(caught.value)


def test_an_unknown_channel_shows_how_to_list_the_channels(terraform: CopyModule) -> None:
    """The error has the project, the name, and the command that lists the project's channels."""
    root = terraform(MODULE)
    channels = {"notification_channels": {"CRITICAL": ["Nobody"]}}
    root.write("terraform.tfvars.json", json.dumps({**INPUTS, **channels}))
    with pytest.raises(TerraformError) as caught:
        root.run("plan", "-no-color", "-input=false")
    assert 'named["orders-prod/Nobody"]' in str(caught.value)
    assert "gcloud beta monitoring channels list --project PROJECT" in str(caught.value)


def test_plan_warns_about_severities_that_notify_nobody(terraform: CopyModule) -> None:
    """The warning names the severities and the policies; with channels for all, there is none."""
    root = terraform(MODULE)
    assert not root.plan(**INPUTS).warnings
    channels = {**INPUTS["notification_channels"], "WARNING": []}
    (warning,) = root.plan(**{**INPUTS, "notification_channels": channels}).warnings
    assert "No notification channel for WARNING" in warning
    assert "stream-errors" in warning
    assert "stream-failed" not in warning


def test_an_account_may_be_created_in_the_same_apply(terraform: CopyModule) -> None:
    """Checks of an object wait for a value that is known only after apply."""
    root = terraform(MODULE)
    root = RootModule(root.directory.parent, root.provider)
    root.write("inputs.json", json.dumps(INPUTS))
    root.write(
        "main.tf",
        """\
resource "google_service_account" "own" {
  project    = "orders-prod"
  account_id = "exporter-own"
}

module "exporter" {
  source = "./terraform"

  config_yaml           = jsondecode(file("inputs.json")).config_yaml
  image                 = jsondecode(file("inputs.json")).image
  mode                  = "job"
  notification_channels = jsondecode(file("inputs.json")).notification_channels
  region                = "europe-west1"
  service_account       = { create = false, email = google_service_account.own.email }
}
""",
    )
    root.init()
    assert len(root.apply().of("google_service_account")) == 2
    assert root.plan().empty
