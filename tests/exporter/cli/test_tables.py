"""Tables in a pipe and at a terminal."""

from __future__ import annotations

import pytest

from exporter.terminal import fits, print_table
from tests.outputs import Printed

HEADINGS = ("name", "count", "what")
ROWS = (("orders", "7", ("all is well", "green")), ("stock-eu", "1,200", "red \x1b[31m"))


class Terminal(Printed):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def printed(out: Printed) -> list[str]:
    """Return the lines of the table above."""
    print_table(HEADINGS, ROWS, out, right=("count",))
    return out.getvalue().splitlines()


def test_columns_are_as_wide_as_their_content() -> None:
    """Numbers are aligned right, control characters are escaped, and a pipe gets no colours."""
    assert printed(Printed()) == [
        "NAME      COUNT  WHAT",
        "orders        7  all is well",
        r"stock-eu  1,200  red \x1b[31m",
    ]


def test_the_last_column_folds_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a cell goes under it, and no word is lost."""
    monkeypatch.setenv("COLUMNS", "27")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not fits(HEADINGS, ROWS, Terminal())
    assert printed(Terminal())[1:] == [
        "orders        7  all is",
        "                 well",
        "stock-eu  1,200  red",
        r"                 \x1b[31m",
    ]


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_colours_unless_they_are_off(
    monkeypatch: pytest.MonkeyPatch, *, no_color: bool
) -> None:
    """NO_COLOR is obeyed."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    assert ("\x1b[32mall is well" in "\n".join(printed(Terminal()))) is not no_color


def test_a_row_that_is_a_string_is_a_title() -> None:
    """It is above its rows and doesn't widen a column."""
    out = Printed()
    print_table(("a", "b"), ("a very long title", ("1", "2")), out)
    assert out.getvalue() == "A  B\na very long title\n1  2\n"
