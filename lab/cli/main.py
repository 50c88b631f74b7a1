"""The command line of ``datastream-lab``."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TextIO

import exporter
from exporter.command.command_line import parse, require_command
from exporter.logger import LOGGER, Text
from exporter.process import INCOMPLETE, USAGE, Signals, ending

PROGRAM = "datastream-lab"
NO_PROMETHEUS = 3  # the exit code where Prometheus is not installed

# What each command is for. Only the module of the one that runs is imported
COMMANDS = {
    "demo": "run the exporter against an emulator, without an account",
    "serve": "run the emulator for other programs",
    "test": "play the scenarios and check that the right alerts fire",
    "preview": "list the policies, or show a notification as it will appear",
    "review": "show what a Terraform plan changes about the alerts",
    "verify": "prove an installation on its own project",
}


def main(
    argv: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO
) -> int:
    """Run one command line; return the exit code.

    Data goes to ``out``, messages to ``err``.
    """
    with redirect_stdout(out), redirect_stderr(err):
        try:
            args = parse(command_parser(_command(argv)), argv[1:])
        except SystemExit as stop:
            # argparse has printed the usage error or the help.
            return int(stop.code or 0)
        except ModuleNotFoundError as error:
            print(
                f"{PROGRAM}: {error.name} is not installed; run `make setup` in a"
                " clone, or install datastream-exporter[lab]",
                file=err,
            )
            return USAGE
        # The help needs none of Google's clients, which take a moment to import.
        from lab.cli.options import LabContext
        from lab.prove.engine import EngineError, NotInstalledError
        from lab.side_by_side import WorkerEndedError

        with Signals() as signals, ending(err, Text()) as end:
            try:
                end.code = args.run(LabContext(args, environ, out, err, signals))
            except SystemExit as stop:
                # As above, of the command that a demo plays
                end.code = int(stop.code or 0)
            except NotInstalledError as error:
                LOGGER.error("%s", error)
                end.code = NO_PROMETHEUS
            except (EngineError, WorkerEndedError) as error:
                LOGGER.error("%s", error)
                end.code = INCOMPLETE
        return signals.exit_code or end.code


def command_parser(name: str) -> ArgumentParser:
    """Return the parser of a command's arguments."""
    command = import_module(f"lab.cli.{name}")
    parser = ArgumentParser(
        f"{PROGRAM} {name}",
        description=command.HELP,
        epilog=f"Example: {PROGRAM} {name} {command.EXAMPLE}",
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)
    return parser


def _command(argv: Sequence[str]) -> str:
    """Return the command's name; exit if it is wrong, or after the help."""
    parser = ArgumentParser(
        PROGRAM,
        description=(
            "Proves and reviews the alert policies against the real exporter."
        ),
        epilog=f"Start with demo. {PROGRAM} COMMAND --help describes a command.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", "-V", action="version", version=f"%(prog)s {exporter.__version__}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    for each, text in COMMANDS.items():
        commands.add_parser(each, help=text, add_help=False)
    require_command(parser, argv, COMMANDS)
    return str(parse(parser, argv[:1]).command)
