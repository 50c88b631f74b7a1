"""Terraform names mistakes in the inputs, each on the user's own line."""

import json
import re
from itertools import zip_longest
from typing import Any

import pytest

from tests.tables import beside
from tests.terraform.conftest import Called, CopyModule, PlanModule
from tests.terraform.module_inputs import CONFIG, INPUTS, MODULE, own_policy
from tests.terraform.terraform_cli import REPOSITORY, RootModule, TerraformError

_TABLE: dict[str, Any] = beside(__file__, "mistakes.yaml")
_AT_PLAN, _CONFIGS, _POLICY_FILES, _WARNINGS = (
    _TABLE.pop(each) for each in ("at plan", "config", "policy files", "warnings")
)
_VALID = {
    path.name: path.read_text("utf-8")
    .replace("my-project", "orders-prod")
    .replace("deadline: 1h", "deadline: 50s")  # an hour is for terminals
    for path in (REPOSITORY / "tests/exporter/config/cases").glob("*.ok.yaml")
}
_VALID["empty"] = f"{CONFIG}expectations: [{{match: '*', during: }}]\nmutes:\nrun:\n"


def _turns(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return the first mistake of each input, then the second of each, and so on."""
    turns = []
    for mistakes in zip_longest(*table.values()):
        pairs = zip(table, mistakes, strict=True)
        turns.append({name: mistake for name, mistake in pairs if mistake})
    return turns


@pytest.mark.parametrize(
    ("command", "turn"),
    [
        *(("validate", turn) for turn in _turns(_TABLE)),
        *(("plan", turn) for turn in _turns(_AT_PLAN)),
    ],
)
def test_each_mistake_is_said_once_on_its_line(
    called: Called, command: str, turn: dict[str, Any]
) -> None:
    """What a value alone shows is said by `validate`; a plan reads files, too."""
    root = called(**{name: value for name, (value, _) in turn.items()})
    with pytest.raises(TerraformError) as caught:
        getattr(root, command)()
    error = caught.value
    lines = (root.directory / "main.tf.json").read_text("utf-8").splitlines()
    found = {}
    for each in error.diagnostics:
        place = each["range"]
        assert place["filename"] == "main.tf.json", str(error)
        name = lines[place["start"]["line"] - 1].split('"')[1]
        assert name not in found, str(error)
        found[name] = " ".join(each["detail"].split())
    assert found.keys() == turn.keys(), str(error)
    for name, (_, sentence) in turn.items():
        assert sentence in found[name]


@pytest.mark.parametrize(("text", "sentence"), _CONFIGS)
def test_a_mistake_in_config_is_named(
    plan_module: PlanModule, text: str, sentence: str
) -> None:
    """A mistake in what Terraform needs of it is named, and config is not shown."""
    hidden = "\n# not shown"
    with pytest.raises(TerraformError) as caught:
        plan_module(config_yaml=text + hidden)
    assert sentence in str(caught.value)
    assert "not shown" not in str(caught.value.diagnostics)


def test_a_config_that_is_too_long_fails_before_anything_is_made(
    plan_module: PlanModule,
) -> None:
    """Cloud Run's limit counts bytes."""
    text = f"{INPUTS['config_yaml']}# {'ä' * 2**14}"
    with pytest.raises(TerraformError, match="config_yaml is longer than 32 KiB"):
        plan_module(config_yaml=text)


def test_terraform_takes_what_the_exporter_takes(module: RootModule) -> None:
    """Terraform accepts every valid config."""
    root = RootModule(module.directory.parent / "configs", module.provider)
    text = "${each.value}"
    call = {"source": "../terraform", "region": "europe-west1", "config_yaml": text}
    document = {"module": {"each": {**call, "for_each": _VALID}}}
    root.write("main.tf.json", json.dumps(document))
    root.init()
    root.plan()


def test_what_is_probably_not_intended_warns(plan_module: PlanModule) -> None:
    """A plan with valid settings of no or a bad effect says what that is."""
    plan = plan_module(**_WARNINGS["inputs"])
    checks = [each for each in plan.json["checks"] if each["status"] == "fail"]
    assert {each["address"]["name"] for each in checks} == _WARNINGS["checks"].keys()
    assert len(plan.warnings) == len(checks)
    for sentence in _WARNINGS["checks"].values():
        assert sentence in "".join(plan.warnings)


def test_mistakes_in_policy_files_are_named_at_once(terraform: CopyModule) -> None:
    """A plan names every wrong own file, and what each needs."""
    root = terraform(MODULE)
    policy = own_policy("up > (5)")
    root.write("own/fine.yaml", policy)
    files = {
        "busy.yml": (policy, "a name in .yaml"),
        "stream-failed.yaml": (policy, "a name that isn't ours"),
        "text.yaml": ("Busy", "a policy in YAML"),
    }
    for number, (old, new, need) in enumerate(_POLICY_FILES):
        assert old in policy
        files[f"busy-{number}.yaml"] = policy.replace(old, new, 1), need
    for name, (text, _) in files.items():
        root.write(f"own/{name}", text)
    with pytest.raises(TerraformError) as caught:
        root.plan(**INPUTS, policy_directory="own")
    said = dict(re.findall(r"(?m)^(\S+) needs (.+)$", str(caught.value)))
    assert said.keys() == files.keys()
    for name, (_, need) in files.items():
        assert need in said[name]
