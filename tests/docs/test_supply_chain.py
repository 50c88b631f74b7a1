"""What a release holds: bills of materials of what is deployed."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools import ROOT


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make dist` as the release does; return its folder."""
    folder = tmp_path_factory.mktemp("dist")
    # Each process that validates parses 38 grammars first: 5 s.
    make = ["make", "--silent", "dist", f"DIST={folder}", "BILL=--no-validate"]
    subprocess.run(make, cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", ["job", "function"])
def test_the_bill_of_materials_names_every_package(dist: Path, name: str) -> None:
    """A bill is valid CycloneDX, with each locked package's version and hashes."""
    text = (dist / f"{name}.cdx.json").read_text("utf-8")
    bill = json.loads(text)
    version = SchemaVersion.from_version(bill["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None
    assert bill["metadata"]["component"]["name"] == "datastream-exporter"
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    named = {}
    for component in bill["components"]:
        named[component["name"]] = component["version"]
        assert component["externalReferences"][0]["hashes"], component["name"]
    assert named == locked
