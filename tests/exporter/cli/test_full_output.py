"""A full disk behind stdout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli import INCOMPLETE

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("argv", [["--help"], ["check", "--config", "config.yaml"]])
def test_a_full_output_ends_a_command_with_one_sentence(argv: list[str]) -> None:
    """It says what is full and what to do, without a traceback; exit 1."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", *argv],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == INCOMPLETE
    assert "Traceback" not in ended.stderr
    assert ended.stderr.endswith(" or set TMPDIR to another directory.\n")
    assert "datastream-exporter did not finish: No space left on device." in ended.stderr
