"""Updates what the docs take from the code: ``make docs``.

A block is between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. The JSON Schema
and the pictures are whole files. With ``--check``, nothing is written, and files that
are out of date are an error.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tools import (
    ROOT,
    config_reference,
    emulator,
    lab,
    lab_review,
    pictures,
    policies,
    reference,
    terraform,
)

PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "terraform" / "README.md",
)
SCHEMA = ROOT / "docs" / "config.schema.json"
# What makes each block, by its name
BLOCKS: Mapping[str, Callable[[], str]] = {
    "resources": reference.resources,
    "metrics": reference.metrics,
    "log events": reference.log_events,
    "config keys": reference.config_keys,
    "exit codes": partial(reference.exit_codes, reference.EXIT_CODES),
    "lab exit codes": partial(reference.exit_codes, reference.LAB_EXIT_CODES),
    "world events": emulator.world_events,
    "policies": policies.policies,
    "policies commands": lab.commands,
    "policies test transcript": lab.transcript,
    "policies review": lab_review.example,
    "module inputs": terraform.inputs,
    "module outputs": terraform.outputs,
    "module examples": terraform.examples,
}

_BLOCK = re.compile(
    r"(?P<begin><!-- begin (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end \2 -->)",
    re.DOTALL,
)


def main(argv: Sequence[str]) -> int:
    """Update the files that are out of date, or name them; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.generate", description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing, name files that are out of date",
    )
    check = parser.parse_args(argv).check
    outdated = {
        path: text
        for path, text in updated().items()
        if not path.exists() or path.read_text("utf-8") != text
    }
    for path, text in outdated.items():
        name = path.relative_to(ROOT)
        if check:
            sys.stderr.write(f"{name} is out of date; run: make docs\n")
        else:
            path.write_text(text, "utf-8")
            sys.stderr.write(f"{name} is updated\n")
    return 1 if outdated and check else 0


def updated() -> dict[Path, str]:
    """Return the up-to-date text of every page and picture, and of the schema."""
    pages = {path: filled(path.read_text("utf-8")) for path in PAGES}
    return {
        **pages,
        **pictures.pictures(),
        SCHEMA: json.dumps(config_reference.json_schema(), indent=2) + "\n",
    }


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
