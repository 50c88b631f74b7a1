"""Draws the pictures of the docs: a page as Slack shows it, and a fleet at a terminal.

The texts are those that the commands print. The template decides how they look.
"""

import re
from pathlib import Path

from jinja2 import Template
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.text import Text

from lab.policies.files import read_policies
from lab.preview.notification import notification
from tools import POLICIES, ROOT, lab

_COLUMNS = 60  # of text that a phone can show
# What is coloured at the terminal
_HIGHLIGHTS = {
    r"(?m)^(STREAM|\$) .+$": "bold",
    "RUNNING": "green",
    r"\w+(?= +no )|unknown": "yellow",
    "FAILED": "red",
    "(?m)^warning:": "bold yellow",
    "(?m)^error:": "bold red",
}


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
    printed = lab.output("demo", "--world", "tools/fleet.yaml", "run")
    _about_emulators, _, rest = printed.partition("\n")
    # The time is all that differs between two runs.
    rest = re.sub(r"in \d+\.\d+ s\.", "in 0.1 s.", rest)
    shown = Text(f"$ datastream-exporter run\n{rest.rstrip()}")
    for pattern, style in _HIGHLIGHTS.items():
        shown.highlight_regex(pattern, style)
    return shown
