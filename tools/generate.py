"""Update what README.md, docs/ and terraform/README.md take from the code: ``make docs``.

A block is between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. The JSON Schemas and the rules
made from one are whole files, and so is the picture of a timeline. With ``--check``, nothing is written, and files that are out of date
are an error.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli import dry_run
from lab.prove.engine import NotInstalledError
from tools import config_reference, config_rules, timeline
from tools.blocks import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "terraform" / "README.md",
)
SCHEMAS = {
    ROOT / "docs" / "config.schema.json": config_reference.json_schema,
    ROOT / "docs" / "dry-run.schema.json": dry_run.schema,
    ROOT / "terraform" / "config_rules.json": config_rules.rules,
}

_BLOCK = re.compile(
    r"(?P<begin><!-- begin (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end \2 -->)", re.DOTALL
)


def main(argv: Sequence[str]) -> int:
    """Update the files that are out of date, or name them; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.generate", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, name files that are out of date"
    )
    check = parser.parse_args(argv).check
    outdated = [
        path
        for path, text in updated().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    for path in outdated:
        name = path.relative_to(ROOT)
        if check:
            sys.stderr.write(f"{name} is out of date; run: make docs\n")
        else:
            path.write_text(updated()[path], "utf-8")
            sys.stderr.write(f"{name} is updated\n")
    return 1 if outdated and check else 0


@cache
def updated() -> dict[Path, str]:
    """Return the up-to-date text of every page and schema."""
    pages = {path: filled(path.read_text("utf-8")) for path in PAGES}
    schemas = {path: json.dumps(schema(), indent=2) + "\n" for path, schema in SCHEMAS.items()}
    try:
        pictures = {timeline.PICTURE: timeline.svg()}
    except NotInstalledError as error:
        sys.stderr.write(f"{timeline.PICTURE.relative_to(ROOT)} is left as it is: {error}\n")
        pictures = {}
    return {**pages, **schemas, **pictures}


def filled(page: str) -> str:
    """Return a page with up-to-date blocks.

    Raises:
        KeyError: No block has this name.
    """
    return _BLOCK.sub(
        lambda found: f"{found['begin']}{BLOCKS[found['name']]()}\n{found['end']}", page
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
