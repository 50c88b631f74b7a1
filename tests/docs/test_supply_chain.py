"""What is deployed: licences, bills of materials, and the permissions of workflows."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tools import licences

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make dist` as the release does; return its folder."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "--silent", "dist", f"DIST={folder}"], cwd=ROOT, check=True)
    return folder


def test_every_deployed_package_has_an_allowed_licence() -> None:
    """No package of the image or the function has a licence that nobody has looked at."""
    deployed = {name for lock in licences.LOCKS.values() for name in licences.locked(lock)}
    found = {name: licences.licence(name) for name in sorted(deployed)}
    assert {name: text for name, text in found.items() if not licences.is_allowed(text)} == {}


@pytest.mark.parametrize(("file", "lock"), [("job", "image"), ("function", "function")])
def test_the_bill_of_materials_names_every_package(dist: Path, file: str, lock: str) -> None:
    """It is valid CycloneDX and has each package's version and hashes, and nothing else."""
    bill = json.loads((dist / f"{file}.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "datastream-exporter"
    assert licences.locked(licences.LOCKS[lock]) == {
        component["name"]: component["version"] for component in bill["components"]
    }
    for component in bill["components"]:
        assert component["externalReferences"][0]["hashes"], component["name"]


def test_a_release_holds_the_wheel_and_its_checksums(dist: Path) -> None:
    """The checksums are those of all other files."""
    lines = (dist / "SHA256SUMS").read_text("utf-8").splitlines()
    named = {name: digest for digest, name in map(str.split, lines)}
    files = {path.name: path for path in dist.iterdir() if path.name != "SHA256SUMS"}
    assert len([name for name in files if name.endswith(".whl")]) == 1
    assert named == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_grants_no_write_permission_to_all_jobs(workflow: Path) -> None:
    """Write permissions belong to the one job that needs them; checkouts keep no credentials."""
    text = yaml.safe_load(workflow.read_text("utf-8"))
    assert set(text["permissions"].values()) <= {"read"}
    for job in text["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
