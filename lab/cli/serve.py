"""``datastream-lab serve``: the emulator for other programs."""

import shlex
from argparse import ArgumentParser, ArgumentTypeError

from exporter.logs import LOGGER
from exporter.process import OK, USAGE
from lab.cli.options import LabContext, add_options, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.server import PortInUseError
from lab.emulator.world import config_environ

HELP = (
    "Runs an emulator of Datastream and Cloud Monitoring for other programs until"
    " Ctrl-C. Prints the export lines that point a program at it."
)

_LAST_PORT = 65535


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``serve``."""
    add_options(parser, "world")
    services = {"datastream": "Datastream", "monitoring": "Cloud Monitoring"}
    for option, service in services.items():
        parser.add_argument(
            f"--{option}-port",
            type=_port,
            default=0,
            metavar="PORT",
            help=f"the port of {service} on 127.0.0.1 (default: any free port)",
        )


def run(context: LabContext) -> int:
    """Print lines for a shell, and serve until a signal; return the exit code."""
    args = context.args
    world, name = selected_world(args)
    environ = config_environ(world, name)
    ports = (args.datastream_port, args.monitoring_port)
    try:
        with Emulator(world, ports=ports) as emulator:
            for variable, value in (emulator.environ | environ).items():
                line = f"export {variable}={shlex.quote(value)}"
                print(line, file=context.out, flush=True)
            LOGGER.info(
                "The emulator is running. Paste the export lines into the shell of the"
                " program that should use it. Ctrl-C stops it."
            )
            context.stop.wait()
    except PortInUseError as error:
        LOGGER.error("%s", error)
        return USAGE
    return OK


def _port(text: str) -> int:
    if text not in map(str, range(_LAST_PORT + 1)):
        raise ArgumentTypeError(
            f"{text} is not a port; write a number from 0 to {_LAST_PORT}"
        )
    return int(text)
