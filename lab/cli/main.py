"""The command line of ``datastream-lab``."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO, cast

import exporter
from exporter import cli as process
from exporter.cli import ArgumentParser
from exporter.cli import INCOMPLETE, INTERRUPTED, USAGE
from exporter.cli import Signals
from exporter.logs import LOGGER, Text
from lab.cli.context import Context
from lab.exit_codes import NO_PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "datastream-lab"


class Command(NamedTuple):
    """A command.

    Attributes:
        module: Its module in :mod:`lab.cli`.
        help: What it does, in a few words.
    """

    module: str
    help: str


COMMANDS = {
    "demo": Command("demo", "run the exporter against an emulator, without an account"),
    "serve": Command("serve", "run the emulator for other programs"),
    "list": Command("list", "list the policies"),
    "preview": Command("preview", "show the notifications as they will appear"),
    "test": Command("test", "play the scenarios and check that the right alerts fire"),
    "time-to-page": Command("time_to_page", "measure the time from a change to the incident"),
    "review": Command("review", "show what a Terraform plan changes about the alerts"),
    "backtest": Command("backtest", "show which alerts would have fired in the last days"),
}
"""Every command, in the order of the help. Only the module of the one that runs is imported."""


class CommandModule(Protocol):
    """What a command's module has to provide."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, context: Context) -> int:
        """Run the command; return the exit code."""


def main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run one command line; return the exit code.

    Args:
        argv: The arguments after the program's name.
        environ: The environment.
        out: Gets data.
        err: Gets messages.
    """
    return process.unless_full(PROGRAM, lambda: _main(argv, environ, out, err), out, err)


def _main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    try:
        with redirect_stdout(out), redirect_stderr(err):
            names = parser()
            name = names.parse_args(argv[:1]).command
            if name is None:
                names.error(f"COMMAND is missing: {', '.join(COMMANDS)}")
            command = cast("CommandModule", import_module(f"lab.cli.{COMMANDS[name].module}"))
            args = command_parser(name, command).parse_args(argv[1:])
        if name == "demo":
            # The exporter's own main handles signals.
            context = Context(args, environ, out, err, Event())
            return process.finish(lambda: command.run(context), err, Text())
    except SystemExit as stop:
        # argparse has printed the usage error or the help.
        return int(stop.code or 0)
    except ModuleNotFoundError as error:
        print(
            f"{PROGRAM}: {error.name} is not installed; run `make setup` in the project's folder",
            file=err,
        )
        return USAGE
    except KeyboardInterrupt:
        # During an import, or while the demo's emulator starts or stops.
        print(f"{PROGRAM}: interrupted", file=err)
        return INTERRUPTED
    with Signals() as signals:
        context = Context(args, environ, out, err, signals.stop)
        code = signals.run_in_thread(
            lambda: process.finish(lambda: _run(command, context), err, Text())
        )
    return code if signals.exit_code is None else signals.exit_code


def parser() -> ArgumentParser:
    """Return the parser of the command's name."""
    names = ArgumentParser(
        prog=PROGRAM,
        description="Proves, reviews and back-tests the alert policies against the real exporter.",
        epilog=f"Start with demo. {PROGRAM} COMMAND --help describes a command.",
        allow_abbrev=False,
    )
    names.add_argument("--version", action="version", version=f"%(prog)s {exporter.__version__}")
    commands = names.add_subparsers(metavar="COMMAND", dest="command")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help, add_help=False)
    return names


def command_parser(name: str, command: CommandModule) -> ArgumentParser:
    """Return the parser of a command's arguments.

    Args:
        name: The command.
        command: Its module.
    """
    arguments = ArgumentParser(
        prog=f"{PROGRAM} {name}", description=command.HELP, allow_abbrev=False
    )
    command.add_arguments(arguments)
    return arguments


def _run(command: CommandModule, context: Context) -> int:
    # These import Google's clients, which the help doesn't need.
    from lab.prove.engine import EngineError, NotInstalledError
    from lab.side_by_side import WorkerEndedError
    from lab.simulate.simulation import SimulationError

    try:
        with redirect_stdout(context.out), redirect_stderr(context.err):
            return command.run(context)
    except NotInstalledError as error:
        LOGGER.error("%s", error)
        return NO_PROMETHEUS
    except (EngineError, SimulationError, WorkerEndedError, OSError) as error:
        # Ctrl-C at a terminal ends Prometheus too.
        if context.stop.is_set():
            return INTERRUPTED
        if isinstance(error, OSError):
            raise
        LOGGER.error("%s", error)
        return INCOMPLETE
