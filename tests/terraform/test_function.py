"""Mode function: what changes its source archive."""

import os
from typing import Any

from tests.terraform.conftest import CopyModule
from tests.terraform.module_inputs import FUNCTION, MODULE

_INPUTS: dict[str, Any] = FUNCTION | {"create_policies": False}


def test_only_a_changed_source_updates_the_function(terraform: CopyModule) -> None:
    """Modes, times, line ends and files that aren't in Git don't change its archive."""
    root = terraform(MODULE, sources=True)
    root.apply(**_INPUTS)
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
