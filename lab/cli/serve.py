"""``datastream-lab serve``: the emulator for other programs."""

import shlex
from argparse import ArgumentParser

from exporter.logger import LOGGER
from exporter.process import OK
from lab.cli.options import LabContext, add_options, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ

HELP = (
    "Runs an emulator of Datastream and Cloud Monitoring for other programs until"
    " Ctrl-C. Prints the export lines that point a program at it."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``serve``."""
    add_options(parser, "world")


def run(context: LabContext) -> int:
    """Print lines for a shell, and serve until a signal; return the exit code."""
    world, name = selected_world(context.args)
    environ = config_environ(world, name)
    with Emulator(world) as emulator:
        for variable, value in (emulator.environ | environ).items():
            line = f"export {variable}={shlex.quote(value)}"
            print(line, file=context.out, flush=True)
        LOGGER.info(
            "The emulator is running. Paste the export lines into the shell of the"
            " program that should use it. Ctrl-C stops it."
        )
        context.stop.wait()
    return OK
