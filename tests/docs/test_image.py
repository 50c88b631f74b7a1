"""The Dockerfile: its build stage produces an exporter that runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.emulator.emulator import Emulator
from lab.emulator.world import default_world

ROOT = Path(__file__).parents[2]


def _instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    split = [
        line.split(maxsplit=1) for line in lines if line and not line.startswith("#")
    ]
    return [(word, rest) for word, rest in split]


def _arguments(instruction: str) -> list[str]:
    return [rest for word, rest in _instructions() if word == instruction]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the build stage in a folder; return what becomes /venv in the image."""
    place = tmp_path_factory.mktemp("image")
    build, venv = place / "build", place / "venv"
    build.mkdir()
    # The stage's `python` is the one that runs this test.
    folder = Path(sys.executable).parent
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    for number, (word, rest) in enumerate(_instructions()):
        if word == "FROM" and number:
            break  # the next stage
        if word == "RUN":
            command = rest.replace("/venv", str(venv))
            subprocess.run(command, shell=True, cwd=build, env=environ, check=True)  # noqa: S602 - as Docker does; our own commands
        elif word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, build / _in_venv(target, venv))
        else:
            assert word in {"FROM", "WORKDIR"}, f"{word} is not supported by this test"
    return venv


def _in_venv(target: str, venv: Path) -> str:
    """Return the target of a COPY with this machine's version of Python."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return re.sub(r"python3\.\d+", here, target.replace("/venv", str(venv)))


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or the content of a folder, into a folder."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    if source.is_dir():
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def test_base_images_have_a_version_and_a_digest() -> None:
    """A rebuild uses the image that was tested, not a newer one."""
    bases = _arguments("FROM")
    assert len(bases) == 2
    for base in bases:
        assert re.match(
            r"python:\d+\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}( AS \w+)?$", base
        )


def test_library_paths_match_the_base_image() -> None:
    """The Python version in paths is that of the base image."""
    versions = set(re.findall(r"python:(\d+\.\d+)", "\n".join(_arguments("FROM"))))
    assert versions == set(
        re.findall(
            r"lib/python(\d+\.\d+)", "\n".join(_arguments("RUN") + _arguments("COPY"))
        )
    )


def test_the_image_runs_without_root_and_shell() -> None:
    """The user is numeric and not root, and the entrypoint is the program itself."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", _arguments("USER")[-1])
    assert _arguments("ENTRYPOINT") == ['["/venv/bin/python", "-m", "exporter"]']
    assert _arguments("CMD") == ['["run"]']


def test_the_image_contains_the_exporter_only(installed: Path) -> None:
    """It has no pip, build backend or lab, and the exporter's bytecode."""
    names = {path.name for path in installed.glob("lib/python*/site-packages/*")}
    assert "exporter" in names
    assert not names & {"pip", "hatchling", "pytest", "uv", "lab"}
    package = next(installed.glob("lib/python*/site-packages/exporter"))
    assert list(package.glob("run/__pycache__/run.*.pyc"))


def test_the_exporter_runs_from_the_image(installed: Path, tmp_path: Path) -> None:
    """`run --dry-run` reads a fleet from an emulator outside the image."""
    (tmp_path / "config.yaml").write_text(
        "metrics: {project: data-platform-prod}\nsources: [{project:"
        " data-platform-staging}]\n"
    )
    with Emulator(default_world()) as cloud:
        environ = {
            "DATASTREAM_EMULATOR_HOST": cloud.datastream,
            "MONITORING_EMULATOR_HOST": cloud.monitoring,
        }
        ran = subprocess.run(
            [installed / "bin" / "python", "-m", "exporter", "run", "--dry-run"],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert "inventory-postgresql" in ran.stdout
