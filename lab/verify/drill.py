"""Drills the way to the phone: a stream fails or is paused, and somebody is told.

By default the stream is made up. Of one that is FAILED_PERMANENTLY, it writes what the
exporter writes, and of that only what the policy reads: the dashboard would show a
``last_seen`` as not seen for a day, and count a ``state``. The stream is in the
location ``global``, as Cloud Monitoring takes none that is not real (observed:
"Unrecognized region or location"). Datastream has no streams there, so the exporter
never reads it, and no other policy counts what is written there.

A stream of the user's is paused in Datastream, and nothing is written: what follows
proves Datastream and the exporter, too.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from logging import ERROR, INFO, WARNING
from select import select
from threading import Event
from typing import Any

from google.api_core.exceptions import GoogleAPICallError

from exporter import __version__
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError
from exporter.logger import LOGGER
from exporter.names import GLOBAL
from exporter.states import StreamState, state_name
from exporter.steps.compare import Verdict
from exporter.steps.measure import problem_samples
from exporter.steps.problems import Group, Key, LocationProblems, Problem
from exporter.steps.read import Datastream, Stream
from exporter.steps.write import Writer, Written
from lab.policies.deployment import is_read
from lab.prove.incidents import resource_name
from lab.terminal import console
from lab.verify.deployed import DeployedPolicy, channels, deployed_policies, id_of
from lab.verify.rest import Alert
from lab.verify.target import Findings, Target

YOURS = 0  # the level of a question
STREAM = "this-is-a-drill"
POLICY = "stream-failed-permanently"
_PAUSE_POLICY = "stream-unexpected-state"
# Between two points: long enough for Cloud Monitoring to take the next, and to show the
# one before
_STEP_SECONDS = 10.0
_LOOK_SECONDS = 5.0  # between two looks at what nothing is written for
_TELL_SECONDS = 30.0  # between two lines about waiting, where there is no terminal
_CALL_SECONDS = 30.0
_OPEN_SECONDS = 600.0
# Google may take five to ten minutes more than the next evaluation
_CLOSE_SECONDS = 900.0
# How long a stream is fine again until the exporter ends its problem, at any interval
_FINE_SECONDS = 960.0
_KEY = Key(STREAM, Verdict.FAILED_PERMANENTLY)
_HEALTHY = LocationProblems(ended=frozenset({(_KEY, Group())}))
_RESUME = (
    "gcloud datastream streams update {0.stream} --location={0.location}"
    " --project={0.project} --state=RUNNING --update-mask=state"
)


class DrillError(Exception):
    """Why a drill did nothing, or left something behind; the text says what to do."""


def drill(target: Target) -> Findings:
    """Yield each step; an error is raised only after the stream is as it was before."""
    made_up = target.stream.location == GLOBAL
    name = POLICY
    about = (
        f"Drill: the made-up stream {STREAM} of projects/{target.stream.project} fails"
        " until its incident opens, for ten minutes at most. Then it is healthy, until"
        " the incident closes, in fifteen at most. Ctrl-C makes it healthy ten seconds"
        " later. If that fails, or is interrupted, drill again."
    )
    if not made_up:
        _check(target)
        name = _PAUSE_POLICY
        about = (
            f"Drill: {target.stream} is paused until its incident opens, for forty"
            " minutes at most. Then it is resumed, after Ctrl-C too. If config expects"
            " it PAUSED, the exporter's next run shows that, and the drill ends. If"
            f" resuming fails, or is interrupted: {_RESUME.format(target.stream)}"
        )
    policies = [
        each
        for each in deployed_policies(target)
        if each.file.name == name
        and each.works
        and is_read(target.stream, each.promql.query)
    ]
    if not policies:
        raise DrillError(
            f"{name} is not deployed, can't alert, or leaves {target.stream} to a route"
            " without channels: nothing was changed"
        )
    LOGGER.info("%s", about)
    for _, text in channels(target, policies):
        LOGGER.info("%s.", text)
    if not (target.agreed or _agrees(target)):
        yield WARNING, "not confirmed, so nothing was changed"
        return
    found = [f"datastream-exporter {__version__}"]
    for _, value in target.query(
        f"{target.own('exporter/next_run', '13m')}"
        f" - {target.own('exporter/last_run', '13m')}"
    ):
        found += [f"a run overdue after {value:.0f} s"]
    for level, text in _steps(target, policies, made_up=made_up):
        yield level, text
        if level != YOURS:
            found.append(text.partition(".")[0])
    if not made_up and "incident closed" in found[-1]:
        yield INFO, f"to paste, and add function or job: {'; '.join(found)}"


def _check(target: Target) -> None:
    """Raise DrillError if a pause of the stream would prove nothing, or CallError."""
    stream, why = _read(target), ""
    if stream.state != StreamState.RUNNING:
        state = state_name(stream.state)
        why = f"is {state}, not RUNNING: start it, or name another stream"
    elif stream.label == "paused":
        why = (
            "has the label expected-state: paused, so nobody is paged: name another"
            " stream"
        )
    elif not target.query(f"{_newest(target, 'stream/state')} == 2"):
        why = (
            "was not seen RUNNING in the last 13 minutes by any exporter that writes to"
            f" projects/{target.project}. Its location must be in `sources` of"
            " config.yaml, and no mute or `exclude` may match it. After a start, wait"
            " for the next run"
        )
    if why:
        raise DrillError(f"{target.stream} {why}. Nothing was changed")


def _read(target: Target) -> Stream:
    """Return the stream as Datastream has it, or raise DrillError."""
    name = target.stream
    datastream = Datastream(target.clients, Calls())
    try:
        listed = datastream.streams(name.location_name, Deadline.after(_CALL_SECONDS))
    except CallError as error:
        raise DrillError(
            f"{name} can't be read: {error.failure.message.rstrip('.')}. Check its"
            " name, and that you have datastream.streams.list there"
        ) from error
    for each in listed:
        if each.id == name.stream:
            return each
    raise DrillError(f"{name} does not exist: look at its name in Datastream's console")


def _steps(
    target: Target, policies: list[DeployedPolicy], *, made_up: bool
) -> Findings:
    """Yield when the stream gets its incident, is well again, and loses it."""
    try:
        if _open_incident(target, policies):
            text = "the stream has an incident of another drill, which ends now"
            yield WARNING, f"{text}. Drill again."
        elif made_up:
            began = time.time()
            problem = Problem(int(began), told=True)
            failed = LocationProblems({_KEY: problem})
            yield from _until_incident(target, policies, began, failed)
        else:
            yield from _pause(target, policies)
    finally:
        healthy = _heal(target) if made_up else _change(target, StreamState.RUNNING)
    yield healthy
    incident = _open_incident(target, policies)
    if not incident:
        return
    policy, alert = incident
    link = (
        "https://console.cloud.google.com/monitoring/alerting/alerts/"
        f"{id_of(alert.name)}?project={target.project}"
    )
    for level, text in channels(target, [policy]):
        if level == INFO:
            yield YOURS, f"did the page arrive? {text}. Open: {link}"
    ended = _HEALTHY if made_up else None
    what = "the incident to close (look for its page)"
    seconds = _CLOSE_SECONDS
    if not made_up:
        seconds += _FINE_SECONDS
    for after in _wait_for(target, what, seconds, ended):
        if not _open_incident(target, policies):
            yield INFO, f"incident closed after {after:.0f} s"
            return
    yield WARNING, "incident still open"


def _pause(target: Target, policies: list[DeployedPolicy]) -> Findings:
    """Pause the stream; yield when that is seen, and when it has an incident."""
    yield _change(target, StreamState.PAUSED)
    began = time.time()
    paused = f"{_newest(target, 'stream/state')} == 3"
    problem = f"{_newest(target, 'stream/problem_state')} == 1"
    for what, query in (("PAUSED", paused), ("its problem", problem)):
        for _ in _wait_for(target, f"{what} in Cloud Monitoring", _OPEN_SECONDS):
            if target.query(query):
                break
            if target.query(f"{_newest(target, 'stream/expected')} == 1 and {paused}"):
                text = (
                    "config expects it PAUSED, so nobody is paged: name another stream"
                )
                yield ERROR, text
                return
        else:
            if not target.stop.is_set():
                text = f"{what} is not in Cloud Monitoring after {_OPEN_SECONDS:.0f} s"
                yield ERROR, f"{text}: the exporter's log says why"
            return
        after = time.time() - began
        yield INFO, f"{what} in Cloud Monitoring after {after:.0f} s"
    yield from _until_incident(target, policies, began)


def _change(target: Target, state: StreamState) -> tuple[int, str]:
    """Let Datastream pause or resume the stream, also after Ctrl-C.

    Return how long it took; raise DrillError.
    """
    request = {
        "stream": {"name": str(target.stream), "state": state},
        "update_mask": {"paths": ["state"]},
    }
    client = target.clients.datastream_for(target.stream.location_name)
    operation: Any = None
    why = "Datastream takes longer"
    # A stream that is paused first writes what it has read. Until it is PAUSED, it
    # can't be resumed, so Ctrl-C doesn't end this.
    waiting = replace(target, stop=Event())
    resume = f"if it stays PAUSED: {_RESUME.format(target.stream)}"
    what = f"{state.name} in Datastream ({resume})"
    for after in _wait_for(waiting, what, _OPEN_SECONDS):
        try:
            if _read(target).state == state:
                text = f"{state.name} in Datastream after {after:.0f} s"
                return INFO, text
            if operation is None:
                operation = client.update_stream(request, timeout=_CALL_SECONDS)
            # It may be done before the stream is in the state; a failed one raises.
            if operation.done():
                operation.result()
        except (DrillError, GoogleAPICallError) as error:
            why = str(error)
            if state == StreamState.PAUSED:
                break
    raise DrillError(
        f"{target.stream} is not {state.name}: {why}. A drill with it needs"
        f" datastream.streams.update and datastream.operations.get; {resume}"
    )


def _newest(target: Target, metric: str) -> str:
    """Return a query of the stream's newest value of a metric."""
    name = target.stream
    labels = (
        f', namespace="{name.project}", location="{name.location}"'
        f', stream_id="{name.stream}"'
    )
    return target.own(metric, "13m", more=labels)


def _agrees(target: Target) -> bool:
    """Ask at the terminal whether to page; return whether a person agrees."""
    sys.stderr.write("Page now? [y/N] ")
    sys.stderr.flush()
    # Ctrl-C raises nothing, so it would not end a read. 0 is standard input.
    while not select([0], [], [], 0.1)[0]:
        if target.stop.is_set():
            return False
    return os.read(0, 99).lower().startswith(b"y")


def _until_incident(
    target: Target,
    policies: list[DeployedPolicy],
    began: float,
    problems: LocationProblems | None = None,
) -> Findings:
    """Yield how long after ``began``, unix seconds, the stream got its incident."""
    for _ in _wait_for(target, "the incident", _OPEN_SECONDS, problems):
        after = time.time() - began
        if incident := _open_incident(target, policies):
            opened = max(0, incident[1].opened - began)
            text = f"incident opened after {opened:.0f} s, listed after {after:.0f} s"
            yield INFO, text
            return
    if not target.stop.is_set():
        finds = "does not find"
        for each in policies:
            for labels, value in target.query(each.promql.query):
                if value and labels.get("stream_id") == target.stream.stream:
                    finds = "finds"
        text = (
            f"no incident within {after:.0f} s. Points were accepted, and the query of"
            f" {policies[0].file.name} {finds} them. Look whether it is snoozed, and at"
            f" its retest window ({policies[0].promql.duration.seconds} s):"
            " https://console.cloud.google.com/monitoring/alerting/policies"
            f"?project={target.project}"
        )
        yield ERROR, text


def _wait_for(
    target: Target, what: str, seconds: float, problems: LocationProblems | None = None
) -> Iterator[float]:
    """Wait until Ctrl-C, and say for what; yield the seconds before and after steps.

    If there are problems, write them in each step.
    """
    step = _STEP_SECONDS if problems else _LOOK_SECONDS
    began = time.time()
    while True:
        after = time.time() - began
        yield after
        if after >= seconds or target.stop.is_set():
            return
        if problems:
            _write(target, problems)
        text = f"Waiting for {what}: {seconds - after:.0f} s at most"
        if after % _TELL_SECONDS < step and not sys.stderr.isatty():
            LOGGER.info("%s.", text)
        with console(sys.stderr).status(text):
            time.sleep(step)


def _heal(target: Target) -> tuple[int, str]:
    """Make the made-up stream healthy, or raise an error; return that it is.

    A write that was answered with an error may have been written just before: this
    one comes too soon then, and is sent again.
    """
    for _ in range(3):
        try:
            written = _write(target, _HEALTHY)
        except CallError as error:
            message = (
                f"{error.failure.message.rstrip('.')}. So {STREAM} is not healthy"
                " again: if a point of its failure was written, its policy alerts for a"
                " day. Settle this and drill again: that makes it healthy"
            )
            raise CallError(error.failure._replace(message=message)) from error
        if not written.superseded:
            return INFO, f"{STREAM} is healthy again"
        time.sleep(_STEP_SECONDS)
    raise DrillError(
        f"{STREAM} is not healthy again, as Cloud Monitoring has newer points of it:"
        " check this machine's clock, and that nobody else drills. Then drill again"
    )


def _write(target: Target, problems: LocationProblems) -> Written:
    """Write the stream's problem as the exporter does; raise CallError."""
    writer = Writer(
        target.clients.monitorings, target.project, int(time.time()), Calls()
    )
    # Ctrl-C doesn't end this one, but half a minute does.
    samples = problem_samples(target.stream.location_name, problems)
    written = writer.write_points(samples, Deadline.after(_CALL_SECONDS))
    for error in written.errors:
        if error.failure:
            raise CallError(error.failure)
    return written


def _open_incident(
    target: Target, policies: list[DeployedPolicy]
) -> tuple[DeployedPolicy, Alert] | None:
    """Return the stream's open incident, and its policy."""
    for alert in target.rest.open_alerts(target.project):
        # One without labels may be it.
        name = resource_name(alert.labels)
        for each in policies:
            is_policy = id_of(each.policy.name) == id_of(alert.policy)
            if is_policy and name in {"", str(target.stream)}:
                return each, alert
    return None
