"""What fails a test that shows a credential, for each kind of credential and of output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.canary import ENVIRONMENT, Canary, private_key
from tests.outputs import OUTPUTS, Outputs, Printed
from tests.terminal_screen import TerminalScreen

TESTS = Path(__file__).parent


@pytest.mark.parametrize("canary", Canary, ids=lambda canary: canary.kind)
def test_every_kind_is_found_and_named(canary: Canary) -> None:
    """The sentence says what leaked, and where."""
    outputs = Outputs()
    outputs.add("a report", json.dumps({"text": f"<{canary}>"}))
    (sentence,) = outputs.leaks()
    assert sentence.startswith(f"A credential ({canary.kind}) is in a report.")
    assert not outputs.leaks()


def test_a_line_of_a_working_key_is_found() -> None:
    """A part of a key is as bad as all of it."""
    outputs = Outputs()
    outputs.add("a log", private_key().splitlines()[3])
    assert "(working private key) is in a log" in "".join(outputs.leaks())


@pytest.mark.parametrize(
    "shown",
    [
        Canary.SLACK_TOKEN[:-3],
        "\n".join(Canary.SLACK_TOKEN),
        "\x1b[1m".join(Canary.SLACK_TOKEN),
        "\x1b[2;3H".join(Canary.SLACK_TOKEN),
    ],
    ids=["cut", "wrapped", "coloured", "moved"],
)
def test_what_a_terminal_does_to_a_text_hides_nothing(shown: str) -> None:
    """A canary is found when it is cut off, wrapped, coloured or drawn letter by letter."""
    outputs = Outputs()
    outputs.add("a terminal", shown)
    assert len(outputs.leaks()) == 1


_WORDS = [sys.executable, "-c", f"import os; os.write(%d, b'{Canary.ACCESS_TOKEN}')"]


def test_all_that_a_process_prints_is_seen() -> None:
    """Whether both of its pipes are waited for, or one is read."""
    subprocess.run([*_WORDS[:2], _WORDS[2] % 2], capture_output=True, check=True)
    assert "is in stderr of the process" in _only(OUTPUTS.leaks())
    words = [*_WORDS[:2], _WORDS[2] % 1]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == Canary.ACCESS_TOKEN
    assert "is in stdout of the process" in _only(OUTPUTS.leaks())
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.communicate(timeout=60)[0] == Canary.ACCESS_TOKEN.encode()
    assert "is in stdout of the process" in "".join(OUTPUTS.leaks())


def test_what_a_test_captures_is_seen(capfd: pytest.CaptureFixture[str]) -> None:
    """Reading it takes it from pytest, and not from the guard."""
    subprocess.run([*_WORDS[:2], _WORDS[2] % 1], check=True)
    assert capfd.readouterr().out == Canary.ACCESS_TOKEN
    assert "is in stdout, as the test captured it" in _only(OUTPUTS.leaks())


def test_what_pytest_captures_is_seen() -> None:
    """It comes in sections."""
    captured = [("Captured log call", f"INFO {Canary.ACCESS_TOKEN}")]
    assert "is in pytest's 'Captured log call'" in _only(OUTPUTS.leaks(captured))


def test_streams_and_terminals_are_seen() -> None:
    """A command that is called as a function prints to them."""
    Printed().write(Canary.ACCESS_TOKEN)
    assert "is in a stream that the test gave" in _only(OUTPUTS.leaks())
    with TerminalScreen(12, 4) as screen:
        screen.stream.write(Canary.ACCESS_TOKEN)
    assert "is in a terminal" in _only(OUTPUTS.leaks())


def test_files_are_seen_but_not_inputs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Those in folders and archives, and those that change later; a credentials file is planted."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "under").mkdir()
    report = folder / "under/report.html"
    report.write_text(f"<td>{Canary.ACCESS_TOKEN}")
    OUTPUTS.write_input(folder / "key.json", Canary.PRIVATE_KEY)
    assert f"(access token) is in the file {report}." in _only(OUTPUTS.leaks())
    OUTPUTS.search_again()
    assert not OUTPUTS.leaks()
    report.unlink()
    with zipfile.ZipFile(folder / "1.tfplan", "w", zipfile.ZIP_DEFLATED) as plan:
        plan.writestr("tfplan", f"{Canary.SLACK_TOKEN}" * 9)
    OUTPUTS.search_again()
    assert "(slack token) is in tfplan in the file" in _only(OUTPUTS.leaks())


def test_the_whole_suite_has_canaries_in_its_environment() -> None:
    """Every process that a test starts inherits them, unless the test chooses another one."""
    assert ENVIRONMENT.items() <= os.environ.items()


def test_no_test_prints_where_nobody_looks() -> None:
    """Commands print to streams that are searched, and tokens come from one module."""
    bare = "io.String" + "IO("
    tokens = re.compile(r"xox[bp]-\w|gh[sp]_\w|ya29\.\w|BEGIN.*PRIVATE K" + "EY")
    for file in TESTS.rglob("*.py"):
        if file.name not in {"canary.py", "outputs.py", Path(__file__).name}:
            text = file.read_text("utf-8")
            assert bare not in text, file
            assert not tokens.search(text), file


def _only(sentences: list[str]) -> str:
    (sentence,) = sentences
    return sentence
