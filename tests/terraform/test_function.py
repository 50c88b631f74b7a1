"""Mode function: what changes its source archive, and which log entries call it."""

import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import copy
from typing import Any

from lab.filters.log_filter import parse_log_filter
from tests.tables import beside
from tests.terraform.conftest import CopyModule, PlanModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, MODULE

_INPUTS: dict[str, Any] = FUNCTION | {"create_policies": False}
_ENTRIES: dict[str, list[dict[str, Any]]] = beside(__file__, "log_entries.yaml")
del _ENTRIES["anchors"]


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


def test_an_error_a_change_of_state_and_an_admin_call_call_the_function(
    plan_module: PlanModule,
) -> None:
    """Only these log entries call the function, never its own."""
    plan = plan_module(**FUNCTION)
    sinks = plan.of("google_logging_project_sink")
    assert {each["project"] for each in sinks} == {"orders-prod", "billing-prod"}
    for sink in sinks:
        # The lab's parser takes one comparison a line.
        filters = [
            parse_log_filter(re.sub(r"\s+AND ", "\n", each[1:-1]))
            for each in sink["filter"].strip().split("\nOR ")
        ]
        for kind, entries in _ENTRIES.items():
            for entry in entries:
                calls = any(accepts(entry) for accepts in filters)
                assert calls == (kind == "calling"), entry
