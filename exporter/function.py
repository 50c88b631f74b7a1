"""Answers HTTP requests as a Cloud Run function, on Google's functions-framework.

Its server calls what :func:`serve` returns, for each request in a thread of its own.
POST / asks for a run; POST /log says that a log has something new. Config, clients and
memory stay for the next request. Between requests the CPU stands still, so nothing
depends on a thread in the background.
"""

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import Any, NamedTuple, TextIO

from exporter import config
from exporter.google import cloud_run, proxy
from exporter.google.calls import Deadline
from exporter.google.errors import CallError
from exporter.logs import LOGGER, JsonLines, Text, logging_to
from exporter.mistakes import InputError
from exporter.run_log import RunLog, summary
from exporter.runs import Runs, open_session

SCHEDULED, LOG = "/", "/log"

LEAST_SECONDS = 10.0  # seconds from one run's timestamp to the next one's
QUIET_SECONDS = 60.0  # how long after a run that a log started, logs may start no other
USUAL_INTERVAL = 60.0  # seconds between the runs that a schedule starts
# A run ends so long before the request's timeout, when the CPU stops
MARGIN_SECONDS = 5.0
_GRACE_SECONDS = 10.0  # how long after its deadline a run may end


class Answer(NamedTuple):
    """A response: the HTTP status, and the content of the body, which becomes JSON."""

    status: int
    body: Mapping[str, object]


class Function:
    """Answers requests, with one run at a time."""

    def __init__(
        self,
        environ: Mapping[str, str],
        log: TextIO,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Connect to nothing: the server forks after this, and gRPC does not survive a fork."""
        self._environ = environ
        self._log = log
        self._monotonic = monotonic
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._runs: Runs | None = None
        self._seconds = 0.0
        self._began = self._awaited = self._log_began = self._change_began = -math.inf
        self._answer = Answer(500, {})

    def answer(self, method: str, path: str) -> Answer:
        """Answer a request, with the result of a run that began after the request arrived."""
        if path not in {SCHEDULED, LOG}:
            return _error(404, f"{path} is not served: POST {SCHEDULED} or {LOG}")
        if method != "POST":
            return _error(405, f"{method} starts no run: use POST")
        arrived = self._monotonic()
        # Callers that wait for the run under way share the next one; of logs, only one
        # has to wait.
        if path == LOG and (self._began < self._awaited or self._is_quiet()):
            return Answer(204, {})
        self._awaited = arrived
        with self._lock:
            quiet = path == LOG and self._is_quiet()
            if self._began < arrived and not quiet:
                json_lines = cloud_run.here(self._environ)
                labels = cloud_run.log_labels(self._environ)
                with logging_to(self._log, JsonLines(labels) if json_lines else Text()):
                    self._answer = self._run(path)
            if self._awaited == arrived:
                self._awaited = -math.inf
            return Answer(204, {}) if quiet else self._answer

    def close(self) -> None:
        """Close the clients' connections."""
        self._open.close()

    def _is_quiet(self) -> bool:
        """Return whether a log starts no run: the scheduled one is soon enough."""
        settled = is_settled(self._monotonic(), self._log_began, self._change_began)
        return settled and self._answer.status == HTTPStatus.OK

    def _run(self, path: str) -> Answer:
        try:
            runs = self._prepared()
            if (early := self._began + LEAST_SECONDS - self._monotonic()) > 0:
                self._sleep(early)
            self._began = self._monotonic()
            overdue = threading.Timer(self._seconds + _GRACE_SECONDS, _end_process)
            overdue.start()
            try:
                report = runs.once(Deadline.after(self._seconds))
            finally:
                overdue.cancel()
        except (InputError, CallError) as error:
            sentences = str(error).splitlines()
            for sentence in sentences:
                LOGGER.error("%s", sentence)
            return _error(500, *sentences)
        except Exception:
            # One log entry; the server would print its own.
            LOGGER.exception("The exporter failed unexpectedly:")
            return _error(500, "the exporter failed unexpectedly; its log says where")
        self._run_log.log(report)
        if path == LOG:
            self._log_began = self._began
        if report.changed:
            self._change_began = self._began
        status = 200 if report.complete else 500
        return Answer(status, {"complete": report.complete, **summary(report)})

    def _prepared(self) -> Runs:
        """Return the runs of this process; the first time, load config and connect."""
        if self._runs is None:
            session = self._open.enter_context(
                open_session(config.load(None, self._environ), self._environ)
            )
            self._seconds = session.config.run.deadline.total_seconds()
            if timeout := cloud_run.request_timeout(self._environ):
                self._seconds = min(self._seconds, max(1.0, timeout - MARGIN_SECONDS))
            self._run_log = RunLog(session.config, self._monotonic)
            self._runs = Runs(
                session, USUAL_INTERVAL, monotonic=self._monotonic, now=self._now
            )
        return self._runs


def is_settled(now: float, log_began: float, change_began: float) -> bool:
    """Return whether a log began a run in the last minute, and no run then found a change."""
    return now - log_began < QUIET_SECONDS <= now - change_began


def serve(
    environ: MutableMapping[str, str],
) -> Callable[[Any], tuple[Iterator[str], int, dict[str, str]]]:
    """Return what functions-framework calls for each of Flask's requests.

    The environment loses the request's timeout: the framework would have gunicorn kill
    a worker that has not reported for that long, and one whose CPU stands still reports
    nothing.
    """
    proxy.copy_to_lower_case(environ)
    function = Function(
        dict(environ), sys.stdout if cloud_run.here(environ) else sys.stderr
    )
    environ.pop(cloud_run.REQUEST_TIMEOUT, None)

    def run(request: Any) -> tuple[Iterator[str], int, dict[str, str]]:
        answer = function.answer(request.method, request.path)
        # It is forgotten, piece by piece: a server that leaves it unread cuts the
        # answer off.
        with suppress(Exception):
            while request.stream.read(65_536):
                pass
        text = json.dumps(answer.body) + "\n" if answer.body else ""
        headers = {"Content-Type": "application/json", "Allow": "POST"}
        # As an iterator: before any other answer, the framework reads the body into
        # memory.
        return iter([text]), answer.status, headers

    return run


def _end_process() -> None:
    """End this worker, whose run did not end at its deadline; gunicorn starts another."""
    LOGGER.critical("A run did not end at its deadline. The function starts again.")
    os._exit(1)


def _error(status: int, *sentences: str) -> Answer:
    return Answer(status, {"errors": sentences})
