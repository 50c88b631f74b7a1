"""The Dockerfile: its build stage produces an exporter that runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.emulator.emulator import Emulator
from lab.emulator.world import default_world
from tools import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
CONFIG = """\
metrics: {project: data-platform-prod}
sources: [{project: data-platform-staging}]
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the build stage on this machine; return what becomes /venv in the image."""
    venv = tmp_path_factory.mktemp("image") / "venv"
    # The stage's `python` is the one that runs this test.
    folder = Path(sys.executable).parent
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _, build, _ = re.split("^FROM ", DOCKERFILE, flags=re.MULTILINE)
    for word, rest in re.findall(r"^(RUN|COPY) (.+)$", build, re.MULTILINE):
        command = rest if word == "RUN" else f"cp -R {rest}"
        # What isn't copied into /venv is in the project already.
        if "/venv" in command:
            command = re.sub(r"python3\.\d+", version, command)
            command = command.replace("/venv", str(venv))
            shell = ["/bin/sh", "-c", command]  # as Docker does
            subprocess.run(shell, cwd=ROOT, env=environ, check=True)
    return venv


def test_the_base_images_are_pinned_and_the_user_is_not_root() -> None:
    """Both stages have a version and a digest, and the user is not root."""
    pinned = r"^FROM python:\d+\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}\b"
    assert len(re.findall(pinned, DOCKERFILE, re.MULTILINE)) == 2
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_the_image_holds_the_exporter_alone_and_runs_it(
    installed: Path, tmp_path: Path
) -> None:
    """The image has no pip, build backend or lab, and reads a fleet of an emulator."""
    names = {path.name for path in installed.glob("lib/python*/site-packages/*")}
    assert not names & {"pip", "hatchling", "pytest", "uv", "lab"}
    (tmp_path / "config.yaml").write_text(CONFIG)
    with Emulator(default_world()) as cloud:
        ran = subprocess.run(
            [installed / "bin" / "python", "-m", "exporter", "run", "--dry-run"],
            cwd=tmp_path,
            env=cloud.environ,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert "inventory-postgresql" in ran.stdout
