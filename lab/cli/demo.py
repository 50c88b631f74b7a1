"""``datastream-lab demo``: the real exporter against an emulator on this machine."""

from argparse import REMAINDER, ArgumentParser

from exporter.cli import INTERRUPTED, OK, main
from lab.cli.options import Context, add_options, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.world import config_environ

HELP = (
    "Starts an emulator of Datastream and Cloud Monitoring, points the exporter at it and runs the "
    "exporter's own command line. Needs no Google account. Try: demo, demo watch, demo check, demo "
    "run --dry-run."
)

_NEXT = """
Next
  .venv/bin/datastream-lab demo watch
    shows the fleet as it changes, for ten minutes
  .venv/bin/datastream-exporter check
    checks your config.yaml and your access
  .venv/bin/datastream-exporter run --dry-run
    shows what a run would write
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``demo``."""
    add_options(parser, "world")
    parser.add_argument(
        "command",
        nargs=REMAINDER,
        metavar="COMMAND ...",
        help="a command of datastream-exporter with its arguments (default: run)",
    )


def run(context: Context) -> int:
    """Run the exporter against the emulator; return its exit code."""
    world, name = selected_world(context.args)
    argv = context.args.command or ["run"]
    environ = {**context.environ, **config_environ(world, name)}
    with Emulator(world) as emulator:
        if context.stop.is_set():
            return INTERRUPTED
        code = main(argv, environ | emulator.environ, context.out, context.err)
    if code == OK and argv == ["run"]:
        context.err.write(_NEXT)
    return code
