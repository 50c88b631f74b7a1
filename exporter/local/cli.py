"""``datastream-exporter local serve``: the servers on their own, for other programs to use."""

from __future__ import annotations

from argparse import ArgumentTypeError
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from exporter.local.cloud import LocalCloud
from exporter.local.reading import default_world, read_world
from exporter.local.rpc import PortInUseError
from exporter.mistakes import Mistakes

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from threading import Event

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


def serve(args: Namespace, out: TextIO, err: TextIO, stop: Event) -> int:
    """Keep both servers up until ``stop`` is set; return the exit code.

    Args:
        args: As parsed with :func:`add_arguments`.
        out: Gets two lines that a shell can evaluate, once the servers listen.
        err: Gets what a person reads.
        stop: Ends it.
    """
    with ExitStack() as running:
        try:
            world = read_world(args.world) if args.world else default_world()
            cloud = LocalCloud(world)
            cloud.start(args.datastream_port, args.monitoring_port)
        except (Mistakes, PortInUseError) as error:
            print(error, file=err)
            return 2
        running.callback(cloud.stop)
        print(f"export DATASTREAM_EMULATOR_HOST={cloud.datastream}", file=out)
        print(f"export MONITORING_EMULATOR_HOST={cloud.monitoring}", file=out, flush=True)
        print(
            "Datastream and Cloud Monitoring are served on this machine; give the lines above to"
            " the shell of the program that is to use them. Ctrl-C ends it.",
            file=err,
            flush=True,
        )
        stop.wait()
    return 0


def _port(written: str) -> int:
    if not (written.isascii() and written.isdecimal() and int(written) <= _LAST_PORT):
        raise ArgumentTypeError(f"{written} is no port; write a number from 0 to {_LAST_PORT}")
    return int(written)
