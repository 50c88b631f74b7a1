"""Drills the way to the phone: a made-up stream fails, and somebody should be told.

It writes what the exporter writes of a stream that is FAILED_PERMANENTLY, and of that
only what the policy reads: the dashboard would show a ``last_seen`` as not seen for a
day, and count a ``state``. The stream is in the location ``global``, as Cloud
Monitoring takes none that is not real (observed: "Unrecognized region or location").
Datastream has no streams there, so the exporter never reads it, and no other policy
counts what is written there.
"""

import os
import sys
import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from select import select

from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.logger import LOGGER
from exporter.names import GLOBAL, LocationName
from exporter.setup.findings import Finding
from exporter.states import StreamState
from exporter.steps.measure import problem_samples
from exporter.steps.problems import ALONE, Kind, LocationProblems, Problem
from exporter.steps.write import Writer, Written
from lab.terminal import console
from lab.verify.deployed import DeployedPolicy, channels, deployed_policies, id_of
from lab.verify.rest import Alert
from lab.verify.target import Target

YOURS = 0  # the level of a question
STREAM = "this-is-a-drill"
POLICY = "stream-failed-permanently"
_PART = "drill"
# Between two points: long enough for Cloud Monitoring to take the next, and to show the
# one before
_STEP_SECONDS = 10.0
_TELL_SECONDS = 30.0  # between two lines about waiting, where there is no terminal
_OPEN_SECONDS = 600.0
# Google may take five to ten minutes more than the next evaluation
_CLOSE_SECONDS = 900.0
_TRIES = 3
_TOO_LATE = Failure(
    FailureKind.REFUSED,
    f"{STREAM} is not healthy again, as Cloud Monitoring has newer points of it: check"
    " this machine's clock, and that nobody else drills",
    "Then drill again.",
)
_KEY = (STREAM, Kind.FAILED_PERMANENTLY)
_HEALTHY = LocationProblems(ended=frozenset({(_KEY, ALONE)}))


class Question(Finding):
    """What only a person can answer: whether the page arrived."""

    grade = "yours"


def drill(target: Target) -> Iterator[Finding]:
    """Yield each step; a CallError is raised only after the stream was made healthy."""
    policies = [
        each
        for each in deployed_policies(target)
        if each.file.name == POLICY and each.works
    ]
    if not policies:
        text = f"{POLICY} is not deployed, or can't alert: nothing was written"
        yield Finding(ERROR, _PART, text)
        return
    LOGGER.info(
        "Drill: %s of projects/%s fails until it has an incident, for ten minutes at"
        " most, then recovers until that has closed, in fifteen. Ctrl-C makes it"
        " healthy ten seconds later; if that fails or is cut short, drill again.",
        STREAM,
        target.source,
    )
    for each in channels(target, policies):
        LOGGER.info("%s.", each.text)
    if not (target.agreed or _agrees(target)):
        yield Finding(WARNING, _PART, "not confirmed, so nothing was written")
        return
    try:
        if _incident(target, policies):
            text = f"{STREAM} has an incident of another drill, which ends now"
            yield Finding(WARNING, _PART, f"{text}. Drill again.")
        else:
            yield from _fail(target, policies)
    finally:
        _heal(target)
    yield Finding(INFO, _PART, f"{STREAM} is healthy again")
    if incident := _incident(target, policies):
        policy, alert = incident
        link = (
            "https://console.cloud.google.com/monitoring/alerting/alerts/"
            f"{id_of(alert.name)}?project={target.project}"
        )
        for each in channels(target, [policy]):
            if each.level == INFO:
                text = f"did the page arrive? {each.text}. Open: {link}"
                yield Question(YOURS, _PART, text)
        for after in _write_for(
            target,
            "the incident to close (look for its page)",
            _CLOSE_SECONDS,
            _HEALTHY,
        ):
            if not _incident(target, policies):
                yield Finding(INFO, _PART, f"incident closed after {after:.0f} s")
                return
        yield Finding(WARNING, _PART, "incident still open")


def _agrees(target: Target) -> bool:
    """Ask at the terminal whether to page; return whether a person agrees."""
    sys.stderr.write("Page now? [y/N] ")
    sys.stderr.flush()
    # Ctrl-C raises nothing, so it would not end a read. 0 is standard input.
    while not select([0], [], [], 0.1)[0]:
        if target.stop.is_set():
            return False
    return os.read(0, 99).lower().startswith(b"y")


def _fail(target: Target, policies: list[DeployedPolicy]) -> Iterator[Finding]:
    """Let the stream fail until it has an incident; yield how long that took."""
    began = time.time()
    failed = LocationProblems(
        {_KEY: Problem(StreamState.FAILED_PERMANENTLY, int(began))}
    )
    for after in _write_for(target, "the incident", _OPEN_SECONDS, failed):
        if incident := _incident(target, policies):
            opened = max(0, incident[1].opened - began)
            text = f"incident opened after {opened:.0f} s, listed after {after:.0f} s"
            yield Finding(INFO, _PART, text)
            return
    if not target.stop.is_set():
        finds = "does not find"
        if any(_finds(target, each.promql.query) for each in policies):
            finds = "finds"
        text = (
            f"no incident within {after:.0f} s. Points were accepted; the query of"
            f" {POLICY} {finds} them. Look whether it is snoozed, and at its retest"
            f" window ({policies[0].promql.duration.seconds} s):"
            " https://console.cloud.google.com/monitoring/alerting/policies"
            f"?project={target.project}"
        )
        yield Finding(ERROR, _PART, text)


def _write_for(
    target: Target, what: str, seconds: float, problems: LocationProblems
) -> Iterator[float]:
    """Write until Ctrl-C, and say what it waits for.

    Yield the seconds when a point can be read.
    """
    began = time.time()
    after = 0.0
    while after < seconds and not target.stop.is_set():
        _write(target, problems)
        text = f"Waiting for {what}: {seconds - after:.0f} s at most"
        if after % _TELL_SECONDS < _STEP_SECONDS and not sys.stderr.isatty():
            LOGGER.info("%s.", text)
        with console(sys.stderr).status(text):
            time.sleep(_STEP_SECONDS)
        after = time.time() - began
        yield after


def _heal(target: Target) -> None:
    """Make the stream healthy, or raise CallError.

    A write that was answered with an error may have been written just before: this
    one comes too soon then, and is sent again.
    """
    for _ in range(_TRIES):
        if not _write(target, _HEALTHY).superseded:
            return
        time.sleep(_STEP_SECONDS)
    raise CallError(_TOO_LATE)


def _write(target: Target, problems: LocationProblems) -> Written:
    """Write the stream's problem as the exporter does; raise CallError."""
    samples = problem_samples(LocationName(target.source, GLOBAL), problems)
    writer = Writer(
        target.clients.monitorings, target.project, int(time.time()), Calls()
    )
    # Ctrl-C doesn't end this one, but half a minute does.
    written = writer.write_points(samples, Deadline.after(30))
    for error in written.errors:
        if error.failure:
            raise CallError(error.failure)
    return written


def _finds(target: Target, query: str) -> bool:
    """Return whether a query finds the failing stream now."""
    found = target.rest.query(target.project, query, time.time())
    return any(value for labels, value in found if labels.get("stream_id") == STREAM)


def _incident(
    target: Target, policies: list[DeployedPolicy]
) -> tuple[DeployedPolicy, Alert] | None:
    """Return the stream's open incident, and its policy."""
    for alert in target.rest.open_alerts(target.project):
        # One without labels may be it.
        is_own = alert.labels.get("stream_id", STREAM) == STREAM
        for each in policies:
            if is_own and id_of(each.policy.name) == id_of(alert.policy):
                return each, alert
    return None
