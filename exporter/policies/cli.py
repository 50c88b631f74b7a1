"""``datastream-exporter policies``: its commands, each a module of its own."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.exit_codes import INCOMPLETE, INTERRUPTED
from exporter.logs import LOGGER
from exporter.policies.commands.options import add_policies
from exporter.policies.proving.engine import MISSING, EngineError, NotInstalledError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from exporter.session import Context


class Command(NamedTuple):
    """A command.

    Attributes:
        module: The module of :mod:`exporter.policies.commands` that holds it; see there what such
            a module has.
        help: What the command is for, in a few words.
    """

    module: str
    help: str


COMMANDS = {
    "list": Command("listing", "the policies at a glance"),
    "test": Command("prove", "play the scenarios, and say whether what should page does"),
    "time-to-page": Command("waiting", "measure how soon each page comes"),
    "review": Command("review", "say what a Terraform plan changes about the pages"),
    "backtest": Command("backtest", "say what would have paged in a real project's last days"),
    "report": Command("report", "show the policies and their scenarios on one page"),
}
"""Every command; no module is imported but that of the one that is asked."""


def add_commands(policies: ArgumentParser) -> None:
    """Add every command to the parser of ``policies``.

    Args:
        policies: The parser; its class takes ``fill``, as those of its commands do then.
    """
    some: Any = policies.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        some.add_parser(
            name, help=command.help, allow_abbrev=False, fill=partial(_fill, command.module)
        )


def _fill(module: str, parser: ArgumentParser) -> None:
    command = import_module(f"exporter.policies.commands.{module}")
    parser.description = command.HELP
    add_policies(parser)
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)


def run(context: Context) -> int:
    """Do what the command line asks for; return the exit code.

    Raises:
        Mistakes: In files, or on the command line.
    """
    args, stop = context.args, context.signals.stop
    args.out, args.err = context.out or context.err, context.err
    args.environ, args.stop, args.program = context.environ, stop, context.program
    try:
        with redirect_stdout(args.out), redirect_stderr(args.err):
            return int(args.run(args))
    except NotInstalledError as error:
        LOGGER.error("%s", error)
        return MISSING
    except (EngineError, OSError) as error:
        # Ctrl-C at a terminal ends the engine too, whoever is just asking it.
        if stop.is_set():
            return INTERRUPTED
        if not isinstance(error, EngineError):
            raise
        LOGGER.error("%s", error)
        return INCOMPLETE
