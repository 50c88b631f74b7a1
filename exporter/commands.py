"""The commands: what happens between the command line and the exit code."""

from __future__ import annotations

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from exporter import check as checks
from exporter import cloud_run
from exporter.check import Finding, Grade
from exporter.exit_codes import INCOMPLETE, OK, USAGE
from exporter.failures import Kind, RefusedError
from exporter.logs import FIELDS, LOGGER, JsonLines, Text, logging_to
from exporter.mistakes import Mistakes
from exporter.progress import Progress
from exporter.run import Run
from exporter.session import Context, objects_alone, session
from exporter.telling import fleet, plural, tell, tell_labels, tell_readings
from exporter.watch import Runs, beat

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping
    from datetime import timedelta
    from threading import Event

    from exporter.config import Config
    from exporter.run import Look, Report, Task
    from exporter.session import Session
    from exporter.signals import Signals


def answer(
    args: Namespace,
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    signals: Signals,
    program: str,
) -> int:
    """Do what the command line asks for; return the exit code.

    Whatever goes wrong is said in the log: to ``err``, and on Cloud Run to ``out``.
    """
    on_cloud_run = cloud_run.here(environ)
    formatter = (
        JsonLines(cloud_run.log_labels(environ))
        if on_cloud_run
        else Text(times=args.command == "watch")
    )
    context = Context(args, environ, None if on_cloud_run else out, err, signals, program)
    with logging_to(out if on_cloud_run else err, formatter):
        try:
            code = COMMANDS[args.command](context)
            out.flush()
        except Mistakes as mistakes:
            for sentence in str(mistakes).splitlines():
                LOGGER.error("%s", sentence)
            return USAGE
        except RefusedError as refused:
            LOGGER.error("%s", refused)
            return INCOMPLETE
        except BrokenPipeError:
            # Whoever read the output has seen enough; what is still buffered goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            return INCOMPLETE
        except Exception:
            if not on_cloud_run:
                raise
            LOGGER.exception("The exporter failed in a way that it does not know:")
            return INCOMPLETE
    return code


def run(context: Context) -> int:
    """Read, measure and write once; on a dry run, read and measure."""
    args = context.args
    with session(context) as prepared:
        with _progress(context) as progress:
            once = Run(
                prepared.clients,
                prepared.config,
                prepared.task,
                seconds=prepared.config.run.deadline.total_seconds(),
                stop=context.signals.stop,
                progress=progress,
            )
            look = once.look()
            report = None if args.dry_run else once.write(look)
        tell_labels(look, set())
        if report is None:
            return _dry_run(context, prepared.config, look)
        if context.out and args.local is not None:
            _show_run(context, context.out, prepared.config, report)
        else:
            tell_readings(look.observations)
            tell(report)
    return OK if report.complete else INCOMPLETE


def watch(context: Context) -> int:
    """Run on a steady beat until somebody asks to stop."""
    args, stop = context.args, context.signals.stop
    with session(context) as prepared:
        collect = prepared.task.collect
        beats = [(replace(prepared.task, collect=replace(collect, objects=False)), args.interval)]
        if collect.objects:
            beats.append((objects_alone(prepared.task), args.objects_interval))
        with ThreadPoolExecutor(len(beats), thread_name_prefix="beat") as pool:
            running = [
                pool.submit(_keep_running, prepared, task, interval, stop)
                for task, interval in beats
            ]
            for beating in running:
                beating.result()
    return OK


def _keep_running(prepared: Session, task: Task, interval: timedelta, stop: Event) -> None:
    # A run that outlasts its beat would make the next ones late: all locations would pay for
    # the slowest.
    seconds = min(interval, prepared.config.run.deadline).total_seconds()
    runs = Runs(prepared, task, seconds=seconds, stop=stop)
    try:
        beat(runs.once, interval.total_seconds(), stop)
    finally:
        # A beat that fails ends the process: it must not leave the other one running alone.
        stop.set()


def check(context: Context) -> int:
    """Say of everything that a run needs whether it is in place."""
    grades: Counter[Grade] = Counter()

    def found(finding: Finding) -> None:
        grades[finding.grade] += 1
        _show_finding(context, finding)

    stop = context.signals.stop
    try:
        with session(context, lambda *of: found(Finding(Grade.OK, *of))) as prepared:
            for finding in checks.findings(prepared, stop):
                found(finding)
    except RefusedError as refused:
        subject = "credentials" if refused.failure.kind is Kind.CREDENTIALS else "region"
        found(Finding(Grade.FAILED, subject, str(refused)))
    if stop.is_set():
        LOGGER.warning("Interrupted: not everything was checked.")
    failed, warned = grades[Grade.FAILED], grades[Grade.WARNING]
    LOGGER.info(
        "%s: %d failed, %s.", plural(grades.total(), "check"), failed, plural(warned, "warning")
    )
    return INCOMPLETE if failed else OK


def serve(context: Context) -> int:
    """Keep the embedded Google Cloud up for other programs."""
    # The job imports nothing of the servers: they are for demos, tests and simulation.
    from exporter.local import cli

    return cli.serve(context.args, context.out or context.err, context.err, context.signals.stop)


def policies(context: Context) -> int:
    """Prove, show or review the alert policies, as the command line says."""
    # The job imports nothing of this.
    from exporter.policies import cli

    return cli.run(context)


COMMANDS = {"run": run, "watch": watch, "check": check, "serve": serve, "policies": policies}
"""The commands by the names that the command line gives them."""


# What a person sees. What draws it is imported for a person alone.


@contextmanager
def _progress(context: Context) -> Iterator[Progress]:
    if context.out is None or not context.err.isatty():
        yield Progress()
        return
    from exporter.terminal import shown_progress

    with shown_progress(context.err) as progress:
        yield progress


def _dry_run(context: Context, config: Config, look: Look) -> int:
    from exporter import dry_run

    seen = look.observations
    if context.out and not context.args.json:
        _show_dry_run(context.out, config, look)
    else:
        tell_readings(seen)
        points = plural(sum(1 for _ in dry_run.would_write(look)), "point")
        project = config.metrics.project
        LOGGER.info("%s; a run would write %s to project %s.", fleet(look), points, project)
    if context.out and context.args.json:
        document = dry_run.document(look, config).model_dump(mode="json")
        json.dump(document, context.out, indent=2)
        context.out.write("\n")
    if context.signals.stop.is_set():
        skipped = f": {plural(seen.skipped, 'location')} not read" if seen.skipped else ""
        LOGGER.warning("Interrupted while reading%s.", skipped)
    return INCOMPLETE if seen.blind or seen.uncollected or seen.skipped else OK


def _show_dry_run(out: TextIO, config: Config, look: Look) -> None:
    from exporter.report import print_look, print_points

    print_look(look, out)
    print_points(f"A run would write to {config.metrics.project}", look, out)


def _show_run(context: Context, out: TextIO, config: Config, report: Report) -> None:
    from exporter.report import print_look, print_next, print_points

    print_look(report.look, out)
    written = report.written
    if written.settled:
        lacking = written.superseded + written.lost + written.left_out
        project = config.metrics.project
        short = f"Due in {project}, though not all of it was written"
        print_points(short if lacking else f"Written to {project}", report.look, out)
    out.flush()
    tell(report)
    if not report.stopped:
        print_next(context.program, context.err)


def _show_finding(context: Context, finding: Finding) -> None:
    line = f"{finding.grade:<8} {finding.subject}: {finding.text}"
    if context.out is None:
        LOGGER.log(checks.LEVELS[finding.grade], "%s", line, extra={FIELDS: finding.fields})
    else:
        print(line, file=context.out, flush=True)
