"""``datastream-lab serve``: the emulator on its own, for other programs to use."""

from __future__ import annotations

import shlex
from argparse import ArgumentTypeError
from contextlib import ExitStack
from typing import TYPE_CHECKING

from exporter.cli.exit_codes import OK, USAGE
from exporter.cli.logs import LOGGER
from lab.emulator.emulator import Emulator
from lab.emulator.server import PortInUseError
from lab.emulator.world_files import config_environ, default_world, read_world

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

HELP = "Keeps an emulator of Datastream and Cloud Monitoring up for other programs."

_LAST_PORT = 65535


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`serve` reads to a parser."""
    parser.add_argument(
        "--world",
        metavar="FILE",
        help="the world file: what exists, what changes, what goes wrong"
        " (default: one company's fleet)",
    )
    for service in ("datastream", "monitoring"):
        parser.add_argument(
            f"--{service}-port",
            type=_port,
            default=0,
            metavar="PORT",
            help=f"where {service} listens on 127.0.0.1 (default: any free port)",
        )


def run(args: Namespace) -> int:
    """Keep both servers up until ``stop`` is set; return the exit code.

    Once the servers listen, ``out`` gets lines that a shell can evaluate: the two addresses, and
    the world's config for the exporter where it has one.

    Raises:
        InputError: In the world file.
    """
    world = read_world(args.world) if args.world else default_world()
    environ = config_environ(world, args.world or "default world")
    with ExitStack() as running:
        try:
            cloud = Emulator(world)
            cloud.start(args.datastream_port, args.monitoring_port)
        except PortInUseError as error:
            LOGGER.error("%s", error)
            return USAGE
        running.callback(cloud.stop)
        for name, value in (cloud.environ | environ).items():
            print(f"export {name}={shlex.quote(value)}", file=args.out)
        args.out.flush()
        print(
            "The emulator is running. Paste the export lines into the shell of the program that "
            "should use it. Ctrl-C stops it.",
            file=args.err,
            flush=True,
        )
        args.stop.wait()
    return OK


def _port(written: str) -> int:
    if not (written.isascii() and written.isdecimal() and int(written) <= _LAST_PORT):
        raise ArgumentTypeError(f"{written} is no port; write a number from 0 to {_LAST_PORT}")
    return int(written)
