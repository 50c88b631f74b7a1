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
  mode        = "worker_pool"
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
    """One plan names all mistakes in the inputs, with what is allowed."""
    sentences = _MISTAKES[name]["sentences"]
    with pytest.raises(TerraformError) as caught:
        plan_module(**_MISTAKES[name]["inputs"])
    found = str(caught.value)
    assert [each for each in sentences if each not in found] == [], found
    assert found.count("checked by the validation rule") <= len(sentences), found


@pytest.mark.parametrize("name", _DOUBTS)
def test_what_is_probably_not_intended_warns(
    plan_module: PlanModule, name: str
) -> None:
    """A plan with valid settings of no or a bad effect says what that is."""
    doubt = _DOUBTS[name]
    warnings = plan_module(**doubt["inputs"]).warnings
    found = "\n".join(warnings)
    for sentence in doubt["sentences"]:
        assert sentence in found
    assert len(warnings) == len(doubt["sentences"])


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
    with pytest.raises(
        TerraformError, match=r"Rename busy\.yml, stream-failed\.yaml\."
    ):
        root.plan(**INPUTS, policy_directory="own")
    for number, (old, new) in enumerate(_POLICY_MISTAKES.items()):
        assert old in _POLICY
        root.write(f"own-{number}/busy.yaml", _POLICY.replace(old, new))
        with pytest.raises(TerraformError, match="datastream-lab list --policies own-"):
            root.plan(**INPUTS, policy_directory=f"own-{number}")
