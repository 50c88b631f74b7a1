"""What Google builds the function from: the exporter, an entry point, and locked requirements."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.exporter.function.server import MAIN

if TYPE_CHECKING:
    from tests.exporter.function.conftest import Start

ROOT = MAIN.parents[2]
LOCK = ROOT / "requirements/function.txt"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with what the archive holds, as Terraform names it."""
    folder = tmp_path / "source"
    for path in (ROOT / "exporter").rglob("*"):
        if path.suffix in {".py", ".yaml"}:
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(MAIN, folder / "main.py")
    shutil.copyfile(LOCK, folder / "requirements.txt")
    return folder


def locked() -> dict[str, Requirement]:
    """Return the requirements of the lock, by name."""
    lines = LOCK.read_text("utf-8").replace("\\\n", " ").splitlines()
    parsed = [Requirement(line.split(" --hash")[0]) for line in lines]
    return {canonicalize_name(each.name): each for each in parsed}


def test_the_archive_holds_the_exporter_and_no_tests(source: Path) -> None:
    """Besides Python there are metrics.yaml and the requirements; nothing is left out."""
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert {each for each in files if not each.endswith(".py")} == {
        "exporter/metrics.yaml",
        "requirements.txt",
    }
    assert {each.split("/")[0] for each in files} == {"exporter", "main.py", "requirements.txt"}
    assert not [each for each in files if "test" in each or "lab" in each.split("/")]
    everything = [path for path in (ROOT / "exporter").rglob("*") if path.is_file()]
    assert files >= {
        path.relative_to(ROOT).as_posix() for path in everything if "__pycache__" not in path.parts
    }
    assert sum((source / each).stat().st_size for each in files) < 1024 * 1024


def test_the_archive_is_all_that_the_function_needs(start: Start, source: Path) -> None:
    """It runs from the archive, with nothing else of this repository."""
    server = start({"PYTHONPATH": str(source)}, main=source / "main.py")
    assert server.request().body["streams"] == 3
    code = (
        "import json, sys, main; files = {n: getattr(m, '__file__', None) or '' for n, m in "
        "sys.modules.items()}; print(json.dumps(files))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True
    )
    modules: dict[str, str] = json.loads(done.stdout)
    ours = [Path(file) for file in modules.values() if Path(file).is_relative_to(ROOT / "exporter")]
    assert not ours
    assert not modules.keys() & {"lab", "tools", "tests", "benchmarks", "rich"}
    assert Path(modules["exporter.function"]).is_relative_to(source)


def test_every_requirement_has_a_version_and_hashes_and_no_index() -> None:
    """Pip and uv can both install it, from any index, and only what was locked."""
    lines = LOCK.read_text("utf-8").replace("\\\n", " ").splitlines()
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==\S+( ;[^\\]*?)?(\s+--hash=sha256:[0-9a-f]{64})+", line), line
    assert "://" not in LOCK.read_text("utf-8")
    assert "functions-framework" in locked()


def test_the_requirements_cover_what_the_exporter_imports() -> None:
    """Each import of the exporter is of the standard library or of a package in the lock."""
    imported: set[str] = set()
    for path in (ROOT / "exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
    others = {name.split(".")[0] for name in imported} - sys.stdlib_module_names - {"exporter"}
    providers = packages_distributions()
    missing = {
        name
        for name in others
        if not any(canonicalize_name(each) in locked() for each in providers.get(name, []))
    }
    assert not missing


def test_the_requirements_are_complete() -> None:
    """Whatever a locked package asks for is locked too, in a version that it accepts."""
    lock = locked()
    for name, requirement in lock.items():
        if requirement.marker and not requirement.marker.evaluate():
            continue
        for text in distribution(name).requires or []:
            asked = Requirement(text)
            if asked.marker is None or asked.marker.evaluate({"extra": ""}):
                (pinned,) = lock[canonicalize_name(asked.name)].specifier
                assert asked.specifier.contains(pinned.version, prereleases=True), (name, text)
