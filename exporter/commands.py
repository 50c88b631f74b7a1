"""Does what each command asks for, from its arguments to the exit code."""

import logging
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from threading import Event
from time import time
from typing import TextIO

from exporter import check as checks
from exporter import config
from exporter.cli import INCOMPLETE, OK, finish
from exporter.config import Config
from exporter.google import cloud_run
from exporter.google.calls import Deadline
from exporter.google.errors import CallError
from exporter.logs import LOGGER, JsonLines, Text
from exporter.memory import Memory
from exporter.report import Report, Session
from exporter.run import Run
from exporter.run_log import RunLog, fleet, log_run
from exporter.runs import open_session, run_every, run_once
from exporter.terminal import show_progress
from exporter.text import capitalized, plural, printable

_LEVELS = {
    checks.OK: logging.INFO,
    checks.WARNING: logging.WARNING,
    checks.FAILED: logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with."""

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None  # where data goes; None on Cloud Run, where stdout is the log
    err: TextIO  # where messages go
    stop: Event  # set when the command is to end early


def dispatch(
    args: Namespace, environ: Mapping[str, str], out: TextIO, err: TextIO, stop: Event
) -> int:
    """Do what the command line asks for; return the exit code. Errors are logged."""
    here = cloud_run.here(environ)
    context = Context(args, environ, None if here else out, err, stop)
    command = partial(COMMANDS[args.command], context)
    if here:
        return finish(command, out, JsonLines(cloud_run.log_labels(environ)))
    return finish(command, err, Text(times=args.command == "watch"))


def run(context: Context) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    args = context.args
    with _session(context) as session:
        deadline = Deadline.after(
            session.config.run.deadline.total_seconds(), context.stop
        )
        once = Run(session, Memory(), int(time()), deadline)
        with show_progress(context.err, "reading and writing ..."):
            report = once.look() if args.dry_run else once.write()
        try:
            if context.out:
                from exporter.show import print_report

                print_report(report, session.config, context.out)
                context.out.flush()
        finally:
            # At a terminal, the list of what to look at has just said so.
            if not context.err.isatty():
                RunLog(session.config).log_findings(report)
            if not args.dry_run:
                log_run(report)
        if not args.dry_run:
            return OK if report.complete else INCOMPLETE
        points, project = (
            plural(len(report.samples), "point"),
            session.config.metrics.project,
        )
        text = (
            f"{capitalized(fleet(report))}; a run would write {points} to project"
            f" {project}."
        )
        LOGGER.info("%s", text)
        return INCOMPLETE if report.stopped else OK


def watch(context: Context) -> int:
    """Run at a steady interval until a signal asks to stop."""
    every = context.args.interval.total_seconds()
    with _session(context) as session:
        # A longer run would delay the next: every location would wait for the slowest.
        seconds = min(every, session.config.run.deadline.total_seconds())
        memory, run_log = Memory(every), RunLog(session.config)

        def once() -> Report:
            deadline = Deadline.after(seconds, context.stop)
            report = run_once(session, memory, deadline)
            run_log.log(report)
            return report

        if context.out and context.out.isatty():
            from exporter.show import fleet_screen

            with fleet_screen(context.out, context.err) as show:
                run_every(lambda: show(once()), every, context.stop)
        else:
            run_every(once, every, context.stop)
    return OK


def check(context: Context) -> int:
    """Say of everything that a run needs whether it is in place."""
    grades: Counter[str] = Counter()

    def found(finding: checks.Finding) -> None:
        grades[finding.grade] += 1
        line = printable(f"{finding.grade:<8} {finding.text}")
        if context.out is None:
            LOGGER.log(_LEVELS[finding.grade], "%s", line)
        else:
            print(line, file=context.out, flush=True)

    loaded = config.load(context.args.config, context.environ)
    found(checks.Finding(checks.OK, f"config: {loaded.document.file} is valid"))
    try:
        with _session(context, loaded) as session:
            found(checks.Finding(checks.OK, f"credentials: {session.clients.account}"))
            write = not context.args.read_only
            for finding in checks.findings(session, context.stop, write=write):
                found(finding)
    except CallError as refused:
        found(checks.Finding(checks.FAILED, f"credentials: {refused}"))
    if context.stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    failed, warned = grades[checks.FAILED], grades[checks.WARNING]
    text = f"{plural(grades.total(), 'check')}: {failed or 'none'} failed"
    LOGGER.info("%s, %s.", text, plural(warned, "warning"))
    return INCOMPLETE if failed or (warned and context.args.strict) else OK


def init(context: Context) -> int:
    """Write a first config.yaml and main.tf."""
    from exporter.init import init as write_files

    args, environ, out = context.args, context.environ, context.out or context.err
    return (
        OK if write_files(args, environ, context.stop, out, context.err) else INCOMPLETE
    )


COMMANDS = {"init": init, "run": run, "watch": watch, "check": check}


def _session(
    context: Context, loaded: Config | None = None
) -> AbstractContextManager[Session]:
    args, environ = context.args, context.environ
    loaded = loaded or config.load(args.config, environ)
    return open_session(loaded, environ, args.impersonate_service_account)
