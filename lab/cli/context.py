"""What a command works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from threading import Event


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        args: The parsed command line.
        environ: The environment.
        out: Where data is printed.
        err: Where progress and messages are printed.
        stop: Set when the command should end soon: after SIGINT or SIGTERM.
    """

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    stop: Event
