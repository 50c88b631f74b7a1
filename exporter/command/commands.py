"""Does what each command asks for, from its command line to the exit code."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging import ERROR, INFO, WARNING, Formatter

from exporter.command.command_line import CommandLine
from exporter.command.table import fleet_document, print_json, print_report
from exporter.config import Config, is_verbose, load
from exporter.google import environment
from exporter.google.calls import Deadline
from exporter.google.clients import open_clients
from exporter.google.errors import CallError
from exporter.log.run_log import RunLog
from exporter.logger import LOGGER, JsonLines, Text
from exporter.process import INCOMPLETE, OK, ending
from exporter.run.run import run_once
from exporter.run.session import Session, run_every
from exporter.setup.check import check_access, check_config
from exporter.setup.findings import Finding, accept, log_counts
from exporter.setup.init import write_files


def dispatch(line: CommandLine) -> int:
    """Do what the command line asks for; return the exit code. Errors are logged."""
    log = line.err
    times = "%X" if line.command == "watch" else None
    formatter: Formatter = Text(datefmt=times)
    line.on_cloud_run = environment.on_cloud_run(line.environ)
    if line.on_cloud_run:
        log = line.out
        formatter = JsonLines()
    verbose = line.verbose or is_verbose(line.environ)
    with ending(log, formatter, verbose=verbose) as end:
        end.code = COMMANDS[line.command](line)
    return line.signals.exit_code or end.code


def init(line: CommandLine) -> int:
    """Write a first config.yaml and main.tf, and say what follows."""
    return write_files(
        line.project or (),
        line.metrics_project,
        line.folder,
        line.environ,
        line.signals,
        line.err,
    )


def run(line: CommandLine) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    with _session(line, load(line.config, line.environ)) as session:
        seconds = session.config.run.deadline.total_seconds()
        deadline = Deadline.after(seconds, line.signals.stop)
        report = run_once(session, deadline, writes=not line.dry_run)
        try:
            # A reader may have seen enough.
            if not line.on_cloud_run:
                with suppress(BrokenPipeError):
                    if line.json:
                        print_json(fleet_document(report), line.out)
                    else:
                        print_report(report, line.out)
        finally:
            # Also where stdout is full.
            RunLog().log(report)
    return OK if report.complete else INCOMPLETE


def watch(line: CommandLine) -> int:
    """Run at a steady interval until a signal asks to stop."""
    stop = line.signals.stop
    every = line.interval.total_seconds()
    config = load(line.config, line.environ)
    with _session(line, config, every) as session:
        # A longer run would delay the next: every location would wait for the slowest.
        seconds = min(every, config.run.deadline.total_seconds())
        run_log = RunLog(every_run=line.on_cloud_run)

        def once() -> None:
            run_log.log(run_once(session, Deadline.after(seconds, stop)))

        run_every(once, every, stop)
    return OK


def check(line: CommandLine) -> int:
    """Say of everything that a run needs whether it is in place."""
    findings: list[Finding] = []
    for finding in accept(_findings(line), line.accept or ()):
        findings.append(finding)
        if line.on_cloud_run:
            LOGGER.log(finding.level, "%s", finding)
        elif not line.json:
            with suppress(BrokenPipeError):
                print(finding, file=line.out, flush=True)
    if line.json:
        found = [{**each._asdict(), "level": each.grade} for each in findings]
        print_json({"findings": found}, line.out)
    counts = Counter(each.level for each in findings)
    if line.signals.stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    log_counts(counts)
    bad = counts[ERROR]
    if line.strict:
        bad += counts[WARNING]
    return INCOMPLETE if bad else OK


def _findings(line: CommandLine) -> Iterator[Finding]:
    """Check config, then credentials, then all that they are needed for."""
    config = load(line.config, line.environ)
    yield Finding(INFO, "config", f"{config.document.file} is valid")
    yield from check_config(config, datetime.now(UTC))
    if line.offline:
        return
    try:
        with _session(line, config) as session:
            yield Finding(INFO, "credentials", session.clients.account)
            yield from check_access(
                session, line.signals.stop, writes=not line.read_only
            )
    except CallError as refused:
        yield Finding(ERROR, "credentials", str(refused))


COMMANDS = {"init": init, "run": run, "watch": watch, "check": check}


@contextmanager
def _session(
    line: CommandLine, config: Config, interval: float = 0.0
) -> Iterator[Session]:
    """Connect; from then on, a signal lets the work under way be finished."""
    environment.check_task_count(line.environ)
    with open_clients(config.endpoints, line.environ) as clients, line.signals:
        yield Session(config, clients, interval)
