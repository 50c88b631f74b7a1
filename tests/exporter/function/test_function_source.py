"""What Google builds the function from: the exporter and locked requirements."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.exporter.function.server import MAIN

ROOT = MAIN.parents[2]
LOCK = (ROOT / "requirements/function.txt").read_text("utf-8")


def imported(file: Path) -> set[str]:
    """Return the packages that a file of the exporter imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def test_the_requirements_cover_what_the_exporter_imports() -> None:
    """Each import of the exporter is of the standard library or of a package in the lock."""
    locked = {canonicalize_name(name) for name in re.findall(r"(?m)^([\w.-]+)==", LOCK)}
    names = set().union(*map(imported, (ROOT / "exporter").rglob("*.py")))
    others = names - sys.stdlib_module_names - {"exporter"}
    providers = packages_distributions()
    assert {"google", "grpc", "pydantic"} <= others
    assert {
        name
        for name in others
        if not any(canonicalize_name(each) in locked for each in providers.get(name, []))
    } == set()


def test_a_cold_start_loads_nothing_for_people() -> None:
    """Tables and colours take time to import, and nobody sees them."""
    code = "import sys, exporter.function; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"rich", "lab", "exporter.cli"}.isdisjoint(done.stdout.split())
