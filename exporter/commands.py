"""The commands: what happens between the command line and the exit code."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from exporter import check as checks
from exporter import cloud_run, config, dry_run
from exporter.calls import Calls
from exporter.check import Finding, Grade
from exporter.datastream import Datastream
from exporter.deadline import Deadline
from exporter.exit_codes import INCOMPLETE, OK
from exporter.failures import RefusedError
from exporter.google import (
    DATASTREAM_EMULATOR,
    MONITORING_EMULATOR,
    Clients,
    Identity,
    connect,
    emulators,
)
from exporter.logs import LOGGER
from exporter.metrics import Exporter
from exporter.mistakes import Mistakes
from exporter.progress import Progress
from exporter.reading import Collect, read
from exporter.run import READING_OF_THE_WHOLE, Look, Run, Task
from exporter.telling import fleet, tell, tell_labels, tell_readings
from exporter.watch import Discovered, beat

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta

    from exporter.config import Config
    from exporter.signals import Signals


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        args: The parsed command line.
        environ: The environment.
        out: Where data goes; None on Cloud Run, where stdout is the log.
        err: Where talk goes.
        signals: Tells when the command is to end early.
        program: How the program was called, for the commands that its output names.
    """

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None
    err: TextIO
    signals: Signals
    program: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What the commands share: config, clients, and what this process is to do."""

    config: Config
    clients: Clients
    task: Task


def run(context: Context) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    args = context.args
    with _setup(context) as setup:
        with _progress(context) as progress:
            once = Run(
                setup.clients,
                setup.config,
                setup.task,
                seconds=setup.config.run.deadline.total_seconds(),
                stop=context.signals.stop,
                progress=progress,
            )
            look = once.look()
            report = None if args.dry_run else once.write(look)
        tell_labels(look, set())
        if report is None:
            return _dry_run(context, setup.config, look)
        if context.out and args.local is not None:
            _show(look, context.out)
        else:
            tell_readings(look.observations)
        tell(report)
        if context.out and args.local is not None:
            _show_next(context)
    return OK if report.complete else INCOMPLETE


def watch(context: Context) -> int:
    """Run on a steady beat until somebody asks to stop."""
    args, stop = context.args, context.signals.stop
    with _setup(context) as setup:
        collect = setup.task.collect
        beats = [(replace(setup.task, collect=replace(collect, objects=False)), args.interval)]
        if collect.objects:
            beats.append((_objects_alone(setup.task), args.objects_interval))
        threads = [
            threading.Thread(target=_keep_running, args=(setup, task, interval, stop))
            for task, interval in beats
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return OK


def _keep_running(setup: Setup, task: Task, interval: timedelta, stop: threading.Event) -> None:
    discovered = Discovered()
    # A run that outlasts its beat would make the next ones late: all locations would pay for
    # the slowest.
    seconds = min(interval, setup.config.run.deadline).total_seconds()

    told: set[str] = set()

    def once() -> None:
        one = Run(setup.clients, setup.config, task, seconds=seconds, stop=stop)
        look = one.look(discovered.fresh(), discovered.stale())
        discovered.learn(look.observations)
        tell_labels(look, told)
        tell_readings(look.observations)
        tell(one.write(look))

    beat(once, interval.total_seconds(), stop)


def check(context: Context) -> int:
    """Say of everything that a run needs whether it is in place."""
    findings: list[Finding] = []

    def found(finding: Finding) -> None:
        findings.append(finding)
        _show_finding(context, finding)

    with _setup(context, found) as setup:
        calls = Calls()
        deadline = Deadline.after(setup.config.run.deadline.total_seconds(), context.signals.stop)
        seen = read(
            Datastream(setup.clients.datastream, calls),
            setup.config,
            deadline.within(deadline.left * READING_OF_THE_WHOLE),
            collect=setup.task.collect,
        )
        for finding in checks.reading(seen):
            found(finding)
        at = int(time.time())
        found(
            checks.writing(
                setup.clients, setup.config, setup.task.exporter, at, deadline=deadline, calls=calls
            )
        )
        for finding in checks.descriptors(setup.clients, setup.config, deadline, calls):
            found(finding)
    return INCOMPLETE if any(finding.grade is Grade.FAILED for finding in findings) else OK


def serve(context: Context) -> int:
    """Keep the embedded Google Cloud up for other programs."""
    # The job imports nothing of the servers: they are for demos, tests and simulation.
    from exporter.local import cli  # noqa: PLC0415

    return cli.serve(context.args, context.out or context.err, context.err, context.signals.stop)


@contextmanager
def _setup(
    context: Context, found: Callable[[Finding], None] = lambda _finding: None
) -> Iterator[Setup]:
    """Load config, name the task and connect; what is in place is told to ``found``.

    Raises:
        Mistakes: In config or in the environment.
        RefusedError: There are no credentials, or Cloud Run does not say where it runs.
    """
    with _environment(context) as (environ, loaded):
        for warning in loaded.warnings:
            LOGGER.warning("%s", warning)
        found(Finding(Grade.OK, "config", f"{loaded.source} is valid"))
        task = _task(context, loaded.config)
        if context.args.local is None:
            _tell_emulators(environ)
        identity = Identity(context.args.impersonate_service_account, context.args.quota_project)
        clients, account = connect(loaded.config.endpoints, environ, identity)
        found(Finding(Grade.OK, "credentials", account))
        with clients:
            yield Setup(loaded.config, clients, task)


@contextmanager
def _environment(context: Context) -> Iterator[tuple[Mapping[str, str], config.Loaded]]:
    """Give the environment and config to work with: the real ones, or an embedded world's."""
    args, environ = context.args, context.environ
    if args.local is None:
        yield environ, config.load(args.config, environ)
        return
    # As above: nothing but `--local` needs the servers.
    from exporter.local.cloud import LocalCloud  # noqa: PLC0415
    from exporter.local.reading import default_world, read_world  # noqa: PLC0415

    world = read_world(args.local) if args.local else default_world()
    if args.config is None and world.config is not None:
        loaded = config.from_data(world.config, args.local or "default world", environ)
    else:
        loaded = config.load(args.config, environ)
    with LocalCloud(world) as cloud:
        LOGGER.info(
            "An embedded Datastream and Cloud Monitoring run on this machine; no account is used."
        )
        emulated = {DATASTREAM_EMULATOR: cloud.datastream, MONITORING_EMULATOR: cloud.monitoring}
        yield {**environ, **emulated}, loaded


def _task(context: Context, loaded: Config) -> Task:
    try:
        share = cloud_run.share(context.environ)
    except ValueError as error:
        raise Mistakes([f"environment: {error}"]) from None
    try:
        region = cloud_run.region(context.environ)
    except OSError as error:
        raise RefusedError(cloud_run.no_region(error)) from error
    collect = Collect(loaded.collect.objects, loaded.collect.private_connections)
    task = Task(Exporter(region, loaded.run.name, str(share.index)), share, collect)
    return _objects_alone(task) if getattr(context.args, "collect", None) == "objects" else task


def _objects_alone(task: Task) -> Task:
    """Return the task of collecting objects and nothing else, under a name of its own."""
    node_id = f"objects-{task.share.index}"
    exporter = task.exporter._replace(node_id=node_id)
    return Task(exporter, task.share, Collect(objects=True), objects_alone=True)


def _tell_emulators(environ: Mapping[str, str]) -> None:
    named = emulators(environ)
    if named:
        text = " and ".join(f"{name} ({host})" for name, host in named.items())
        LOGGER.warning(
            "Not Google's own endpoints: %s is set, which means plaintext without credentials.",
            text,
        )


# What a person sees. On Cloud Run none of it is imported.


@contextmanager
def _progress(context: Context) -> Iterator[Progress]:
    if context.out is None or not context.err.isatty():
        yield Progress()
        return
    from exporter.terminal import shown_progress  # noqa: PLC0415

    with shown_progress(context.err) as progress:
        yield progress


def _dry_run(context: Context, loaded: Config, look: Look) -> int:
    tell_readings(look.observations)
    seen = look.observations
    points = sum(1 for _ in dry_run.would_write(look))
    if context.out and context.args.json:
        json.dump(dry_run.document(look, loaded), context.out, indent=2)
        context.out.write("\n")
    elif context.out:
        _show(look, context.out)
    LOGGER.info(
        "%s; %d points would be written to project %s, none is.",
        fleet(look),
        points,
        loaded.metrics.project,
    )
    return INCOMPLETE if seen.blind or seen.uncollected or seen.skipped else OK


def _show(look: Look, out: TextIO) -> None:
    from exporter.report import print_attention, print_fleet  # noqa: PLC0415

    print_fleet(look, out)
    print_attention(look, out)


def _show_next(context: Context) -> None:
    program = context.program
    for line in (
        "",
        "Next",
        f"  {program} watch --local   the same fleet, as it changes over ten minutes",
        f"  {program} check           with your projects in config.yaml: is all in place?",
        f"  {program} run --dry-run   what would be written, without writing it",
    ):
        print(line, file=context.err)


def _show_finding(context: Context, finding: Finding) -> None:
    line = f"{finding.grade:<8} {finding.subject}: {finding.text}"
    if context.out is None:
        LOGGER.log(checks.LEVELS[finding.grade], "%s", line)
    else:
        print(line, file=context.out, flush=True)
