"""Releases: the archive of the module, an upgrade from the last one, and back."""

import gzip
import re
import subprocess
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

from tests.conftest import serving
from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, MODULE
from tests.terraform.released import INPUTS, STATE
from tests.terraform.terraform_cli import REPOSITORY, Plan, RootModule, copy_files

_GIVEN_UP = {
    'google_monitoring_alert_policy.policy["billing/stream-state-changed"]',
    'google_monitoring_alert_policy.policy["stream-state-changed"]',
    'google_monitoring_metric_descriptor.exporter["stream/problem"]',
}
"""Addresses that an upgrade may destroy; none when its state is recorded."""


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
            root.call(source=source, **FUNCTION)
            root.init()
            planned.append(root.plan().resources)
    assert planned[0] == planned[1]


def test_an_upgrade_deletes_only_what_it_gives_up(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """One apply upgrades, one goes back, and the way back deletes no data."""
    root = terraform(MODULE)
    fake_provider.restore(root.directory, gzip.decompress(STATE.read_bytes()))
    plan = root.plan(**INPUTS)
    assert _deleted(plan) <= _GIVEN_UP
    root.apply_plan(plan)
    assert root.is_up_to_date(**INPUTS)
    # What an earlier version lacks
    policy = root.directory.parent / "alerting_policies" / "project-unwatched.yaml"
    metrics = root.directory.parent / "exporter" / "metrics.yaml"
    newer = {file: file.read_text("utf-8") for file in (policy, metrics)}
    policy.unlink()
    metrics.write_text(re.sub(r"  location/unwatched:(\n    .+)+", "", newer[metrics]))
    fake_provider.project.deleted.clear()
    root.apply(**INPUTS)
    kinds = {kind for kind, _ in fake_provider.project.deleted}
    assert kinds == {"google_monitoring_alert_policy", "google_storage_bucket_object"}
    for file, text in newer.items():
        file.write_text(text)
    again = root.plan(**INPUTS)
    assert not _deleted(again)
    assert f'google_monitoring_alert_policy.policy["{policy.stem}"]' in again.changes


def _deleted(plan: Plan) -> set[str]:
    """Return what a plan deletes, but the function's last source."""
    deleted = {each for each, how in plan.changes.items() if "delete" in how}
    return deleted - {"google_storage_bucket_object.source[0]"}
