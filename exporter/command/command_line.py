"""What was typed, as a value: every command takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from exporter.process import Signals


@dataclass
class CommandLine:
    """What was typed, and what the command works with.

    An option that the command doesn't have keeps its default.
    """

    environ: Mapping[str, str]
    out: TextIO | None  # where data goes; None on Cloud Run, where stdout is the log
    signals: Signals  # whether the command is to end early
    command: str = ""
    verbose: bool = False
    config: str | None = None  # the path of a config file
    dry_run: bool = False
    interval: timedelta = timedelta()
    offline: bool = False
    read_only: bool = False
    strict: bool = False
    impersonate_service_account: str | None = None
    project: Sequence[str] = ()
    folder: Path = Path()
