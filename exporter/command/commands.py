"""Does what each command asks for, from its arguments to the exit code."""

import logging
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from exporter.command import check as checks
from exporter.command import doubts
from exporter.command.init import init as write_files
from exporter.command.show import print_report
from exporter.config import Config, load
from exporter.google import environment
from exporter.google.calls import Deadline
from exporter.google.clients import open_clients
from exporter.google.errors import CallError
from exporter.log.run_log import RunLog
from exporter.logger import LOGGER, JsonLines, Text
from exporter.process import INCOMPLETE, OK, Signals, ending
from exporter.run.run import run_once
from exporter.run.session import Mode, Session, run_every
from exporter.text import plural, printable

GRADES = {
    logging.INFO: "ok",
    logging.WARNING: "warning",
    logging.ERROR: "failed",
}


@dataclass(frozen=True)
class Invocation:
    """A command line that was called, and what it works with."""

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None  # where data goes; None on Cloud Run, where stdout is the log
    signals: Signals  # whether the command is to end early


def dispatch(
    args: Namespace,
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    signals: Signals,
) -> int:
    """Do what the command line asks for; return the exit code. Errors are logged."""
    data: TextIO | None = out
    log = err
    formatter: logging.Formatter = Text(times=args.command == "watch")
    if environment.on_cloud_run(environ):
        data = None
        log = out
        formatter = JsonLines(environment.log_labels(environ))
    with ending(log, formatter) as end:
        invocation = Invocation(args, environ, data, signals)
        end.code = COMMANDS[args.command](invocation)
    return signals.exit_code or end.code


def run(invocation: Invocation) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    out = invocation.out
    with _session(invocation) as session:
        config = session.config
        seconds = config.run.deadline.total_seconds()
        deadline = Deadline.after(seconds, invocation.signals.stop)
        mode = Mode.LOOK if invocation.args.dry_run else Mode.WRITE
        report = run_once(session, deadline, mode)
        try:
            if out:
                print_report(report, out)
                out.flush()
        finally:
            # Also where stdout is full.
            RunLog().log(report)
    return OK if report.complete else INCOMPLETE


def watch(invocation: Invocation) -> int:
    """Run at a steady interval until a signal asks to stop."""
    stop = invocation.signals.stop
    every = invocation.args.interval.total_seconds()
    with _session(invocation, interval=every) as session:
        # A longer run would delay the next: every location would wait for the slowest.
        most = session.config.run.deadline.total_seconds()
        seconds = min(every, most)
        run_log = RunLog()

        def once() -> None:
            deadline = Deadline.after(seconds, stop)
            report = run_once(session, deadline)
            run_log.log(report)

        run_every(once, every, stop)
    return OK


def check(invocation: Invocation) -> int:
    """Say of everything that a run needs whether it is in place."""
    counts: Counter[int] = Counter()
    for level, text in _findings(invocation):
        counts[level] += 1
        line = printable(f"{GRADES[level]:<8} {text}")
        if invocation.out is None:
            LOGGER.log(level, "%s", line)
        else:
            print(line, file=invocation.out, flush=True)
    if invocation.signals.stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    log_counts(counts)
    bad = counts[logging.ERROR]
    if invocation.args.strict:
        bad += counts[logging.WARNING]
    return INCOMPLETE if bad else OK


def log_counts(counts: Counter[int]) -> None:
    """Say how many findings there were, by their level."""
    failed = counts[logging.ERROR] or "none"
    text = f"{plural(counts.total(), 'check')}: {failed} failed"
    LOGGER.info("%s, %s.", text, plural(counts[logging.WARNING], "warning"))


def _findings(invocation: Invocation) -> Iterator[doubts.Finding]:
    """Check config, then credentials, then all that they are needed for."""
    config = load(invocation.args.config, invocation.environ)
    yield logging.INFO, f"config: {config.document.file} is valid"
    yield from doubts.schedules(config, datetime.now(UTC))
    yield from doubts.wide_globs(config)
    if invocation.args.offline:
        return
    try:
        with _session(invocation, config) as session:
            yield logging.INFO, f"credentials: {session.clients.account}"
            write = not invocation.args.read_only
            yield from checks.findings(session, invocation.signals.stop, write=write)
    except CallError as refused:
        yield logging.ERROR, f"credentials: {refused}"


def init(invocation: Invocation) -> int:
    """Write a first config.yaml and main.tf."""
    done = write_files(invocation.args, invocation.environ, invocation.signals)
    return OK if done else INCOMPLETE


COMMANDS = {"init": init, "run": run, "watch": watch, "check": check}


@contextmanager
def _session(
    invocation: Invocation, config: Config | None = None, interval: float | None = None
) -> Iterator[Session]:
    """Connect; from then on, a signal lets the work under way be finished."""
    args = invocation.args
    environ = invocation.environ
    config = config or load(args.config, environ)
    account = args.impersonate_service_account
    opened = open_clients(config.endpoints, environ, account)
    with opened as clients, invocation.signals:
        yield Session(config, clients, environment.task(environ), interval)
