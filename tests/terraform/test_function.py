"""Mode function: what changes its source archive."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copy
from typing import Any

from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, MODULE

_INPUTS: dict[str, Any] = FUNCTION | {"create_policies": False}


def test_only_a_changed_source_updates_the_function(
    terraform: CopyModule, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """The archive runs; modes, times, line ends, files not in Git don't change it."""
    root = terraform(MODULE, sources=True)
    root.apply(**_INPUTS)
    (archive,) = fake_provider.project.objects.values()
    check_archive(archive, tmp_path)
    clone = root.directory.parent
    for path in clone.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        path.chmod(0o755)
        os.utime(path, (1, 1))
    for name in ("exporter/__pycache__/run.pyc", "exporter/.run.py.swp", "notes.py"):
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_bytes(b"\x00local")
    assert root.is_up_to_date(**_INPUTS)
    with (clone / "exporter" / "function.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert root.plan(**_INPUTS).changes == {
        "google_cloudfunctions2_function.exporter[0]": ("update",),
        "google_storage_bucket_object.source[0]": ("delete", "create"),
        "terraform_data.function_files[0]": ("update",),
    }


def check_archive(content: bytes, folder: Path) -> None:
    """Check that main.py starts, has its metrics, and the locked requirements."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    archive.extractall(folder)
    copy("config.yaml", folder)
    top = {name.split("/")[0] for name in archive.namelist()}
    assert top == {"exporter", "main.py", "requirements.txt"}
    assert "exporter/metrics.yaml" in archive.namelist()
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import main, exporter\n"
        "print(main.run.__module__, exporter.__file__, sep=chr(10))"
    )
    ran = [sys.executable, "-P", "-c", program]
    printed = subprocess.run(
        ran, cwd=folder, capture_output=True, text=True, check=True
    )
    module, file = printed.stdout.splitlines()
    assert module == "exporter.function"
    assert file.startswith(str(folder))
    requirements = (folder / "requirements.txt").read_text("utf-8")
    assert requirements == Path("requirements/function.txt").read_text("utf-8")
