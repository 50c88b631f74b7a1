"""The changes that `make code-mutants` makes to the exporter's code."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

import pytest

from tools.code_mutants import (
    EXPORTER,
    RESULT,
    code_files,
    code_mutants,
    main,
    survivors_with_a_reason,
)

if TYPE_CHECKING:
    from pathlib import Path

FILES = code_files()


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("a < b", ["a <= b"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("a + 1", ["a - 1", "a + (2)"]),
        ("flag = True", ["flag = (False)"]),
        ("call(a)", ["pass"]),
        ("raise Error", ["pass"]),
        ("x = a if b else c", ["x = (a if not b else c)"]),
        ("x: Annotated[int, 1] = y", []),
        ("x = f'{y:3}'", []),
        ("if TYPE_CHECKING:\n    x = 1", []),
        ("def f(a: int = 1):\n    return a", ["def f(a: int = (2)):\n    return a", "return None"]),
        ("while a:\n    break", ["while not a:\n    break", "continue"]),
        ("if not a:\n    b = c", ["if a:\n    b = c"]),
        ("if a in b:\n    c = d", ["if a not in b:\n    c = d"]),
    ],
)
def test_a_place_is_changed_into_what_a_test_has_to_notice(code: str, changed: list[str]) -> None:
    """Operators, numbers, conditions and statements are changed; annotations and texts are not."""
    mutants = list(code_mutants("x.py", code))
    assert len(mutants) == len(changed)
    for mutant, expected in zip(mutants, changed, strict=True):
        assert expected in mutant.text.replace("((", "(").replace("))", ")") or (
            ast.dump(ast.parse(mutant.text)) == ast.dump(ast.parse(expected))
        )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_change_is_valid_python_and_differs(path: Path) -> None:
    """No change is a syntax error, which every test would notice."""
    text = path.read_text("utf-8")
    for mutant in code_mutants(path.name, text):
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(text))


def test_every_survivor_with_a_reason_is_still_a_change() -> None:
    """A reason for code that is gone is removed."""
    every = {
        mutant.key
        for path in FILES
        for mutant in code_mutants(str(path.relative_to(EXPORTER)), path.read_text("utf-8"))
    }
    assert survivors_with_a_reason().keys() <= every


def test_an_unknown_path_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said before any test runs."""
    with pytest.raises(SystemExit):
        main(["--only", "raed"])
    assert "no code of exporter/ is below raed" in capsys.readouterr().err


def test_tests_notice_nine_of_ten_recorded_changes_and_the_others_have_a_reason() -> None:
    """The record in the docs is of the files that are changed now."""
    recorded = json.loads(RESULT.read_text("utf-8"))
    assert recorded.keys() == {str(path.relative_to(EXPORTER)).partition("/")[0] for path in FILES}
    for row in recorded.values():
        assert row["noticed"] >= 0.9 * row["changes"]
        assert row["noticed"] + row["explained"] == row["changes"]
