"""``datastream-lab demo``: the real exporter against an emulator on this machine."""

import shlex
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory

from exporter.cli import main
from exporter.process import INCOMPLETE, INTERRUPTED, OK
from lab.cli import preview
from lab.cli.options import LabContext, add_options, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.world import World, config_environ

HELP = (
    "Starts an emulator of Datastream and Cloud Monitoring, points the exporter at it"
    " and runs the exporter's own command line. Needs no Google account. Without"
    " COMMAND it plays the whole way: init, check, run, and a page. Try: demo, demo"
    " watch, demo check, demo run --dry-run."
)

_PAGE = "stream-failed-permanently"
_NEXT = """
Next
  .venv/bin/datastream-lab demo watch
    logs what changes in the fleet, for ten minutes
  .venv/bin/datastream-exporter init --folder my-streams
    writes config.yaml and main.tf for your own project, in the folder my-streams
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``demo``."""
    add_options(parser, "world", "policies")
    parser.add_argument(
        "command",
        nargs=REMAINDER,
        metavar="COMMAND ...",
        help=(
            "a command of datastream-exporter with its arguments (default: the whole"
            " way)"
        ),
    )


def run(context: LabContext) -> int:
    """Run the exporter against the emulator; return its exit code."""
    world, name = selected_world(context.args)
    own_config = config_environ(world, name)
    with Emulator(world) as emulator:
        if context.stop.is_set():
            return INTERRUPTED
        environ = {**context.environ, **emulator.environ}
        if argv := context.args.command:
            return _export(context, argv, own_config | environ)
        return _play(context, world, environ)


def _play(
    context: LabContext,
    world: World,
    environ: Mapping[str, str],
) -> int:
    """Play the way from nothing to a page, with the config that ``init`` writes."""
    projects = [
        f"--project={project.id}" for project in world.projects if project.locations
    ]
    with TemporaryDirectory() as folder:
        config = f"--config={folder}/config.yaml"
        steps = (
            [
                "init",
                *projects,
                "--folder",
                folder,
            ],
            ["check", config],
            ["run", config],
        )
        for argv in steps:
            _announce(context, "datastream-exporter", *argv)
            code = _export(context, argv, environ)
            # check names the location that is down in the default world.
            if code == INCOMPLETE and argv[0] == "check":
                continue
            if code != OK:
                return code
    _announce(context, "datastream-lab", "preview", _PAGE)
    args = Namespace(names=[_PAGE], scenario=None, policies=context.args.policies)
    code = preview.run(context._replace(args=args))
    context.err.write(_NEXT)
    return code


def _export(
    context: LabContext, argv: Sequence[str], environ: Mapping[str, str]
) -> int:
    """Run the exporter's command line."""
    return main(argv, environ, context.out, context.err, context.signals)


def _announce(context: LabContext, *command: str) -> None:
    context.out.write("\n")
    context.out.flush()
    context.err.write(f"$ {shlex.join(command)}\n")
