"""Makes many runs in one process: at a steady interval, or one for each request."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event

from exporter.config import Config, Endpoints
from exporter.google import cloud_run
from exporter.google.calls import Deadline
from exporter.google.clients import Clients, emulators
from exporter.logger import LOGGER
from exporter.run.memory import Memory
from exporter.run.report import Report, Session
from exporter.run.run import Run
from exporter.text import plural

# Between two starts: Cloud Monitoring refuses points that are closer
LEAST_SECONDS = 5.0
# How long a new token is waited for: no longer than a stop waits for calls
_RENEWAL_SECONDS = 3.0
_RENEWAL_SHARE = 0.2  # of the time that the run has


@contextmanager
def open_session(
    config: Config, environ: Mapping[str, str], impersonate: str | None = None
) -> Iterator[Session]:
    """Connect, or raise CallError about credentials."""
    task = cloud_run.task(environ)
    with open_clients(config.endpoints, environ, impersonate) as clients:
        yield Session(config, clients, task)


def open_clients(
    endpoints: Endpoints, environ: Mapping[str, str], impersonate: str | None
) -> Clients:
    """Connect, and say so where that is to emulators."""
    if hosts := " and ".join(
        f"{name} is {host}" for name, host in emulators(environ).items()
    ):
        LOGGER.warning(
            "Emulators take Google's place, without credentials or encryption: %s.",
            hosts,
        )
    return Clients(endpoints, environ, impersonate)


def run_once(
    session: Session,
    memory: Memory,
    deadline: Deadline,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Report:
    """Make the next run of a process within a deadline; ``now`` is unix time.

    After a run that reached nobody, it begins with new credentials and connections.
    """
    memory.begin(monotonic())
    timestamp = int(now())
    if memory.reached_nobody:
        session.clients.renew(min(_RENEWAL_SECONDS, deadline.left * _RENEWAL_SHARE))
    report = Run(session, memory, timestamp, deadline).write()
    memory.reached_nobody = report.reached_nobody and not report.stopped
    return report


def run_every(
    work: Callable[[], object],
    seconds: float,
    stop: Event,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``work`` at every multiple of ``seconds`` from now, until ``stop`` is set.

    A start that comes during the work before it, or too soon after a late one, is
    skipped.
    """
    start = monotonic()
    due = 0
    while not stop.is_set():
        began = monotonic()
        work()
        ended = monotonic()
        earliest = max(ended, began + LEAST_SECONDS)
        following = math.ceil((earliest - start) / seconds)
        if skipped := following - due - 1:
            LOGGER.warning(
                "A run started %.1f s late and took %.1f s: %s skipped. Raise"
                " --interval if it lasts.",
                began - start - due * seconds,
                ended - began,
                plural(skipped, "run"),
            )
        due = following
        stop.wait(start + due * seconds - monotonic())
