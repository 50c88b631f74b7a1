"""Drills the way to the phone: a made-up stream fails, and somebody should be told.

It writes what the exporter writes of a stream that is FAILED_PERMANENTLY, and of that
only what the policy reads: the dashboard would show a ``last_seen`` as not seen for a
day, and count a ``state``. The stream is in the location ``global``, as Cloud
Monitoring takes none that is not real (observed: "Unrecognized region or location").
Datastream has no streams there, so the exporter never reads it, and no other policy
counts what is written there. ``pause`` drills with a real one.
"""

import os
import sys
import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from select import select

from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError
from exporter.logger import LOGGER
from exporter.setup.findings import Finding
from exporter.states import StreamState
from exporter.steps.measure import problem_samples
from exporter.steps.problems import ALONE, Kind, LocationProblems, Problem
from exporter.steps.write import Writer, Written
from lab.prove.incidents import resource_name
from lab.terminal import console
from lab.verify.deployed import DeployedPolicy, channels, deployed_policies, id_of
from lab.verify.rest import Alert
from lab.verify.target import Target

YOURS = 0  # the level of a question
STREAM = "this-is-a-drill"
POLICY = "stream-failed-permanently"
PART = "drill"
# Between two points: long enough for Cloud Monitoring to take the next, and to show the
# one before
_STEP_SECONDS = 10.0
_TELL_SECONDS = 30.0  # between two lines about waiting, where there is no terminal
_OPEN_SECONDS = 600.0
# Google may take five to ten minutes more than the next evaluation
_CLOSE_SECONDS = 900.0
_TRIES = 3
_KEY = (STREAM, Kind.FAILED_PERMANENTLY)
_HEALTHY = LocationProblems(ended=frozenset({(_KEY, ALONE)}))


class DrillError(Exception):
    """Why a drill did nothing, or left something behind; the text says what to do."""


class Question(Finding):
    """What only a person can answer: whether the page arrived."""

    grade = "yours"


def drill(target: Target) -> Iterator[Finding]:
    """Yield each step; an error is raised only after the stream was made healthy."""
    about = (
        f"Drill: {STREAM} of projects/{target.stream.project} fails until it has an"
        " incident, for ten minutes at most, then recovers until that has closed, in"
        " fifteen. Ctrl-C makes it healthy ten seconds later; if that fails or is cut"
        " short, drill again."
    )
    policies = agreed_policies(target, POLICY, about)
    if not policies:
        yield Finding(WARNING, PART, "not confirmed, so nothing was written")
        return
    try:
        if open_incident(target, policies):
            text = f"{STREAM} has an incident of another drill, which ends now"
            yield Finding(WARNING, PART, f"{text}. Drill again.")
        else:
            began = time.time()
            problem = Problem(StreamState.FAILED_PERMANENTLY, int(began))
            failed = LocationProblems({_KEY: problem})
            yield from until_incident(target, policies, began, failed)
    finally:
        _heal(target)
    yield Finding(INFO, PART, f"{STREAM} is healthy again")
    yield from until_closed(target, policies, _HEALTHY)


def agreed_policies(target: Target, name: str, about: str) -> list[DeployedPolicy]:
    """Say what a drill does, and whom it pages; return its policies, one a route.

    Empty if a person does not agree. Raise DrillError if none opens incidents, or
    CallError.
    """
    policies = [
        each
        for each in deployed_policies(target)
        if each.file.name == name and each.works
    ]
    if not policies:
        raise DrillError(f"{name} is not deployed, or can't alert: nothing was written")
    LOGGER.info("%s", about)
    for each in channels(target, policies):
        LOGGER.info("%s.", each.text)
    return policies if target.agreed or _agrees(target) else []


def _agrees(target: Target) -> bool:
    """Ask at the terminal whether to page; return whether a person agrees."""
    sys.stderr.write("Page now? [y/N] ")
    sys.stderr.flush()
    # Ctrl-C raises nothing, so it would not end a read. 0 is standard input.
    while not select([0], [], [], 0.1)[0]:
        if target.stop.is_set():
            return False
    return os.read(0, 99).lower().startswith(b"y")


def until_incident(
    target: Target,
    policies: list[DeployedPolicy],
    began: float,
    problems: LocationProblems | None = None,
) -> Iterator[Finding]:
    """Yield how long after ``began``, unix seconds, the stream got its incident."""
    for _ in wait_for(target, "the incident", _OPEN_SECONDS, problems):
        after = time.time() - began
        if incident := open_incident(target, policies):
            opened = max(0, incident[1].opened - began)
            text = f"incident opened after {opened:.0f} s, listed after {after:.0f} s"
            yield Finding(INFO, PART, text)
            return
    if not target.stop.is_set():
        name, finds = policies[0].file.name, "does not find"
        if any(_finds(target, each.promql.query) for each in policies):
            finds = "finds"
        text = (
            f"no incident within {after:.0f} s. Points were accepted; the query of"
            f" {name} {finds} them. Look whether it is snoozed, and at its retest"
            f" window ({policies[0].promql.duration.seconds} s):"
            " https://console.cloud.google.com/monitoring/alerting/policies"
            f"?project={target.project}"
        )
        yield Finding(ERROR, PART, text)


def until_closed(
    target: Target,
    policies: list[DeployedPolicy],
    problems: LocationProblems | None = None,
) -> Iterator[Finding]:
    """Ask whether the page of an open incident arrived; yield when that has closed."""
    incident = open_incident(target, policies)
    if not incident:
        return
    policy, alert = incident
    link = (
        "https://console.cloud.google.com/monitoring/alerting/alerts/"
        f"{id_of(alert.name)}?project={target.project}"
    )
    for each in channels(target, [policy]):
        if each.level == INFO:
            text = f"did the page arrive? {each.text}. Open: {link}"
            yield Question(YOURS, PART, text)
    what = "the incident to close (look for its page)"
    for after in wait_for(target, what, _CLOSE_SECONDS, problems):
        if not open_incident(target, policies):
            yield Finding(INFO, PART, f"incident closed after {after:.0f} s")
            return
    yield Finding(WARNING, PART, "incident still open")


def wait_for(
    target: Target,
    what: str,
    seconds: float,
    problems: LocationProblems | None = None,
    step: float = _STEP_SECONDS,
) -> Iterator[float]:
    """Wait until Ctrl-C, and say for what; yield the seconds after each step.

    If there are problems, write them before each step.
    """
    began = time.time()
    after = 0.0
    while after < seconds and not target.stop.is_set():
        if problems is not None:
            _write(target, problems)
        text = f"Waiting for {what}: {seconds - after:.0f} s at most"
        if after % _TELL_SECONDS < step and not sys.stderr.isatty():
            LOGGER.info("%s.", text)
        with console(sys.stderr).status(text):
            time.sleep(step)
        after = time.time() - began
        yield after


def _heal(target: Target) -> None:
    """Make the stream healthy, or raise an error.

    A write that was answered with an error may have been written just before: this
    one comes too soon then, and is sent again.
    """
    for _ in range(_TRIES):
        if not _write(target, _HEALTHY).superseded:
            return
        time.sleep(_STEP_SECONDS)
    raise DrillError(
        f"{STREAM} is not healthy again, as Cloud Monitoring has newer points of it:"
        " check this machine's clock, and that nobody else drills. Then drill again"
    )


def _write(target: Target, problems: LocationProblems) -> Written:
    """Write the stream's problem as the exporter does; raise CallError."""
    samples = problem_samples(target.stream.location_name, problems)
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
    """Return whether a query finds the stream now."""
    found = target.rest.query(target.project, query, time.time())
    stream = target.stream.stream
    return any(value for labels, value in found if labels.get("stream_id") == stream)


def open_incident(
    target: Target, policies: list[DeployedPolicy]
) -> tuple[DeployedPolicy, Alert] | None:
    """Return the stream's open incident, and its policy."""
    for alert in target.rest.open_alerts(target.project):
        # One without labels may be it.
        name = resource_name(alert.labels, is_exporter=False)
        for each in policies:
            is_policy = id_of(each.policy.name) == id_of(alert.policy)
            if is_policy and name in {"", str(target.stream)}:
                return each, alert
    return None
