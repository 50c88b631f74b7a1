"""Mode `function`: its source archive, its build, and its own life."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from exporter.measure import definitions
from tests.terraform.module_inputs import INPUTS, MODULE, mode_inputs
from tests.terraform.plans import TerraformError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.terraform.conftest import CopyModule
    from tests.terraform.fake_provider import FakeProvider

_INPUTS: dict[str, Any] = {**INPUTS, **mode_inputs("function")}
_FUNCTION = "google_cloudfunctions2_function.exporter[0]"
_OBJECT = "google_storage_bucket_object.source[0]"
_IN_BUCKET = "orders-prod-datastream-exporter-source/"
_EXISTING = {"create": False, "email": "existing@orders-prod.iam.gserviceaccount.com"}


def _archive(provider: FakeProvider) -> zipfile.ZipFile:
    """Return the archive that the function is built from."""
    ((name, content),) = provider.project.objects.items()
    assert re.fullmatch(re.escape(_IN_BUCKET) + r"[0-9a-f]{64}\.zip", name)
    return zipfile.ZipFile(io.BytesIO(content))


def _modes_and_times(clone: Path) -> None:
    for path in clone.rglob("*.py"):
        path.chmod(0o755)
        os.utime(path, (1, 1))


def _line_ends(clone: Path) -> None:
    for path in [*clone.rglob("*.py"), *clone.rglob("*.yaml")]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def _local_files(clone: Path) -> None:
    for name in ("exporter/__pycache__/run.cpython-313.pyc", "exporter/.run.py.swp", "notes.py"):
        path = clone / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x00local")


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize("change", [_modes_and_times, _line_ends, _local_files])
def test_the_same_source_is_no_change_on_any_machine(
    terraform: CopyModule, change: Callable[[Path], None]
) -> None:
    """File modes, times, line ends and files that Git doesn't have change no function."""
    root = terraform(MODULE)
    root.apply(**_INPUTS)
    clone = root.directory.parent
    change(clone)
    function = root.plan(**_INPUTS)
    assert _FUNCTION not in function.changes
    assert _OBJECT not in function.changes


@pytest.mark.parametrize(
    "file", ["exporter/run.py", "exporter/metrics.yaml", "requirements/function.txt"]
)
def test_a_changed_source_updates_the_function_in_place(
    terraform: CopyModule, fake_provider: FakeProvider, file: str
) -> None:
    """Only the archive is replaced. The next plan is empty, and a destroy leaves nothing."""
    root = terraform(MODULE)
    root.apply(**_INPUTS)
    path = root.directory.parent / file
    path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")
    plan = root.plan(**_INPUTS)
    changes = {each: plan.changes[each] for each in plan.changes if "descriptor" not in each}
    assert changes == {_FUNCTION: ("update",), _OBJECT: ("delete", "create")}
    root.apply(plan)
    assert root.plan(**_INPUTS).empty
    packed = file.replace("requirements/function.txt", "requirements.txt")
    assert _archive(fake_provider).read(packed).endswith(b"# changed\n")
    assert not root.destroy(**_INPUTS).resources
    assert not fake_provider.project.objects


def test_the_archive_has_all_that_the_function_imports(
    terraform: CopyModule, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """Its main.py starts by itself, finds its metrics, and every requirement has a hash."""
    terraform(MODULE).apply(**_INPUTS)
    archive = _archive(fake_provider)
    archive.extractall(tmp_path)
    assert {name.split("/")[0] for name in archive.namelist()} == {
        "exporter",
        "main.py",
        "requirements.txt",
    }
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import main\n"
        "from exporter.measure import definitions\n"
        "print(main.run.__module__, definitions.__file__, len(definitions.metrics()))"
    )
    printed = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    module, file, count = printed.stdout.split()
    assert module == "exporter.function"
    assert file.startswith(str(tmp_path))
    assert int(count) == len(definitions.metrics())
    requirements = (tmp_path / "requirements.txt").read_text("utf-8").replace("\\\n", "")
    for line in requirements.splitlines():
        assert "--hash=sha256:" in line, line
    assert "functions-framework==" in requirements


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("function_build.tf", '"120s"', '"60s"', "less than two minutes ago"),
        ("function_build.tf", '"roles/logging.logWriter"', '"roles/viewer"', "lacks logging"),
        ("function_build.tf", '"roles/artifactregistry.writer"', '"roles/x"', "lacks artifactreg"),
        ("function_build.tf", '"roles/storage.objectViewer"', '"roles/x"', "lacks storage"),
        ("function_build.tf", "build[0].id", "build[0].email", "isn't the name of a service acc"),
        ("function.tf", "source[0].generation", "source[0].generation + 1", "doesn't exist"),
        ("function.tf", "= var.cpu", '= "0.5"', "concurrency must be 1"),
    ],
)
def test_google_rejects_a_function_that_it_cannot_build(
    terraform: CopyModule, file: str, old: str, new: str, error: str
) -> None:
    """A grant that is missing or too new, the account's address and an old source fail."""
    root = terraform(MODULE)
    text = (root.directory / file).read_text("utf-8")
    assert old in text
    root.write(file, text.replace(old, new, 1))
    with pytest.raises(TerraformError, match=error):
        root.apply(**_INPUTS)


def test_grants_made_by_somebody_else_are_enough(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """With manage_iam = false, the plan lists the grants; once they are made, an apply works."""
    root = terraform(MODULE)
    accounts = ("service_account", "scheduler_service_account", "build_service_account")
    # A sink's identity, which log triggers need, is known only after apply.
    options = {"manage_iam": False, "log_triggers": False}
    inputs = {**_INPUTS, **options, **dict.fromkeys(accounts, _EXISTING)}
    plan = root.plan(**inputs)
    assert not [each for each in plan.changes if "iam" in each or "service_account" in each]
    with pytest.raises(TerraformError, match="Build failed: serviceAccount:existing@orders-prod"):
        root.apply(plan)
    for grant in plan.outputs["iam_grants"]:
        fake_provider.project.grants.add((grant["member"], grant["role"]))
    root.destroy(**inputs)
    assert root.apply(**inputs).outputs["function_state"] == "ACTIVE"


def test_a_failed_build_is_a_warning_of_each_plan(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Nothing else would show that the previous version still runs."""
    root = terraform(MODULE)
    root.apply(**_INPUTS)
    assert not root.plan(**_INPUTS).warnings
    fake_provider.project.function_state = "FAILED"
    plan = root.plan(**_INPUTS)
    assert not plan.changes
    assert len(plan.warnings) == 1
    assert "The function datastream-exporter isn't active" in plan.warnings[0]
