"""Keeps what was typed, and says what a wrong word may have meant."""

import re
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from exporter.documents.mistakes import hint
from exporter.process import Signals
from exporter.text import quote


@dataclass
class CommandLine:
    """What was typed, and what the command works with.

    An option that was not typed keeps its default.
    """

    environ: Mapping[str, str]
    out: TextIO  # where data goes
    err: TextIO  # where people are told how far work is
    signals: Signals  # whether the command is to end early
    on_cloud_run: bool = False  # where ``out`` is the log, and has no data
    command: str = ""
    verbose: bool = False
    config: str | None = None  # the path of a config file
    dry_run: bool = False
    interval: timedelta = timedelta(seconds=10)
    offline: bool = False
    read_only: bool = False
    strict: bool = False
    accept: Sequence[str] | None = None
    json: bool = False
    project: Sequence[str] | None = None
    metrics_project: str | None = None
    folder: Path = Path()


def require_command(
    parser: ArgumentParser, argv: Sequence[str], commands: Mapping[str, object]
) -> None:
    """End with a usage error unless a command comes first, or an option."""
    name = argv[0] if argv else ""
    if name not in commands and not name.startswith("-"):
        what = f"{quote(name)} is not a command" if name else "COMMAND is missing"
        parser.error(f"{what}; {hint(name, commands)}")


def parse(parser: ArgumentParser, argv: Sequence[str], into: Any = None) -> Any:
    """Return the parsed words as attributes, of ``into`` if it is given.

    End with a usage error about a word that is not known.
    """
    parsed, rest = parser.parse_known_args(argv, into)
    if rest:
        options = re.findall("--[a-z-]+", parser.format_usage())
        parser.error(f"{quote(rest[0])} is not known here; {hint(rest[0], options)}")
    return parsed
