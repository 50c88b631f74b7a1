"""The command line of ``datastream-lab``."""

from __future__ import annotations

import argparse
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import exporter
from exporter.cli import process
from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, USAGE
from exporter.cli.logs import LOGGER, Text
from exporter.cli.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "datastream-lab"


class Command(NamedTuple):
    """A command.

    Attributes:
        module: The module of :mod:`lab.cli` that holds it.
        help: What the command is for, in a few words.
    """

    module: str
    help: str


COMMANDS = {
    "demo": Command("demo", "run the exporter against an emulator, without an account"),
    "serve": Command("serve", "keep the emulator up for other programs"),
    "list": Command("list", "the policies at a glance"),
    "test": Command("test", "play the scenarios, and say whether the right alerts fire"),
    "time-to-page": Command("time_to_page", "measure how soon each page comes"),
    "review": Command("review", "say what a Terraform plan changes about the alerts"),
    "backtest": Command("backtest", "say what would have alerted in a project's last days"),
    "report": Command("report", "show the policies and their scenarios on one page"),
}
"""Every command. Only the module of the command that is called gets imported."""


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    process.enter(main)


def main(argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run one command line; return the exit code.

    Args:
        argv: The arguments after the program's name.
        environ: The environment.
        out: Gets data.
        err: Gets talk.
    """
    try:
        with redirect_stdout(out), redirect_stderr(err):
            name = parser().parse_args(argv[:1]).command
            command = import_module(f"lab.cli.{COMMANDS[name].module}")
            args = command_parser(name, command).parse_args(argv[1:])
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    except ModuleNotFoundError as error:
        print(
            f"{PROGRAM}: {error.name} is not installed; run `make setup` in the project's folder",
            file=err,
        )
        return USAGE
    except KeyboardInterrupt:
        # Some commands take a moment to import.
        return INTERRUPTED
    args.environ, args.out, args.err = environ, out, err
    if name == "demo":
        # It calls the exporter's own main, which handles signals itself.
        return process.finish(lambda: int(command.run(args)), out, err, Text())
    with Signals() as signals:
        args.stop = signals.stop
        code = signals.run_in_thread(
            lambda: process.finish(lambda: _run(command, args), out, err, Text())
        )
    return code if signals.exit_code is None else signals.exit_code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's name alone."""
    whole = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Proves, reviews and back-tests the alert policies against the real exporter.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {exporter.__version__}")
    some = whole.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, command in COMMANDS.items():
        some.add_parser(name, help=command.help, add_help=False)
    return whole


def command_parser(name: str, command: Any) -> argparse.ArgumentParser:
    """Return the parser of what follows a command's name.

    Args:
        name: The command.
        command: Its module.
    """
    it = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}", description=command.HELP, allow_abbrev=False
    )
    command.add_arguments(it)
    return it


def _run(command: Any, args: argparse.Namespace) -> int:
    from lab.prove.engine import MISSING, EngineError, NotInstalledError
    from lab.side_by_side import WorkerEndedError
    from lab.simulate.simulation import SimulationError

    try:
        with redirect_stdout(args.out), redirect_stderr(args.err):
            return int(command.run(args))
    except NotInstalledError as error:
        LOGGER.error("%s", error)
        return MISSING
    except (EngineError, SimulationError, WorkerEndedError, OSError) as error:
        # Ctrl-C at a terminal also ends the engine that is being asked.
        if args.stop.is_set():
            return INTERRUPTED
        if isinstance(error, OSError):
            raise
        LOGGER.error("%s", error)
        return INCOMPLETE
