"""Drills the whole way: a stream of the user's is paused, and somebody should be told.

Nothing is made up, so it proves Datastream, the exporter and the policy. The stream is
resumed however the drill ends.
"""

import platform
import sys
import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from threading import Event

from google.api_core.exceptions import GoogleAPICallError

from exporter import __version__
from exporter.google.errors import FailureKind, explain_call_error, is_transient
from exporter.setup.findings import Finding
from exporter.states import StreamState, state_name
from exporter.steps.read import LABEL
from lab.verify.deployed import DeployedPolicy
from lab.verify.drill import (
    PART,
    YOURS,
    DrillError,
    agreed_policies,
    open_incident,
    until_closed,
    until_incident,
    wait_for,
)
from lab.verify.target import Target

POLICY = "stream-unexpected-state"
_RESUME = (
    "gcloud datastream streams update {0.stream} --location={0.location}"
    " --project={0.project} --state=RUNNING --update-mask=state"
)
_CALL_SECONDS = 30.0
_LOOK_SECONDS = 2.0  # between two looks at the stream, or at its points
_CHANGE_SECONDS = 600.0  # a stream that is paused first writes what it has read
_SEEN_SECONDS = 600.0  # runs may be five minutes apart
_PROBLEM_SECONDS = 120.0  # the same run writes it, but it may be readable later


def drill(target: Target) -> Iterator[Finding]:
    """Yield each step; an error is raised only after the stream was resumed."""
    if reason := _reason_against(target):
        raise DrillError(f"{target.stream} {reason}. Nothing was changed")
    about = (
        f"Drill: {target.stream} is paused until it has an incident, for half an hour"
        " at most, then resumed. If config expects it PAUSED, the exporter's next run"
        " shows that, and the drill ends. Ctrl-C resumes it too. If that fails or is"
        f" cut short: {_RESUME.format(target.stream)}"
    )
    policies = agreed_policies(target, POLICY, about)
    if not policies:
        yield Finding(WARNING, PART, "not confirmed, so nothing was changed")
        return
    if open_incident(target, policies):
        raise DrillError(f"{POLICY} has an incident of it: wait until that has closed")
    found = [_versions(target)]
    for finding in _pause(target, policies):
        if finding.level != YOURS:
            found.append(finding.text.partition(".")[0])
        yield finding
    text = "\n".join(found)
    sys.stdout.write(f"\nTo paste into an issue:\n\n{text}\n\n")


def _reason_against(target: Target) -> str:
    """Return why a pause of the stream would prove nothing; empty if it would."""
    name = str(target.stream)
    client = target.clients.datastream_for(name)
    try:
        stream = client.get_stream(name=name, timeout=_CALL_SECONDS)
    except GoogleAPICallError as error:
        return f"can't be read: {_why(target, error)}"
    if stream.state != StreamState.RUNNING:
        return f"is {state_name(stream.state)}, not RUNNING: start it, or name another"
    if stream.labels.get(LABEL) == "paused":
        return f"has the label {LABEL}: paused, so nobody is paged: name another"
    if not target.query(f"{_newest(target, 'stream/state')} == 2"):
        return (
            "was not seen RUNNING for 13 minutes by an exporter that writes to"
            f" projects/{target.project}. Let `sources` of config.yaml have its"
            " location, and no mute nor `exclude` match it; after a start, wait for the"
            " next run"
        )
    return ""


def _pause(target: Target, policies: list[DeployedPolicy]) -> Iterator[Finding]:
    """Pause the stream until it has an incident, and resume it; yield each step."""
    try:
        yield _change(target, StreamState.PAUSED)
        yield from _until_incident(target, policies)
    finally:
        resumed = _change(target, StreamState.RUNNING)
    yield resumed
    yield from until_closed(target, policies)


def _change(target: Target, state: StreamState) -> Finding:
    """Let Datastream pause or resume the stream, also after Ctrl-C.

    Return how long it took; raise DrillError.
    """
    target = target._replace(stop=Event())
    name = str(target.stream)
    client = target.clients.datastream_for(name)
    request = {
        "stream": {"name": name, "state": state},
        "update_mask": {"paths": ["state"]},
    }
    operation = None
    why = "it takes longer"
    for after in wait_for(
        target, f"Datastream: {state.name}", _CHANGE_SECONDS, step=_LOOK_SECONDS
    ):
        try:
            if client.get_stream(name=name, timeout=_CALL_SECONDS).state == state:
                text = f"{state.name} in Datastream after {after:.0f} s"
                return Finding(INFO, PART, text)
            if operation is None:
                operation = client.update_stream(request, timeout=_CALL_SECONDS)
            # It may be done before the stream is in the state; a failed one raises.
            if operation.done():
                operation.result()
        except GoogleAPICallError as error:
            why = _why(target, error)
            # While it is DRAINING, it may refuse to be resumed.
            if state == StreamState.PAUSED and not is_transient(error):
                break
    if state == StreamState.RUNNING:
        why += f" Resume it: {_RESUME.format(target.stream)}"
    raise DrillError(f"{target.stream} is not {state.name}: {why}")


def _why(target: Target, error: GoogleAPICallError) -> str:
    """Return why Datastream refuses a call, and what to do."""
    project, permission = target.stream.project, "datastream.streams.update"
    failure = explain_call_error(error, project, permission, target.clients.caller)
    if failure.kind is not FailureKind.PERMISSION_DENIED:
        failure = failure._replace(hint="Look at it in Datastream's console.")
    return str(failure)


def _until_incident(
    target: Target, policies: list[DeployedPolicy]
) -> Iterator[Finding]:
    """Yield when the pause was seen, its problem was written, its incident opened."""
    began = time.time()
    paused = f"{_newest(target, 'stream/state')} == 3"
    problem = f"{_newest(target, 'stream/problem_state')} > 0"
    for what, query, seconds in (
        ("exporter's sighting", paused, _SEEN_SECONDS),
        ("problem's point", problem, _PROBLEM_SECONDS),
    ):
        for _ in wait_for(target, f"the {what}", seconds, step=_LOOK_SECONDS):
            if target.query(query):
                break
        else:
            why = "the exporter's log says why"
            if target.query(f"{_newest(target, 'stream/expected')} == 1 and {paused}"):
                why = "config expects it PAUSED, so nobody is paged: name another"
            if not target.stop.is_set():
                yield Finding(ERROR, PART, f"no {what} in {seconds:.0f} s: {why}")
            return
        text = f"{what} readable after {time.time() - began:.0f} s"
        yield Finding(INFO, PART, text)
    yield from until_incident(target, policies, began)


def _newest(target: Target, metric: str) -> str:
    """Return a query of the stream's newest value of a metric."""
    name = target.stream
    own = f', namespace="{name.project}", location="{name.location}"'
    own += f', stream_id="{name.stream}"'
    return target.own("last_over_time", metric, "13m", own)


def _versions(target: Target) -> str:
    """Return the versions, and how far apart the exporter's starts are."""
    due = target.own("last_over_time", "exporter/next_run", "13m")
    ran = target.own("last_over_time", "exporter/last_run", "13m")
    text = f"datastream-exporter {__version__}, Python {platform.python_version()}"
    for each in target.query(f"({due} - {ran}) / 2"):
        text += f", interval {each.value:.0f} s"
    return text
