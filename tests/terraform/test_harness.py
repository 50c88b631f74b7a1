"""The harness: what it gives to Terraform, what it takes from it, and where nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terraform.answers import RefusedError
from tests.terraform.core import REPOSITORY, misformatted
from tests.terraform.modules import GIVEN, MODULE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.terraform.conftest import Planned, Terraform

_ECHO = """
variable "word" {
  type      = string
  ephemeral = true
}
variable "shape" {
  type = object({ size = number, tags = optional(list(string), []) })
}
resource "terraform_data" "one" { input = var.shape }
output "size" { value = terraform_data.one.output.size }
check "small" {
  assert {
    condition     = var.shape.size < 3
    error_message = "That is big."
  }
}
"""


@pytest.mark.usefixtures("standin")
def test_variables_of_every_kind_are_given(terraform: Terraform) -> None:
    """Structured and ephemeral variables reach the plan, and the apply of it."""
    root = terraform(files={"main.tf": _ECHO})
    plan = root.plan(word="${once}", shape={"size": 1.5, "tags": ['"quoted" ${text}']})

    assert plan.resources["terraform_data.one"]["input"]["tags"] == ['"quoted" ${text}']
    assert root.apply(plan).outputs == {"size": 1.5}


def test_a_variable_that_does_not_exist_is_refused(terraform: Terraform) -> None:
    """A test that misspells a variable fails, where Terraform would warn."""
    root = terraform(files={"main.tf": _ECHO})

    with pytest.raises(RefusedError, match='does not declare a variable named "shap"'):
        root.plan(word="once", shape={"size": 1}, shap={"size": 2})


def test_warnings_are_told(terraform: Terraform) -> None:
    """What a check block finds does not end a plan, and is there to look at."""
    plan = terraform(files={"main.tf": _ECHO}).plan(word="once", shape={"size": 5})

    assert [each.detail for each in plan.warnings] == ["That is big."]


@pytest.mark.usefixtures("standin")
def test_no_other_provider_is_fetched(terraform: Terraform) -> None:
    """A provider that is not there is an error, and nobody is asked for it."""
    with pytest.raises(RefusedError, match="hashicorp/random"):
        terraform(files={"main.tf": 'resource "random_pet" "one" {}'})


def test_a_file_that_is_no_terraform_is_told_with_its_line(terraform: Terraform) -> None:
    """A mistake in the text names file and line."""
    with pytest.raises(RefusedError, match=r"main\.tf:2"):
        terraform(files={"main.tf": 'locals {\n  a = "\n}'})


def test_the_project_is_copied(terraform: Terraform) -> None:
    """Terraform runs in a copy, whatever form the path has, and leaves the project as it was."""
    for path in (MODULE, str(REPOSITORY / MODULE)):
        root = terraform(path)
        assert REPOSITORY not in root.directory.parents
        assert (root.directory / "versions.tf").exists()
        assert (root.directory.parent / "alerting_policies").is_dir()


def test_a_plan_is_made_once(planned: Planned) -> None:
    """Tests that want the same plan of the project share it; with other inputs it is another."""
    plan = planned(MODULE, **GIVEN)

    assert planned(MODULE, **GIVEN) is plan
    assert planned(MODULE, **GIVEN, tasks=2) is not plan


def test_a_file_that_is_formatted_otherwise_is_told(tmp_path: Path) -> None:
    """`terraform fmt` says what it would change, and changes nothing."""
    (tmp_path / "main.tf").write_text("locals {\na=1\n}\n", encoding="utf-8")

    assert "+  a = 1" in misformatted(tmp_path)
    assert (tmp_path / "main.tf").read_text(encoding="utf-8") == "locals {\na=1\n}\n"


def test_the_real_provider_gets_the_tests_that_only_plan() -> None:
    """With TERRAFORM_LIVE=1 tests that need the stand-in are left out, and the others run."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        env={**os.environ, "TERRAFORM_LIVE": "1"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "test_no_other_provider_is_fetched" not in ended.stdout
    assert "test_a_plan_is_made_once" in ended.stdout
    assert "deselected" in ended.stdout
