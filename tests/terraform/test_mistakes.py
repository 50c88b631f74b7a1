"""A plan finds mistakes in the inputs, and says what is allowed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.module_inputs import INPUTS, MODULE, own_policy
from tests.terraform.terraform_cli import REPOSITORY, RootModule, TerraformError
from tools.config_reference import json_schema

_OK = {
    path.name: path.read_text("utf-8").replace("my-project", "orders-prod")
    for path in sorted((REPOSITORY / "tests/exporter/config/cases").glob("*.ok.yaml"))
}
_MISTAKES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("mistakes.yaml").read_text("utf-8")
)
_DOUBTS = _MISTAKES.pop("doubts")
_MISTAKES["config"]["inputs"]["config_yaml"] += "ä" * 2**14

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
  mode        = "job"
  region      = "europe-west1"
}
""",
    )
    root.init()
    assert root.plan().resources
    keys = json.dumps(list(json_schema()["properties"]))
    assert keys in (REPOSITORY / MODULE / "config/main.tf").read_text("utf-8")


@pytest.mark.parametrize("name", _MISTAKES)
def test_every_mistake_in_an_input_is_named(plan_module: PlanModule, name: str) -> None:
    """One plan names all mistakes in the inputs, each once, with what is allowed."""
    with pytest.raises(TerraformError) as caught:
        plan_module(**_MISTAKES[name]["inputs"])
    _check_sentences(str(caught.value), _MISTAKES[name]["sentences"])


@pytest.mark.parametrize("name", _DOUBTS)
def test_what_is_probably_not_intended_warns(
    plan_module: PlanModule, name: str
) -> None:
    """A plan with valid settings of no or a bad effect says what that is."""
    warnings = plan_module(**_DOUBTS[name]["inputs"]).warnings
    _check_sentences("\n".join(warnings), _DOUBTS[name]["sentences"])


def _check_sentences(text: str, sentences: list[str]) -> None:
    """Check that each line of a text is one of these sentences, and each is there."""
    found = [line for line in text.splitlines() if line]
    for sentence in sentences:
        assert [line for line in found if sentence in line], (sentence, text)
    assert len(found) == len(sentences), text


def test_a_mistake_in_config_does_not_print_the_config(terraform: CopyModule) -> None:
    """Few lines surround the sentence about a mistake, however long config is."""
    root = terraform(MODULE)
    text = f"metrics: {{project: Orders}}\nsources: []\nmute: []\n#{'x' * 40_000}"
    inputs = INPUTS | {"config_yaml": text}
    root.write("terraform.tfvars.json", json.dumps(inputs))
    with pytest.raises(TerraformError, match=": mute is unknown") as caught:
        root.run("plan", "-no-color", "-input=false")
    assert len(str(caught.value)) < 3000


def test_a_mistake_in_a_policy_file_is_found(terraform: CopyModule) -> None:
    """A mistake in a policy file fails the plan, which says how to find it."""
    root = terraform(MODULE)
    root.write("own/stream-failed.yaml", _POLICY)
    root.write("own/busy.yml", _POLICY)
    with pytest.raises(TerraformError) as caught:
        root.plan(**INPUTS, policy_directory="own")
    _check_sentences(str(caught.value), ["busy.yml must", "stream-failed.yaml must"])
    sentences = []
    for number, (old, new) in enumerate(_POLICY_MISTAKES.items()):
        assert old in _POLICY
        root.write(f"wrong/busy-{number}.yaml", _POLICY.replace(old, new))
        sentences.append(f"busy-{number}.yaml must be in the form of")
    with pytest.raises(TerraformError) as caught:
        root.plan(**INPUTS, policy_directory="wrong")
    _check_sentences(str(caught.value), sentences)
    assert "`datastream-lab list --policies wrong` names each" in str(caught.value)


def test_an_own_policy_without_effect_warns(terraform: CopyModule) -> None:
    """A plan says which own policies, or parts of them, don't do anything."""
    root = terraform(MODULE)
    root.write("own/below/busy.yaml", _POLICY)
    root.write("own/off.yaml", f"enabled: false\n{_POLICY}")
    root.write("own/busy.yaml", own_policy("custom_googleapis_com:datastream_stat > 5"))
    sentences = [
        "policy_directory: below/busy.yaml is in a folder below",
        "policy_directory: off.yaml has enabled: false",
        "policy_directory: busy.yaml has no (5) in its query",
        "policy_directory: busy.yaml reads stat, which",
    ]
    warnings = root.plan(**INPUTS, policy_directory="own").warnings
    _check_sentences("\n".join(warnings), sentences)
