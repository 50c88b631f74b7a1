"""Draws the pictures of the docs: a page as Slack shows it, and a fleet at a terminal.

The texts are those that the commands print. The template decides how they look.
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import Template
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.text import Text

from lab.policies.files import read_policies
from lab.preview.notification import notification
from tools import POLICIES, ROOT, lab

# Of text: what a phone can show, and a terminal without a break in the table
_COLUMNS = {"page": 60, "fleet": 88}


def pictures() -> dict[Path, str]:
    """Return the text of each picture by its file."""
    found: dict[Path, str] = {}
    contents = {"page": page(), "fleet": fleet()}
    for name, content in contents.items():
        console = Console(width=_COLUMNS[name])
        lines = console.render_lines(content, pad=False)
        found |= drawn(name, "picture.svg.j2", lines)
    return found


def drawn(name: str, template: str, content: Any) -> dict[Path, str]:
    """Return the text of a picture by its file, for light and dark pages."""
    file = Path(__file__).with_name(template)
    shape = Template(
        file.read_text("utf-8"), autoescape=True, lstrip_blocks=True, trim_blocks=True
    )
    found = {}
    for theme in ("", "-dark"):
        path = ROOT / "docs" / f"{name}{theme}.svg"
        text = shape.render(name=name, theme=theme, content=content)
        found[path] = re.sub(r"\n\s+", "\n", text)
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
    printed = lab.output("demo", "--world", "tools/fleet.yaml", "run")
    _about_emulators, _, rest = printed.partition("\n")
    # The time is all that differs between two runs.
    rest = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", rest)
    command = ("$ datastream-exporter run\n", "bold")
    return Text.assemble(command, rest.rstrip())
