"""Releases: the archive of the module, an upgrade from the last one, and back."""

import gzip
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from shutil import copy, rmtree

import pytest

from tests.conftest import serving
from tests.terraform.conftest import CopyModule
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, MODULE
from tests.terraform.released import INPUTS, STATE
from tests.terraform.terraform_cli import REPOSITORY, Plan, RootModule, copy_files

# It gets a label, so Terraform makes it anew; the old one is left, with its data.
_GIVEN_UP = {'google_monitoring_metric_descriptor.exporter["stream/problem_state"]'}
"""Addresses that an upgrade may destroy; none when its state is recorded."""


def _make_archive(folder: Path, umask: int = -1) -> Path:
    make = ["make", "--silent", "module", f"DIST={folder}"]
    subprocess.run(make, cwd=REPOSITORY, check=True, umask=umask)
    return next(folder.glob("*.zip"))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Make a release's archive; return its address, which answers."""
    archive = _make_archive(tmp_path / "dist")
    handler = partial(SimpleHTTPRequestHandler, directory=str(archive.parent))
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/{archive.name}"


def test_a_release_plans_what_the_clone_plans(
    fake_provider: FakeProvider, tmp_path: Path, address: str
) -> None:
    """A release's archive, as a root module's source, needs nothing beside it."""
    copy_files(tmp_path / "clone", sources=True)
    planned = []
    for name, source in (("clone", "./terraform"), ("user", address)):
        root = RootModule(tmp_path / name, fake_provider)
        root.call(source=source, **FUNCTION)
        log = {"project_id": "orders-prod", "notification_channels": []}
        call = {"source": f"{source}//log_policies", **log}
        root.write("log.tf.json", json.dumps({"module": {"log": call}}))
        root.init()
        plan = root.plan()
        (zipped,) = plan.of("google_storage_bucket_object")
        resources = dict(plan.resources)
        # Only the clone's archive is made at apply.
        resources.pop("module.exporter.terraform_data.function_files[0]", None)
        text = json.dumps(resources, sort_keys=True)
        # The same files have another name.
        planned.append(text.replace(zipped["name"], "").replace(zipped["source"], ""))
    assert planned[0] == planned[1]


def test_a_release_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """No umask changes the archive, in which no source can be edited in vain."""
    archive = _make_archive(tmp_path / "one")
    other = _make_archive(tmp_path / "other", umask=0o077)
    assert archive.read_bytes() == other.read_bytes()
    files = _contents(archive)
    assert not [name for name in files if name.endswith(".py")]
    assert b"](../" not in files["README.md"]


@pytest.mark.parametrize("origin", ["release", "clone"])
def test_a_saved_plan_applies_on_another_machine(
    fake_provider: FakeProvider, tmp_path: Path, address: str, origin: str
) -> None:
    """Root module, clone and plan are enough after an init, and make one function."""
    here, there = (RootModule(tmp_path / name, fake_provider) for name in "ab")
    copy_files(here.directory, sources=True)
    source = {"release": address, "clone": "./terraform"}[origin]
    here.call(source=source, **FUNCTION, create_policies=False)
    here.init()
    plan = here.plan()
    here.directory.rename(there.directory)
    rmtree(there.directory / ".terraform")
    there.run("init")
    there.apply_plan(plan)
    (archive,) = fake_provider.project.objects.values()
    _check_archive(archive, tmp_path / "source")
    (release,) = (tmp_path / "dist").glob("*.zip")
    released = io.BytesIO(_contents(release)["function.zip"])
    assert _contents(io.BytesIO(archive)) == _contents(released)
    assert there.is_up_to_date()


def _check_archive(content: bytes, folder: Path) -> None:
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


def _contents(file: Path | io.BytesIO) -> dict[str, bytes]:
    archive = zipfile.ZipFile(file)
    return {each: archive.read(each) for each in archive.namelist() if each[-1] != "/"}


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
    # With the page's block for each of its policies, a renamed route keeps them.
    readme = (REPOSITORY / MODULE / "README.md").read_text("utf-8")
    (block,) = re.findall(r"(?sm)^moved \{.+?^\}", readme)
    block = block.replace("module.datastream_exporter.", "")
    names = re.findall(r'\["billing/([\w-]+)', " ".join(root.state().resources))
    blocks = [block.replace("stream-failed", name) for name in names]
    root.write("moved.tf", "\n".join(blocks))
    routes = {"payments": INPUTS["routes"]["billing"]}
    renamed = root.plan(**{**INPUTS, "routes": routes})
    assert set(renamed.changes.values()) == {("update",)}
    (root.directory / "moved.tf").unlink()
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
