"""``datastream-lab demo``: the real exporter against an emulator on this machine."""

import shlex
from argparse import REMAINDER, ArgumentParser
from collections.abc import Mapping
from logging import LogRecord
from tempfile import TemporaryDirectory

from exporter.command.cli import main
from exporter.logger import LOGGER
from exporter.process import INTERRUPTED, OK
from exporter.steps.measure import metrics
from lab.cli.options import (
    LabContext,
    add_options,
    selected_policies,
    selected_world,
)
from lab.emulator.emulator import Emulator
from lab.emulator.world import World, config_environ
from lab.preview.notification import notification
from lab.preview.terminal import print_texts
from lab.terminal import console

HELP = (
    "Starts an emulator of Datastream and Cloud Monitoring, points the exporter at it"
    " and runs the exporter's own command line. Needs no Google account. Without"
    " COMMAND it plays the whole way: init, check, run, and a page. Try: demo, demo"
    " watch, demo check, demo run --dry-run."
)

# The policy whose page is shown, and the value of a problem that it alerts on
_POLICY, _LOST = "stream-failed-permanently", 106
_NEXT = """
Next (the folder of this demo is gone)
  .venv/bin/datastream-lab demo watch
    logs what changes in the fleet, for ten minutes
  .venv/bin/datastream-exporter init --project my-project --folder ../my-streams
    writes config.yaml and main.tf for a project of yours
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
            return main(
                argv, own_config | environ, context.out, context.err, context.signals
            )
        # Each step finds the same location down, and the same emulators.
        logged: dict[str, LogRecord] = {}

        def is_first(record: LogRecord) -> bool:
            return logged.setdefault(record.getMessage(), record) is record

        LOGGER.addFilter(is_first)
        code = _play(context, world, environ)
        LOGGER.removeFilter(is_first)
        if code == OK:
            _show_page(context, emulator)
            context.err.write(_NEXT)
        return code


def _play(
    context: LabContext,
    world: World,
    environ: Mapping[str, str],
) -> int:
    """Run the exporter's commands in order, with the config that ``init`` writes."""
    projects = [
        f"--project={project.id}" for project in world.projects if project.locations
    ]
    with TemporaryDirectory(prefix="my-streams-") as folder:
        config = f"--config={folder}/config.yaml"
        steps = (
            ["init", *projects, f"--folder={folder}"],
            ["check", config],
            ["run", config],
        )
        for argv in steps:
            context.out.flush()
            context.err.write(f"\n$ datastream-exporter {shlex.join(argv)}\n")
            code = main(argv, environ, context.out, context.err, context.signals)
            # check fails where a location is down, as in the default world.
            if code != OK and argv[0] != "check":
                return code
    return OK


def _show_page(context: LabContext, emulator: Emulator) -> None:
    """Print the page about a stream that failed permanently, if one did."""
    policies = {policy.name: policy for policy in selected_policies(context.args)}
    for point in emulator.points(metrics()["stream/problem"].type):
        if point.value == _LOST and _POLICY in policies:
            labels = point.resource_labels | point.metric_labels
            shown = notification(policies[_POLICY], labels, point.project)
            context.err.write(f"\nThe page of {_POLICY}, much as Slack shows it:\n")
            print_texts(console(context.out), shown)
            return
