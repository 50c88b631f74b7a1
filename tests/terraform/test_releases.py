"""Releases: the archive of the module, and an upgrade from an earlier version.

``tests/released/MODE.json.gz`` is the state that the module of commit a70c1e2 left. To
make one again, apply that commit's module with the inputs below, with its own tests'
``copy_module``; then keep the managed resources of ``provider.state(root.directory)``.
"""

import gzip
import json
import subprocess
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import serving
from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, INPUTS, MODULE
from tests.terraform.terraform_cli import REPOSITORY, RootModule, copy_files

_POLICY = "google_monitoring_alert_policy.policy"
_DESCRIPTOR = "google_monitoring_metric_descriptor.exporter"
_GONE = {
    f'{_POLICY}["{name}"]'
    for name in ("exporter-watching-nothing", "stream-maintenance-long")
} | {f'{_DESCRIPTOR}["private_connection/state"]'}
"""What an upgrade deletes: what this version doesn't have. Google keeps descriptors."""


def test_a_release_plans_what_the_clone_plans(
    fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """A release's archive, as a root module's source, needs nothing beside it."""
    make = ["make", "--silent", "module", f"DIST={tmp_path}"]
    subprocess.run(make, cwd=REPOSITORY, check=True)
    (archive,) = tmp_path.glob("*.zip")
    readme = zipfile.ZipFile(archive).read("README.md")
    assert b"](../" not in readme
    copy_files(tmp_path / "clone", sources=True)
    clone = RootModule(tmp_path / "clone", fake_provider)
    user = RootModule(tmp_path / "user", fake_provider)
    planned = []
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as server:
        address = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        for root, source in ((clone, "./terraform"), (user, address)):
            block = {"source": source, **FUNCTION}
            root.write("main.tf.json", json.dumps({"module": {"exporter": block}}))
            root.init()
            planned.append(root.plan().resources)
    assert planned[0] == planned[1]


@pytest.mark.parametrize("inputs", [FUNCTION, INPUTS], ids=["function", "job"])
def test_one_apply_upgrades_an_earlier_version(
    terraform: CopyModule, fake_provider: FakeProvider, inputs: dict[str, Any]
) -> None:
    """An upgrade deletes only what it has to, in one apply; the next plan is empty."""
    root = terraform(MODULE)
    state = REPOSITORY / f"tests/released/{inputs['mode']}.json.gz"
    fake_provider.restore(root.directory, gzip.decompress(state.read_bytes()))
    plan = root.plan(**inputs)
    changes = plan.changes
    changes.pop("google_storage_bucket_object.source[0]", None)
    assert {address for address, how in changes.items() if "delete" in how} <= _GONE
    root.apply_plan(plan)
    assert root.is_up_to_date(**inputs)
