"""``datastream-lab serve``: the emulator for other programs."""

import shlex
from argparse import ArgumentParser
from contextlib import ExitStack

from exporter.config import load
from exporter.logger import LOGGER
from exporter.process import OK
from lab.cli.options import (
    LabContext,
    add_options,
    selected_policies,
    selected_world,
    writable,
)
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ
from lab.prove.engine import NotInstalledError
from lab.verify.emulated import deploy, serve_rest

HELP = (
    "Runs an emulator of Datastream and Cloud Monitoring for other programs until"
    " Ctrl-C. Once it runs, FILE has the lines that a program's shell needs to find it."
    " Where the world has a config, the policies are deployed."
)
EXAMPLE = "emulator.env"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``serve``."""
    parser.add_argument(
        "file",
        nargs="?",
        type=writable,
        default="emulator.env",
        metavar="FILE",
        help="the file to write (default: emulator.env)",
    )
    add_options(parser, "world", "policies")


def run(context: LabContext) -> int:
    """Write lines for a shell, and serve until a signal; return the exit code."""
    # Who is too early finds no file. With an old one, or half of one, a program might
    # call Google.
    file = context.args.file
    file.unlink(missing_ok=True)
    world, name = selected_world(context.args)
    config = config_environ(world, name)
    with Emulator(world) as emulator, ExitStack() as running:
        environ = emulator.environ | config
        if config:
            deploy(emulator, load(None, config), selected_policies(context.args))
        try:
            environ |= running.enter_context(serve_rest(emulator))
        except NotInstalledError as error:
            LOGGER.warning("Queries and incidents are not served: %s.", error)
        lines = ""
        for variable, value in environ.items():
            lines += f"export {variable}={shlex.quote(value)}\n"
        whole = file.with_suffix(".part")
        whole.write_text(lines, "utf-8")
        whole.replace(file)
        LOGGER.info(
            "The emulator runs until Ctrl-C. For a program to use it, run in its shell:"
            " . %s",
            shlex.quote(str(file.resolve())),
        )
        context.stop.wait()
        file.unlink(missing_ok=True)
    return OK
