"""Draws the pictures of the docs: a page as Slack shows it, and a fleet at a terminal.

The texts are those that the commands print. The template decides how they look.
"""

import io
import os
import re
from pathlib import Path
from unittest.mock import patch

from jinja2 import Template
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.text import Text

from lab.policies.files import read_policies
from lab.preview.notification import notification
from tools import POLICIES, ROOT, lab

_COLUMNS = 60  # of text that a phone can show


class _Terminal(io.StringIO):
    """Takes output as a terminal does: with colours."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def pictures() -> dict[Path, str]:
    """Return the text of each picture by its file."""
    file = Path(__file__).with_name("picture.svg.j2")
    template = Template(
        file.read_text("utf-8"), autoescape=True, lstrip_blocks=True, trim_blocks=True
    )
    found = {}
    for name, content in (("page", page()), ("fleet", fleet())):
        lines = Console(width=_COLUMNS).render_lines(content, pad=False)
        for theme in ("", "-dark"):
            drawn = template.render(name=name, theme=theme, lines=lines)
            found[ROOT / "docs" / f"{name}{theme}.svg"] = drawn
    return found


def page() -> RenderableType:
    """Return the example of a page up to its command, much as Slack shows it."""
    (policy,) = (
        each for each in read_policies(POLICIES) if each.name == "stream-failed"
    )
    begin = policy.content.partition("**How to silence it.**")[0]
    return Markdown(notification(policy).fill(f"**{policy.subject}**\n\n{begin}"))


def fleet() -> RenderableType:
    """Return what `datastream-exporter run` prints about a small fleet."""
    environ = {"COLUMNS": str(_COLUMNS), "NO_COLOR": ""}
    with patch.dict(os.environ, environ):
        printed = lab.output(
            "demo", "--world", "tools/fleet.yaml", "run", printed=_Terminal()
        )
    _about_emulators, _, rest = printed.partition("\n")
    # The time is all that differs between two runs.
    rest = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", rest)
    command = ("$ datastream-exporter run\n", "bold")
    return Text.assemble(command, Text.from_ansi(rest.rstrip()))
