"""What a release holds: a wheel that needs no clone, and bills of materials."""

import hashlib
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lab.emulator.emulator import Emulator
from lab.emulator.world import parse_world
from tools import ROOT

WORLD = """\
projects:
  - id: shop-prod
    number: 123456789012
    locations: [{id: europe-west1, streams: [{id: orders}]}]
"""
COMMANDS = (
    "datastream-lab test fails-permanently",
    "datastream-lab preview stream-failed",
    "datastream-exporter init --project shop-prod --folder my-streams",
    "datastream-exporter check --config my-streams/config.yaml",
)
ONE_AFTER_THE_OTHER = """\
import os, sys
from exporter.command.cli import main as exporter
from lab.cli.main import main as lab
programs = {"datastream-exporter": exporter, "datastream-lab": lab}
for command in sys.argv[1:]:
    program, *argv = command.split()
    code = programs[program](argv, os.environ, sys.stdout, sys.stderr)
    assert code == 0, command
"""
"""Runs the commands in one process, since each start takes two seconds."""


def locked(name: str) -> dict[str, str]:
    """Return the version of each package of a lock."""
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", lock))


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make dist` as the release does; return its folder."""
    folder = tmp_path_factory.mktemp("dist")
    # Each process that validates parses 38 grammars first: 5 s.
    make = ["make", "--silent", "dist", f"DIST={folder}", "BILL=--no-validate"]
    subprocess.run(make, cwd=ROOT, check=True)
    return folder


def test_the_wheel_needs_no_clone(dist: Path, tmp_path: Path) -> None:
    """With what the lock gives it, the wheel runs every command in an empty folder."""
    (wheel,) = dist.glob("*.whl")
    alone = f"{tmp_path}/alone"
    folder = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", alone], check=True)
    (packages,) = Path(alone).glob("lib/*/site-packages")
    # Linked, they are there in no time. pip fails if the wheel asks for one more.
    for name in locked("lab"):
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or ()} - {".."}:
            with suppress(FileExistsError):
                (packages / top).symlink_to(str(installed.locate_file(top)))
    pip = [sys.executable, "-m", "pip", "--python", f"{alone}/bin/python"]
    package = f"datastream-exporter[lab] @ {wheel.as_uri()}"
    subprocess.run([*pip, "install", "--quiet", "--no-index", package], check=True)
    folder.mkdir()
    with Emulator(parse_world(WORLD, "docs")) as cloud:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **cloud.environ}
        for command in (
            [f"{alone}/bin/datastream-lab", "demo"],
            [f"{alone}/bin/python", "-c", ONE_AFTER_THE_OTHER, *COMMANDS],
        ):
            ran = subprocess.run(
                command,
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
    written = {path.name for path in folder.iterdir()}
    assert written == {"my-streams", "my-streams-demo"}
    (module,) = dist.glob("*.zip")
    checksum = hashlib.sha256(module.read_bytes()).hexdigest()
    main = (folder / "my-streams" / "main.tf").read_text("utf-8")
    assert f'/{module.name}?checksum=sha256:{checksum}"\n' in main


@pytest.mark.parametrize("name", ["job", "function"])
def test_the_bill_of_materials_names_every_package(dist: Path, name: str) -> None:
    """A bill is valid CycloneDX, with each locked package's version and hashes."""
    text = (dist / f"{name}.cdx.json").read_text("utf-8")
    bill = json.loads(text)
    version = SchemaVersion.from_version(bill["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None
    assert bill["metadata"]["component"]["name"] == "datastream-exporter"
    named = {}
    for component in bill["components"]:
        named[component["name"]] = component["version"]
        assert component["externalReferences"][0]["hashes"], component["name"]
    assert named == locked(name)
