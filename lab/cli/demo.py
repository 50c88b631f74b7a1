"""``datastream-lab demo``: the real exporter against an emulator on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from exporter.cli import main as exporter_cli
from exporter.cli.exit_codes import OK
from lab.emulator.emulator import Emulator
from lab.emulator.world_files import config_environ, default_world, read_world

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

HELP = (
    "Starts an emulator of Datastream and Cloud Monitoring, points the exporter at it and runs the "
    "exporter's own command line. No account is used."
)

_NEXT = """
Next
  .venv/bin/datastream-lab demo watch              the fleet as it changes, for ten minutes
  .venv/bin/datastream-exporter check              is all in place for your config.yaml?
  .venv/bin/datastream-exporter run --dry-run      what would be written, without writing it
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    parser.add_argument(
        "--world",
        metavar="FILE",
        help="the world file: what exists, what changes, what goes wrong (default: one company's "
        "fleet)",
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND ...",
        help="a command of datastream-exporter with its arguments (default: run)",
    )


def run(args: Namespace) -> int:
    """Run the exporter against the emulator; return its exit code.

    Raises:
        InputError: In the world file.
    """
    world = read_world(args.world) if args.world else default_world()
    argv = args.command or ["run"]
    environ = {**args.environ, **config_environ(world, args.world or "default world")}
    with Emulator(world) as cloud:
        code = exporter_cli.main(argv, environ | cloud.environ, args.out, args.err)
    if code == OK and argv == ["run"]:
        args.err.write(_NEXT)
    return code
