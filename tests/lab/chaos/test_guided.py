"""The search for inputs that coverage guides, with a stand-in for atheris."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from lab.chaos import guided

if TYPE_CHECKING:
    from pathlib import Path

ATHERIS = """
import contextlib, pathlib, sys

def instrument_imports(include):
    return contextlib.nullcontext()

def Setup(arguments, read):
    global seeds, once
    seeds, once = pathlib.Path(arguments[1]), read

def Fuzz():
    texts = [path.read_bytes() for path in seeds.iterdir()]
    for text in texts:
        once(text)
    CHANGED
    print(f"stat::number_of_executed_units: {len(texts)}", file=sys.stderr)
    print("stat::slowest_unit_time_sec: 2", file=sys.stderr)
    sys.exit(0)
"""


def search(monkeypatch: pytest.MonkeyPatch, folder: Path, changed: str, *arguments: str) -> int:
    """Search with a module in atheris's place; it tries the seeds, then does something."""
    (folder / "atheris.py").write_text(ATHERIS.replace("CHANGED", changed), "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(folder)
    return guided.main(arguments)


def test_what_was_tried_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader has a row with its inputs and the slowest of them, in whole seconds."""
    assert search(monkeypatch, tmp_path, "", "config.yaml", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["fault"] == "guided config.yaml"
    assert (row["cases"], row["slowest"], row["broken"]) == ("1", "2 s", "0")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ("print('BROKEN: ValueError: 3 from 4')", "BROKEN: environment: ValueError: 3 from 4"),
        ("sys.exit('out of memory')", "environment: the search ended with exit code 1: out of mem"),
    ],
)
def test_what_breaks_a_reader_is_said(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: str,
    sentence: str,
) -> None:
    """The rule that was broken, or how the search ended, and exit code 1."""
    assert search(monkeypatch, tmp_path, changed, "environment") == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out.split()[-2:] == ["s", "1"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["jason"], "no reader 'jason'; there are config.yaml, "),
        (["--seconds", "0"], "--seconds 0: a reader needs one second at least"),
        ([], "run: make guided-fuzz"),
    ],
)
def test_what_it_needs_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    """An unknown reader, and atheris where it is not installed."""
    monkeypatch.setitem(sys.modules, "atheris", None)
    with pytest.raises(SystemExit):
        guided.main(arguments)
    assert sentence in capsys.readouterr().err
