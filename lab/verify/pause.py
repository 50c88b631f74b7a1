"""Drills the whole chain: a stream is paused in Datastream, and somebody is told.

Nothing is written: what follows proves Datastream and the exporter, too.
"""

import time
from dataclasses import replace
from logging import ERROR, INFO
from threading import Event
from typing import Any

from google.api_core.exceptions import GoogleAPICallError

from exporter import __version__
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError
from exporter.setup.findings import NOTICE
from exporter.states import StreamState, state_name
from exporter.steps.read import Datastream, Stream
from lab.verify.deployed import DeployedPolicy
from lab.verify.incident import (
    OPEN_SECONDS,
    DrillError,
    agreed_policies,
    open_incident,
    until_closed,
    until_incident,
    wait_for,
)
from lab.verify.target import Findings, Target

_POLICY = "stream-unexpected-state"
_CALL_SECONDS = 30.0
# 16 good minutes until the exporter ends the problem, at any interval, and Google's 15
_CLOSE_SECONDS = 1860.0
_RESUME = (
    "gcloud datastream streams update {0.stream} --location={0.location}"
    " --project={0.project} --state=RUNNING --update-mask=state"
)


def pause(target: Target) -> Findings:
    """Yield each step; an error is raised only after the stream was resumed."""
    _check(target)
    about = (
        f"Drill: {target.stream} is paused until its incident opens, for forty minutes"
        " at most. Then it is resumed, after Ctrl-C too, and its incident closes after"
        " ten good minutes, in thirty-one at most. If config expects it PAUSED, the"
        " exporter's next run shows that, and the drill ends. If resuming fails, or is"
        f" interrupted: {_RESUME.format(target.stream)}"
    )
    policies = agreed_policies(target, _POLICY, about)
    if not policies:
        return
    if open_incident(target, policies):
        raise DrillError(
            f"{target.stream} has an incident of {_POLICY}: wait until it closes."
            " Nothing was changed"
        )
    found = [f"datastream-exporter {__version__}"]
    for _, value in target.query(
        f"{target.own('exporter/next_run', '13m')}"
        f" - {target.own('exporter/last_run', '13m')}"
    ):
        found += [f"a run overdue after {value:.0f} s"]
    for level, text in _steps(target, policies):
        yield level, text
        if level != NOTICE:
            found.append(text.partition(".")[0])
    if "incident closed" in found[-1]:
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


def _steps(target: Target, policies: list[DeployedPolicy]) -> Findings:
    """Yield when the stream is paused, gets its incident, is resumed, and loses it."""
    try:
        yield INFO, _change(target, StreamState.PAUSED)
        yield from _seen(target, policies)
    finally:
        resumed = _change(target, StreamState.RUNNING)
    yield INFO, resumed
    what = "the incident to close, after ten good minutes"
    yield from until_closed(target, policies, what, _CLOSE_SECONDS)


def _seen(target: Target, policies: list[DeployedPolicy]) -> Findings:
    """Yield when the pause is seen, and when it has an incident."""
    began = time.time()
    paused = f"{_newest(target, 'stream/state')} == 3"
    expected = f"{_newest(target, 'stream/expected')} == 1 and {paused}"
    problem = f"{_newest(target, 'stream/problem_state')} == 1"
    for what, query in (
        ("PAUSED in Cloud Monitoring", paused),
        ("its problem in Cloud Monitoring", problem),
    ):
        for _ in wait_for(target, what, OPEN_SECONDS):
            if target.query(query):
                break
            if target.query(expected):
                text = "config expects PAUSED, so nobody is paged: name another stream"
                yield ERROR, text
                return
        else:
            if not target.stop.is_set():
                text = f"no sign of {what} in {OPEN_SECONDS:.0f} s"
                yield ERROR, f"{text}: the exporter's log says why"
            return
        yield INFO, f"{what} after {time.time() - began:.0f} s"
    yield from until_incident(target, policies, began)


def _change(target: Target, state: StreamState) -> str:
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
    for after in wait_for(waiting, what, OPEN_SECONDS):
        try:
            if _read(target).state == state:
                return f"{state.name} in Datastream after {after:.0f} s"
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
