"""The Cloud Run function: one run for each HTTP request, on Google's functions-framework.

The framework's server calls what :func:`serve` returns, for each request in a thread of its own.
POST / is one run; POST /log is a run that a log asked for. A request only says that it is time:
nothing in it is read. The clients, the config and what was discovered stay for the next request.
Between requests the CPU stands still, so nothing here depends on a thread in the background.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO

from exporter.gcp import cloud_run
from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import CallError
from exporter.inputs.input_errors import InputError
from exporter.log.lines import LOGGER, JsonLines, Text, logging_to
from exporter.log.run_log import RunLog, summary
from exporter.session import session
from exporter.watch import OBJECTS_SECONDS, Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping

    from flask import Request

SCHEDULED, LOG = "/", "/log"

LEAST_SECONDS = 10.0
"""How many seconds after the last run's start another may begin."""

LEAST_TRIGGERED_SECONDS = 20.0
"""The same for two runs that a log asked for."""

MARGIN_SECONDS = 5.0
"""A run ends this long before the request's timeout: after it, Cloud Run stops the CPU."""

_PREPARE_SECONDS = 30.0
"""More than config and credentials take."""

_CHUNK = 64 * 1024
_MOST_CHUNKS = 1024


def _restart() -> None:
    """End this worker at once; gunicorn starts another."""
    os._exit(1)


class Answer(NamedTuple):
    """A response: the HTTP status, and the content of the body, which becomes JSON."""

    status: int
    body: Mapping[str, object]


class Function:
    """Answers requests. At most one run is under way at any time."""

    def __init__(
        self,
        environ: Mapping[str, str],
        log: TextIO,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        patience: float = 10.0,
        restart: Callable[[], object] = _restart,
    ) -> None:
        """Connect to nothing: the server forks after this, and gRPC does not survive a fork.

        Args:
            environ: The environment.
            log: Where the log goes.
            monotonic: Returns seconds of a clock that never goes back.
            now: Returns the unix time in seconds.
            patience: How many seconds a request waits for the end of a run that is past its
                deadline.
            restart: Ends this process, so that the server starts another one.
        """
        self._environ = environ
        self._log = log
        self._monotonic = monotonic
        self._now = now
        self._patience = patience
        self._restart = restart
        self._changed = threading.Condition()
        self._running = False
        self._began = self._triggered = self._ends = -math.inf
        self._open = ExitStack()
        self._ready: tuple[Runs, float] | None = None

    def answer(self, method: str, path: str) -> Answer:
        """Answer a request, with a run where one is due."""
        if path not in {SCHEDULED, LOG}:
            return _error(404, f"{path} is not served: POST {SCHEDULED} or {LOG}")
        if method != "POST":
            return _error(405, f"{method} starts no run: use POST")
        if skipped := self._begin(path):
            return skipped
        try:
            json_lines = cloud_run.here(self._environ)
            formatter = JsonLines(cloud_run.log_labels(self._environ)) if json_lines else Text()
            with logging_to(self._log, formatter):
                return self._answer_with_run()
        finally:
            with self._changed:
                self._running = False
                self._changed.notify_all()

    def __enter__(self) -> Self:
        """Return the function itself."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the clients' connections."""
        self._open.close()

    def _begin(self, path: str) -> Answer | None:
        """Begin a run, or return why there is none now."""
        with self._changed:
            # An instance whose CPU stood still in the middle of a run goes on with that run now.
            # All of its calls have timed out, so it ends at once, and this request gets its run.
            if not self._changed.wait_for(lambda: not self._overdue, self._patience):
                sentence = "A run did not end at its deadline. The function starts again."
                LOGGER.critical("%s", sentence)
                self._restart()
                return _error(500, sentence)
            ago = self._monotonic() - self._began
            again = path == LOG and self._monotonic() - self._triggered < LEAST_TRIGGERED_SECONDS
            if self._running or again or ago < LEAST_SECONDS:
                state = "is under way; it began" if self._running else "began"
                return Answer(
                    200 if path == SCHEDULED else 429,
                    {"skipped": f"A run {state} {ago:.0f} s ago."},
                )
            self._began = self._monotonic()
            if path == LOG:
                self._triggered = self._began
            self._ends = self._began + _PREPARE_SECONDS
            self._running = True
            return None

    @property
    def _overdue(self) -> bool:
        return self._running and self._monotonic() > self._ends + MARGIN_SECONDS

    def _answer_with_run(self) -> Answer:
        started = time.monotonic()
        try:
            runs, seconds = self._prepared()
            self._ends = self._began + seconds
            report = runs.once(Deadline(started + seconds))
        except (InputError, CallError) as error:
            # No run began, so the next request need not wait.
            self._began = self._triggered = -math.inf
            sentences = str(error).splitlines()
            for sentence in sentences:
                LOGGER.error("%s", sentence)
            return _error(500, *sentences)
        except Exception:  # noqa: BLE001 - one log entry; the server would print its own
            LOGGER.exception("The exporter failed unexpectedly:")
            return _error(500, "the exporter failed unexpectedly; its log says where")
        return Answer(
            200 if report.complete else 500, {"complete": report.complete, **summary(report)}
        )

    def _prepared(self) -> tuple[Runs, float]:
        """Return the runs of this process, and how many seconds each may take.

        The first time, config is loaded and the clients connect.
        """
        if self._ready is None:
            prepared = self._open.enter_context(session(self._environ))
            seconds = prepared.config.run.deadline.total_seconds()
            if timeout := cloud_run.request_timeout(self._environ):
                seconds = min(seconds, max(1.0, timeout - MARGIN_SECONDS))
            runs = Runs(
                prepared.clients,
                prepared.config,
                prepared.task,
                RunLog(self._monotonic).log,
                objects_every=OBJECTS_SECONDS,
                monotonic=self._monotonic,
                now=self._now,
            )
            self._ready = runs, seconds
        return self._ready


def serve(
    environ: MutableMapping[str, str],
) -> Callable[[Request], tuple[Iterator[str], int, dict[str, str]]]:
    """Return what functions-framework calls for each request.

    Args:
        environ: The environment of the process. It loses the request's timeout: the framework
            would have gunicorn kill a worker that has not reported for that long, and a worker
            whose CPU stands still between requests reports nothing.
    """
    function = Function(dict(environ), sys.stdout if cloud_run.here(environ) else sys.stderr)
    environ.pop(cloud_run.REQUEST_TIMEOUT, None)

    def run(request: Request) -> tuple[Iterator[str], int, dict[str, str]]:
        answer = function.answer(request.method, request.path)
        _discard_body(request)
        text = json.dumps(answer.body) + "\n"
        headers = {"Content-Type": "application/json", "Content-Length": str(len(text))}
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "POST"
        # As an iterator: before any other response, the framework reads the body into memory.
        return iter([text]), answer.status, headers

    return run


def _discard_body(request: Request) -> None:
    """Read the body piece by piece and forget it, as a server that answers earlier cuts it off."""
    try:
        for _ in range(_MOST_CHUNKS):
            if not request.stream.read(_CHUNK):
                return
    except Exception as gone:  # noqa: BLE001 - the caller has gone, whatever the server calls it
        LOGGER.debug("The caller left: %s", gone)


def _error(status: int, *sentences: str) -> Answer:
    return Answer(status, {"errors": sentences})
