"""``datastream-lab demo``: the real exporter against an emulator on this machine."""

import os
import shlex
import shutil
import sys
from argparse import REMAINDER, ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from logging import LogRecord
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from exporter.command.cli import main, parser
from exporter.command.command_line import parse
from exporter.config import load
from exporter.documents.mistakes import InputError, hint
from exporter.logger import LOGGER
from exporter.process import INTERRUPTED, OK
from exporter.steps.measure import metrics
from exporter.text import quote
from lab.cli.main import command_parser
from lab.cli.options import LabContext, add_options, selected_policies, selected_world
from lab.emulator.emulator import Emulator
from lab.emulator.world import World, config_environ
from lab.policies.files import Policy
from lab.preview.notification import notification
from lab.preview.terminal import print_texts
from lab.terminal import console
from lab.verify import queries
from lab.verify.emulated import deploy, serve_rest

HELP = (
    "Starts an emulator of Datastream and Cloud Monitoring, points the exporter at it"
    " and runs the exporter's own command line. Needs no Google account. Without"
    " COMMAND, it plays init and run, and shows a page. `demo verify` deploys the"
    " policies there, and a stream fails until its incident opens, in about a minute."
    " With --pause, a stream is paused instead, which takes twelve minutes: its problem"
    " ends after ten good ones. Both need Prometheus. Try: demo, demo verify, demo"
    " watch, demo check, demo run --dry-run."
)
EXAMPLE = "watch"

# The policy whose page is shown, and the kind of problem that it alerts on
_POLICY, _KIND = "stream-failed-permanently", "failed_permanently"
_FOLDER = Path("my-streams-demo")  # of what init writes
_AFTER_INIT = "Skip these in the demo: they need a project of your own.\n"
_NEXT = """
config.yaml and main.tf are in {folder}; the next demo overwrites them. Next:
  {programs}datastream-lab demo verify
    lets a stream fail until its incident opens, in about a minute
  {programs}datastream-lab demo watch
    shows what changes in the fleet, most of it within ten minutes, until Ctrl-C
  {programs}datastream-exporter init --project my-project --folder ../my-streams
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
            "verify, or a command of datastream-exporter with its arguments (default:"
            " init, run, and a page)"
        ),
    )


def run(context: LabContext) -> int:
    """Run the exporter against the emulator; return its exit code."""
    argv = context.args.command
    for each in argv:
        if each.startswith(("--world", "--policies")):
            raise InputError(
                f"{each} is an option of demo: write it before {argv[0]}. For example:"
                f" datastream-lab demo --world FILE {argv[0]}"
            )
    world, name = selected_world(context.args)
    own_config = config_environ(world, name)
    # What is wrong is told before anything is played.
    policies = selected_policies(context.args)
    commands = ("verify", *parser()[1])
    if argv and argv[0] not in commands and not argv[0].startswith("-"):
        advice = hint(argv[0], commands)
        raise InputError(f"{quote(argv[0])} is not a command; {advice}")
    drill: list[str] = []
    if argv[:1] == ["verify"]:
        config = load(None, own_config | {**context.environ})
        drill = ["--project", config.metrics.project, "--drill", "--yes", *argv[1:]]
        args = parse(command_parser("verify"), drill)
        args.policies = context.args.policies
        paused = args.pause
        streams = world.resource_names()["stream"]
        if paused and str(paused) not in streams:
            advice = hint(str(paused), streams)
            raise InputError(f"{paused} is not a stream of this world; {advice}")
    with Emulator(world) as emulator:
        if context.stop.is_set():
            return INTERRUPTED
        environ = {**context.environ, **emulator.environ}
        if argv and not drill:
            return main(
                argv, own_config | environ, context.out, context.err, context.signals
            )
        # Each step finds the same location down, and the same emulators.
        logged: dict[str, LogRecord] = {}

        def is_new(record: LogRecord) -> bool:
            return logged.setdefault(record.getMessage(), record) is record

        LOGGER.addFilter(is_new)
        try:
            if drill:
                deploy(emulator, config, policies)
                code = _verify(context, emulator, own_config | environ, drill, args)
            else:
                code = _play(context, world, environ)
        finally:
            LOGGER.removeFilter(is_new)
        if code == OK and not argv and not context.stop.is_set():
            _show_page(context, emulator, policies)
            # A clone's .venv is not on the PATH.
            programs = f"{os.path.relpath(Path(sys.executable).parent)}/"
            if shutil.which("datastream-lab"):
                programs = ""
            context.err.write(_NEXT.format(folder=_FOLDER, programs=programs))
        return code


def _play(context: LabContext, world: World, environ: Mapping[str, str]) -> int:
    """Run the exporter's commands in order, with the config that ``init`` writes."""
    projects = [
        f"--project={project.id}" for project in world.projects if project.locations
    ]
    config = _FOLDER / "config.yaml"
    for file in (config, _FOLDER / "main.tf"):
        file.unlink(missing_ok=True)
    for argv in (
        ["init", *projects, f"--folder={_FOLDER}"],
        ["run", f"--config={config}"],
    ):
        context.out.flush()
        context.err.write(f"\n$ datastream-exporter {shlex.join(argv)}\n")
        code = main(argv, environ, context.out, context.err, context.signals)
        if code != OK:
            return code
        if argv[0] == "init":
            context.err.write(_AFTER_INIT)
    return OK


def _verify(
    context: LabContext,
    emulator: Emulator,
    environ: dict[str, str],
    argv: list[str],
    args: Any,
) -> int:
    """Run the exporter, and verify the policies with a drill; ``argv`` as parsed."""
    with serve_rest(emulator) as rest:
        environ |= rest
        context.err.write("\n$ datastream-exporter run\n")
        code = main(["run"], environ, context.out, context.err, context.signals)
        if code != OK:
            return code
        context.err.write(f"\n$ datastream-lab verify {shlex.join(argv)}\n")
        LOGGER.info(
            "Waiting %d s: verify leaves out newer points.", queries.READABLE_SECONDS
        )
        context.stop.wait(queries.READABLE_SECONDS)
        # A stream that --pause names is seen by an exporter that goes on.
        with Popen(
            [sys.executable, "-m", "exporter", "watch"],
            env=environ,
            stdout=DEVNULL,
            stderr=DEVNULL,
        ) as exporter:
            try:
                code = int(args.run(context._replace(args=args, environ=environ)))
            finally:
                exporter.terminate()
        LOGGER.info("An emulator pages nobody: the same on your project does.")
        return code


def _show_page(
    context: LabContext, emulator: Emulator, policies: Sequence[Policy]
) -> None:
    """Print the page about the last stream that failed permanently."""
    points = emulator.points(metrics()["stream/problem_state"].type)
    lost = [point for point in points if point.metric_labels["kind"] == _KIND]
    policy = next((each for each in policies if each.name == _POLICY), None)
    if not lost or not policy:
        return
    labels = lost[-1].resource_labels | lost[-1].metric_labels
    labels["owner"] = labels["owner"] or "none when it was told"  # as the query does
    project = lost[-1].project
    shown = notification(replace(policy, links=()), labels, project)
    context.err.write(f"\nThe page of {_POLICY}, much as Slack shows it:\n")
    print_texts(console(context.out), shown)
