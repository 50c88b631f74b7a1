"""What is deployed: bills of materials and locks."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make dist` as the release does; return its folder."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "--silent", "dist", f"DIST={folder}"], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", ["job", "function"])
def test_the_bill_of_materials_names_every_package(dist: Path, name: str) -> None:
    """It is valid CycloneDX, with each locked package's version and hashes."""
    bill = json.loads((dist / f"{name}.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "datastream-exporter"
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    named = {}
    for component in bill["components"]:
        named[component["name"]] = component["version"]
        assert component["externalReferences"][0]["hashes"], component["name"]
    assert named == locked


def test_a_release_holds_the_wheel_and_its_checksums(dist: Path) -> None:
    """The checksums are those of all other files."""
    named = {}
    for line in (dist / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split()
        named[name] = digest
    assert len(list(dist.glob("*.whl"))) == 1
    there = {}
    for path in dist.iterdir():
        if path.name != "SHA256SUMS":
            there[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert named == there


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=str)
def test_a_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    """Another package of the same name can't be installed, from wherever it comes."""
    text = lock.read_text("utf-8").replace("\\\n", "")
    assert "://" not in re.sub(r"#.*", "", text)
    packages = [line for line in text.splitlines() if re.match(r"\s*[^#\s]", line)]
    assert packages
    for line in packages:
        assert "==" in line, line
        assert "--hash=sha256:" in line, line
