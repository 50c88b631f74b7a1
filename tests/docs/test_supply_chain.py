"""What a release holds: bills of materials of what is deployed."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tools import ROOT


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make dist` as the release does; return its folder."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "--silent", "dist", f"DIST={folder}"], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", ["job", "function"])
def test_the_bill_of_materials_names_every_package(dist: Path, name: str) -> None:
    """A bill is valid CycloneDX, with each locked package's version and hashes."""
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
