"""The outputs of `datastream-lab` that the docs show."""

import io
from contextlib import chdir, redirect_stderr

from lab.cli.main import COMMANDS, main
from lab.markdown import fenced, table
from lab.terminal import Progress
from tools import ROOT

SHOWN = ("test", "pause-overruns")  # the command whose output the docs show
TRANSCRIPT = ROOT / "docs" / "policies-test.txt"


def transcript() -> str:
    """Return a command and its output, as a shell shows them."""
    command = f"$ .venv/bin/datastream-lab {' '.join(SHOWN)}"
    printed = TRANSCRIPT.read_text("utf-8").rstrip()
    return fenced("console", f"{command}\n{printed}")


def commands() -> str:
    """Return every command and what it is for."""
    return table(
        ("`datastream-lab …`", "what for"),
        ((f"`{name}`", text) for name, text in COMMANDS.items()),
    )


# Outputs are the same, however long they take.
Progress.tell_seconds = None


def output(*argv: str) -> str:
    """Run a command in the project's root and return its output.

    Raises:
        RuntimeError: It fails.
    """
    printed = io.StringIO()
    with chdir(ROOT), redirect_stderr(printed):
        code = main(argv, {}, printed, printed)
    text = printed.getvalue()
    if code:
        raise RuntimeError(f"{' '.join(argv)} failed with exit code {code}:\n{text}")
    return text
