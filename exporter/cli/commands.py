"""The commands: what happens between the command line and the exit code."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from exporter.cli import check as checks
from exporter.cli.check import Finding, Grade
from exporter.cli.exit_codes import INCOMPLETE, OK
from exporter.cli.process import finish
from exporter.cli.terminal import has_screen, print_json, same_file, show_progress
from exporter.gcp import cloud_run
from exporter.gcp.clients import Identity
from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import CallError
from exporter.inputs.input_errors import InputError
from exporter.log.lines import FIELDS, LOGGER, JsonLines, Text
from exporter.log.run_log import RunLog, fleet, log_ignored_labels, log_run, log_unknown_locations
from exporter.run import Run
from exporter.session import session
from exporter.text import capitalized, plural, printable
from exporter.watch import Runs, run_every

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from threading import Event

    from exporter.cli.signals import Signals
    from exporter.config import Config
    from exporter.measure.samples import Measurement
    from exporter.run import Report
    from exporter.session import Session
    from exporter.task import Task


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        args: The parsed command line.
        environ: The environment.
        out: Where data goes; None on Cloud Run, where stdout is the log.
        err: Where messages go.
        signals: Tells when the command is to end early.
    """

    args: Namespace
    environ: Mapping[str, str]
    out: TextIO | None
    err: TextIO
    signals: Signals


def dispatch(
    args: Namespace, environ: Mapping[str, str], out: TextIO, err: TextIO, signals: Signals
) -> int:
    """Do what the command line asks for; return the exit code.

    Errors are logged: to ``err``, and on Cloud Run to ``out``.
    """
    command = COMMANDS[args.command]
    if not cloud_run.here(environ):
        formatter = Text(times=args.command == "watch")
        context = Context(args, environ, out, err, signals)
        return finish(lambda: command(context), err, formatter)

    def logged() -> int:
        try:
            return command(Context(args, environ, None, err, signals))
        except (InputError, CallError, BrokenPipeError):
            raise
        except Exception:  # noqa: BLE001 - one log entry with the traceback, not one for each line
            LOGGER.exception("The exporter failed unexpectedly:")
            return INCOMPLETE

    return finish(logged, out, JsonLines(cloud_run.log_labels(environ)))


def run(context: Context) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    args = context.args
    with _session(context) as prepared:
        task = prepared.task.for_objects() if args.collect == "objects" else prepared.task
        with show_progress(context.err) as progress:
            progress.update("reading locations", 0)
            once = Run(
                prepared.clients,
                prepared.config,
                task,
                prepared.deadline,
                progress=progress,
            )
            report = None if args.dry_run else once.write(once.measurements())
            measurement = report.measurement if report else once.measure()
        log_ignored_labels(measurement, set())
        if report is None:
            return _dry_run(context, prepared.config, measurement)
        try:
            if context.out:
                _show_run(context.out, prepared.config, report)
        finally:
            # The log is whole, though the reader of the data may have seen enough of it.
            if context.out is None or _kept_apart(context.err, context.out):
                # Elsewhere the list of what to look at has just said so.
                RunLog().log_findings(measurement)
            log_unknown_locations(report, set())
            log_run(report)
    return OK if report.complete else INCOMPLETE


def watch(context: Context) -> int:
    """Run at a steady interval until a signal asks to stop."""
    args, stop = context.args, context.signals.stop
    with _session(context) as prepared, _watching(context) as log:
        collect = prepared.task.collect
        streams = replace(prepared.task, collect=replace(collect, objects=False))
        schedules = [(streams, args.interval, log)]
        if collect.objects:
            schedules.append((prepared.task.for_objects(), args.objects_interval, RunLog().log))
        with ThreadPoolExecutor(len(schedules), thread_name_prefix="schedule") as pool:
            running = [pool.submit(_keep_running, prepared, *each, stop) for each in schedules]
            for schedule in running:
                schedule.result()
    return OK


def _keep_running(
    prepared: Session,
    task: Task,
    interval: timedelta,
    log: Callable[[Report], None],
    stop: Event,
) -> None:
    # A run longer than its interval would delay the next: every location would wait for the
    # slowest.
    seconds = min(interval, prepared.config.run.deadline).total_seconds()
    every = interval.total_seconds()
    runs = Runs(prepared.clients, prepared.config, task, log, interval=every)
    try:
        run_every(lambda: runs.once(Deadline.after(seconds, stop)), every, stop)
    finally:
        # A schedule that fails ends the process: the other one must not run on alone.
        stop.set()


def check(context: Context) -> int:
    """Say of everything that a run needs whether it is in place."""
    grades: Counter[Grade] = Counter()

    def found(finding: Finding) -> None:
        grades[finding.grade] += 1
        show_finding(context, finding)

    stop = context.signals.stop
    try:
        with _session(context, lambda *of: found(Finding(Grade.OK, *of))) as prepared:
            for finding in checks.findings(prepared, stop):
                found(finding)
    except CallError as refused:
        found(Finding(Grade.FAILED, "credentials", str(refused)))
    if stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    failed, warned = grades[Grade.FAILED], grades[Grade.WARNING]
    LOGGER.info(
        "%s: %s failed, %s.",
        plural(grades.total(), "check"),
        failed or "none",
        plural(warned, "warning"),
    )
    return INCOMPLETE if failed else OK


def _kept_apart(log: TextIO, data: TextIO) -> bool:
    """Return whether somebody may read the log later, and without the data."""
    return not (log.isatty() or same_file(log, data))


def _session(
    context: Context, found: Callable[[str, str], None] = lambda _subject, _text: None
) -> AbstractContextManager[Session]:
    args = context.args
    identity = Identity(args.impersonate_service_account, args.quota_project)
    return session(context.environ, args.config, identity, found, context.signals.stop)


COMMANDS = {"run": run, "watch": watch, "check": check}
"""The commands by the names that the command line gives them."""


# What a person sees. What draws it is imported for a person alone.


def _dry_run(context: Context, config: Config, measurement: Measurement) -> int:
    from exporter.cli import dry_run

    seen = measurement.observations
    if context.out and not context.args.json:
        _show_dry_run(context.out, config, measurement)
    else:
        RunLog().log_findings(measurement)
        points = plural(sum(1 for _ in dry_run.would_write(measurement)), "point")
        project = config.metrics.project
        text = capitalized(fleet(measurement))
        LOGGER.info("%s; a run would write %s to project %s.", text, points, project)
    if context.out and context.args.json:
        print_json(dry_run.document(measurement, config).model_dump(mode="json"), context.out)
    if context.signals.stop.is_set():
        skipped = f": {plural(seen.skipped, 'location')} not read" if seen.skipped else ""
        LOGGER.warning("Interrupted while reading%s.", skipped)
    return INCOMPLETE if seen.nothing_read or seen.uncollected or seen.skipped else OK


def _show_dry_run(out: TextIO, config: Config, measurement: Measurement) -> None:
    from exporter.cli.fleet import print_measurement, print_points

    print_measurement(measurement, out)
    print_points(f"A run would write to {config.metrics.project}", measurement, out)


def _show_run(out: TextIO, config: Config, report: Report) -> None:
    from exporter.cli.fleet import print_measurement, print_points

    print_measurement(report.measurement, out)
    written = report.written
    if written.settled:
        lacking = written.superseded + written.lost + written.left_out
        project = config.metrics.project
        short = f"Due in {project}, though not all of it was written"
        print_points(short if lacking else f"Written to {project}", report.measurement, out)
    out.flush()


def _watching(context: Context) -> AbstractContextManager[Callable[[Report], None]]:
    """Show the fleet on a terminal; yield what takes the report of each run."""
    if context.out is None or not has_screen(context.out):
        return nullcontext(RunLog().log)
    from exporter.cli.watch_screen import watch_screen

    return watch_screen(context.out, context.err, context.signals)


def show_finding(context: Context, finding: Finding) -> None:
    """Print a line of ``check``; log it on Cloud Run."""
    line = printable(f"{finding.grade:<8} {finding.subject}: {finding.text}")
    if context.out is None:
        LOGGER.log(checks.LEVELS[finding.grade], "%s", line, extra={FIELDS: finding.fields})
    else:
        print(line, file=context.out, flush=True)
