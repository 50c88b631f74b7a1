"""Does what each command asks for, from its arguments to the exit code."""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from threading import Event
from time import time
from typing import TextIO

from exporter import check as checks
from exporter.check import Finding, Grade
from exporter.cli import INCOMPLETE, OK, finish
from exporter.google import cloud_run
from exporter.google.calls import Deadline
from exporter.google.clients import Identity
from exporter.google.errors import CallError
from exporter.documents import InputError
from exporter.logs import LOGGER, JsonLines, Text, log
from exporter.memory import Memory
from exporter.run import Run
from exporter.run_log import RunLog, fleet, log_run
from exporter.runs import Runs, open_session, run_every
from exporter.terminal import print_json, show_progress
from exporter.text import capitalized, plural, printable


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        args: The parsed command line.
        environ: The environment.
        out: Where data goes; None on Cloud Run, where stdout is the log.
        err: Where messages go.
        stop: Set when the command is to end early.
    """

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None
    err: TextIO
    stop: Event


def dispatch(
    args: Namespace, environ: Mapping[str, str], out: TextIO, err: TextIO, stop: Event
) -> int:
    """Do what the command line asks for; return the exit code.

    Errors are logged: to ``err``, and on Cloud Run to ``out``.
    """
    command = COMMANDS[args.command]
    if not cloud_run.here(environ):
        formatter = Text(times=args.command == "watch")
        return finish(partial(command, Context(args, environ, out, err, stop)), err, formatter)

    def logged() -> int:
        try:
            return command(Context(args, environ, None, err, stop))
        except (InputError, CallError, BrokenPipeError):
            raise
        except Exception:  # noqa: BLE001 - one log entry with the traceback, not one for each line
            LOGGER.exception("The exporter failed unexpectedly:")
            return INCOMPLETE

    return finish(logged, out, JsonLines(cloud_run.log_labels(environ)))


def run(context: Context) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    args = context.args
    with _session(context) as session:
        config = session.config
        deadline = Deadline.after(config.run.deadline.total_seconds(), context.stop)
        with show_progress(context.err) as progress:
            once = Run(session, Memory(), int(time()), deadline, progress)
            report = once.look() if args.dry_run else once.write()
        if context.out and not args.json:
            from exporter.show import print_report

            print_report(report, config, context.out)
            context.out.flush()
        # The list of what to look at has just said so, where the same person reads both.
        if context.out is None or args.json or not _same_file(context.err, context.out):
            RunLog(config).log_findings(report)
        if not args.dry_run:
            log_run(report)
            return OK if report.complete else INCOMPLETE
        if context.out and args.json:
            from exporter.show import dry_run

            print_json(dry_run(report, config), context.out)
        points = plural(len(report.samples), "point")
        text = f"{capitalized(fleet(report))}; a run would write {points}"
        LOGGER.info("%s to project %s.", text, config.metrics.project)
        return INCOMPLETE if report.stopped else OK


def watch(context: Context) -> int:
    """Run at a steady interval until a signal asks to stop."""
    every = context.args.interval.total_seconds()
    with _session(context) as session:
        # A run longer than its interval would delay the next: every location would wait for the
        # slowest.
        seconds = min(every, session.config.run.deadline.total_seconds())
        runs = Runs(session, every)
        run_log = RunLog(session.config)
        screen = nullcontext(None)
        if context.out and context.out.isatty():
            from exporter.show import fleet_screen

            screen = fleet_screen(context.out, context.err)
        with screen as show:

            def once() -> None:
                report = runs.once(Deadline.after(seconds, context.stop))
                if show:
                    show(report)
                run_log.log(report)

            run_every(once, every, context.stop)
    return OK


def check(context: Context) -> int:
    """Say of everything that a run needs whether it is in place."""
    grades: Counter[Grade] = Counter()

    def found(finding: Finding) -> None:
        grades[finding.grade] += 1
        line = printable(f"{finding.grade:<8} {finding.subject}: {finding.text}")
        if context.out is None:
            log(checks.LEVELS[finding.grade], line, **finding.fields)
        else:
            print(line, file=context.out, flush=True)

    try:
        with _session(context, lambda *of: found(Finding(Grade.OK, *of))) as session:
            for finding in checks.findings(session, context.stop):
                found(finding)
    except CallError as refused:
        found(Finding(Grade.FAILED, "credentials", str(refused)))
    if context.stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    failed, warned = grades[Grade.FAILED], grades[Grade.WARNING]
    text = f"{plural(grades.total(), 'check')}: {failed or 'none'} failed"
    LOGGER.info("%s, %s.", text, plural(warned, "warning"))
    return INCOMPLETE if failed else OK


COMMANDS = {"run": run, "watch": watch, "check": check}
"""The commands by the names that the command line gives them."""


def _session(
    context: Context, found: Callable[[str, str], None] = lambda _subject, _text: None
):
    args = context.args
    identity = Identity(args.impersonate_service_account, args.quota_project)
    return open_session(context.environ, args.config, identity, found)


def _same_file(one: TextIO, other: TextIO) -> bool:
    """Return whether two streams lead to the same terminal, file or pipe."""
    try:
        return one.isatty() or os.path.sameopenfile(one.fileno(), other.fileno())
    except OSError:
        # One of them is in memory only.
        return one is other
