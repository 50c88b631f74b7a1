"""The pages of the docs, and the commands in them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT, generate

PAGES = (
    *generate.PAGES,
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "terraform" / "examples" / "review" / "README.md",
)

_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def fences(page: Path, *languages: str) -> Iterator[str]:
    """Yield the content of a page's fenced blocks in some languages, not indented."""
    for found in _FENCED.finditer(page.read_text("utf-8")):
        if found[2] in languages:
            yield textwrap.dedent(found[3])


def commands_of(block: str) -> Iterator[str]:
    """Yield the commands of a shell block, each on one line and without its comment."""
    for line in block.replace("\\\n", " ").splitlines():
        command = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if command:
            yield command
