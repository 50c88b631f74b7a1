"""Answers HTTP requests as a Cloud Run function, on Google's functions-framework.

Its server calls what :func:`serve` returns, for each request in a thread of its own.
POST / is one run. Config is loaded when the process starts: a mistake fails the
deployment. Clients and memory stay for the next request. Cloud Run gives no CPU between
requests, so no thread works then.
"""

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TextIO

from exporter.config import Config, is_verbose, load
from exporter.google import environment
from exporter.google.calls import Deadline
from exporter.google.clients import open_clients
from exporter.log.run_log import RunLog
from exporter.log.summary import numbers
from exporter.logger import LOGGER, JsonLines
from exporter.process import ending
from exporter.run.run import run_once
from exporter.run.session import Session

# From one run's timestamp to the next one's: Cloud Monitoring refuses closer points
_LEAST_BETWEEN_RUNS = 10.0  # seconds
# A run ends so long before the request's timeout, when the CPU stops
MARGIN_SECONDS = 5.0
_GRACE_SECONDS = 10.0  # how long after its deadline a run may end
# A shorter run could read too little of what answers slowly
_LEAST_RUN_SECONDS = 3.0


class Response(NamedTuple):
    """A response: the HTTP status, and the content of the body, which becomes JSON."""

    status: int
    body: Mapping[str, object] = {}


_FAILED = Response(500)  # the log says why


@dataclass
class Function:
    """Answers requests, with one run at a time.

    It connects to nothing when it is made: the server forks later, and gRPC survives no
    fork.
    """

    config: Config
    environ: Mapping[str, str]
    log: TextIO
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep

    def __post_init__(self) -> None:
        self._timeout = environment.request_timeout(self.environ) or math.inf
        self._run_log = RunLog(self.monotonic)
        self._running = threading.Lock()  # held while a run is under way
        self._began = -math.inf  # when the last run began, by ``monotonic``

    def answer(self, method: str, path: str) -> Response:
        """Answer a request with the result of a run of its own."""
        if path != "/":
            return Response(404)
        if method != "POST":
            return Response(405)
        called = self.monotonic()
        answer = _FAILED
        verbose = is_verbose(self.environ)
        with self._running, ending(self.log, JsonLines(), verbose=verbose):
            answer = self._run(called)
        return answer  # noqa: RET504 - an error that ending() logged leaves _FAILED

    def _run(self, called: float) -> Response:
        """Make a run in what is left of a request's time since it called."""
        session = self._session
        early = self._began + _LEAST_BETWEEN_RUNS - self.monotonic()
        if early > 0:
            self.sleep(early)
        began = self.monotonic()
        left = called + self._timeout - MARGIN_SECONDS - began
        if left < _LEAST_RUN_SECONDS:
            LOGGER.error(
                "No time for a run is left after %.0f s of waiting; the next request"
                " starts one.",
                began - called,
            )
            return _FAILED
        self._began = began
        seconds = min(left, session.config.run.deadline.total_seconds())
        # A run that overstays its deadline ends the process. Where no thread can be
        # started for that, the run goes on without.
        overdue = threading.Timer(seconds + _GRACE_SECONDS, _end_process)
        with suppress(RuntimeError):
            overdue.start()
        try:
            report = run_once(session, Deadline.after(seconds))
        finally:
            overdue.cancel()
        self._run_log.log(report)
        status = 200 if report.complete else 500
        return Response(status, {"complete": report.complete, **numbers(report)})

    @cached_property
    def _session(self) -> Session:
        """Return what runs need; the first time, connect."""
        return Session(
            self.config,
            open_clients(self.config.endpoints, self.environ),
            monotonic=self.monotonic,
            now=self.now,
        )


def serve(environ: MutableMapping[str, str]) -> Callable[[Any], Any]:
    """Return what functions-framework calls for each of Flask's requests.

    That returns what Flask takes: the body, the status and the headers.

    The framework calls this before it listens. A mistake in config or in the
    environment ends the process here: Cloud Run then keeps the revision before.

    The environment loses the request's timeout: the framework would have gunicorn kill
    a worker that has not reported for that long, and one whose CPU stands still reports
    nothing.
    """
    environment.let_grpc_see_proxies(environ)
    with ending(sys.stdout, JsonLines()) as end:
        environment.check_proxies(environ)
        function = Function(load(None, environ), dict(environ), sys.stdout)
    if end.code:
        sys.exit(end.code)
    environ.pop(environment.REQUEST_TIMEOUT, None)

    def run(request: Any) -> Any:
        answer = function.answer(request.method, request.path)
        # The body is read and dropped: a server that leaves it unread cuts the answer
        # off.
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
    """End this worker, whose run overstayed its deadline; gunicorn starts another."""
    LOGGER.critical("A run did not end at its deadline. The function starts again.")
    os._exit(1)
