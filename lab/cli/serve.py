"""``datastream-lab serve``: the emulator for other programs."""

import shlex
from argparse import ArgumentParser
from contextlib import ExitStack

from exporter.logger import LOGGER
from exporter.process import OK
from lab.cli.options import LabContext, add_options, selected_policies, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ
from lab.prove.engine import NotInstalledError
from lab.verify.emulated import deploy, serve_rest

HELP = (
    "Runs an emulator of Datastream and Cloud Monitoring for other programs until"
    " Ctrl-C. Prints the export lines that point a program at it. Where the world has a"
    " config, the policies are deployed."
)
EXAMPLE = ">emulator.env"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``serve``."""
    add_options(parser, "world", "policies")


def run(context: LabContext) -> int:
    """Print lines for a shell, and serve until a signal; return the exit code."""
    world, name = selected_world(context.args)
    config = config_environ(world, name)
    with Emulator(world) as emulator, ExitStack() as running:
        environ = emulator.environ | config
        if config:
            deploy(emulator, config, selected_policies(context.args))
        try:
            environ |= running.enter_context(serve_rest(emulator))
        except NotInstalledError as error:
            LOGGER.warning("Queries and incidents are not served: %s.", error)
        for variable, value in environ.items():
            line = f"export {variable}={shlex.quote(value)}"
            print(line, file=context.out, flush=True)
        LOGGER.info(
            "The emulator is running. Paste the export lines into the shell of the"
            " program that should use it. Ctrl-C stops it."
        )
        context.stop.wait()
    return OK
