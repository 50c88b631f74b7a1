"""The harness fails loudly where Terraform would only warn, and never goes to the network."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.terraform.module_inputs import INPUTS, MODULE
from tests.terraform.plans import TerraformError
from tests.terraform.terraform_cli import REPOSITORY

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule


def test_a_misspelled_variable_is_an_error(plan_module: PlanModule) -> None:
    """A test can't pass because it set a variable that doesn't exist."""
    with pytest.raises(TerraformError, match='does not declare a variable named "regoin"'):
        plan_module(regoin="europe-west1")


@pytest.mark.usefixtures("fake_provider")
def test_no_other_provider_is_downloaded(terraform: CopyModule) -> None:
    """A resource of another provider fails init."""
    root = terraform(MODULE)
    root.write("random.tf", 'resource "random_pet" "one" {}')
    with pytest.raises(TerraformError, match="hashicorp/random"):
        root.init()


def test_terraform_never_writes_to_the_checkout(terraform: CopyModule) -> None:
    """Terraform runs in a copy that holds everything the module reads."""
    root = terraform(MODULE)
    assert REPOSITORY not in root.directory.parents
    assert root.plan(**INPUTS).resources


def test_live_mode_deselects_tests_that_apply() -> None:
    """With TERRAFORM_LIVE=1, only tests that don't use the fake provider run."""
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        env={**os.environ, "TERRAFORM_LIVE": "1"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "test_no_other_provider_is_downloaded" not in collected
    assert "test_a_misspelled_variable_is_an_error" in collected
    assert "deselected" in collected
