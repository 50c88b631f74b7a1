"""Drills the way to the phone: a made-up stream fails, and somebody is told.

Of a stream that is FAILED_PERMANENTLY, it writes what the exporter writes, and of that
only what the policy reads: the dashboard would show a ``last_seen`` as not seen for a
day, and count a ``state``. The stream is in the location ``global``, as Cloud
Monitoring takes none that is not real (observed: "Unrecognized region or location").
Datastream has no streams there, so the exporter never reads it, and no other policy
counts what is written there.
"""

import time
from logging import INFO, WARNING

from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError
from exporter.steps.compare import Verdict
from exporter.steps.measure import problem_samples
from exporter.steps.problems import Key, LocationProblems, Problem, Words
from exporter.steps.write import Writer
from lab.verify.incident import (
    STEP_SECONDS,
    DrillError,
    agreed_policies,
    open_incident,
    until_closed,
    until_incident,
)
from lab.verify.target import Findings, Target

STREAM = "this-is-a-drill"
POLICY = "stream-failed-permanently"
_CALL_SECONDS = 30.0
_KEY = Key(STREAM, Verdict.FAILED_PERMANENTLY)


def drill(target: Target) -> Findings:
    """Yield each step; an error is raised only after the stream was made healthy."""
    about = (
        f"Drill: the made-up stream {STREAM} of projects/{target.stream.project} fails"
        " until its incident opens, for ten minutes at most. Then it is healthy, until"
        " the incident closes, in fifteen at most. Ctrl-C makes it healthy ten seconds"
        " later. If that fails, or is interrupted, drill again, for the same owner."
    )
    words = Words(owner=target.owner)
    policies = agreed_policies(target, POLICY, about)
    if not policies:
        return
    try:
        if open_incident(target, policies):
            yield WARNING, "an incident of another drill ends now: drill again"
        else:
            began = time.time()
            problem = Problem(int(began), told=True, words=words)
            _write(target, LocationProblems({_KEY: problem}))
            yield from until_incident(target, policies, began)
    finally:
        _heal(target, words)
    yield INFO, f"{STREAM} is healthy again"
    yield from until_closed(target, policies)


def _heal(target: Target, words: Words) -> None:
    """Make the stream healthy, or raise an error.

    Both series get their 0 at once. An exporter writes that of the beginning a run
    later, as others read it back; none takes over a stream in the location ``global``.
    """
    ended = frozenset({(_KEY, words)})
    try:
        _write(target, LocationProblems(ended=ended, over=frozenset({_KEY})))
    except CallError as error:
        message = (
            f"{error.failure.message.rstrip('.')}. So {STREAM} is not healthy again: if"
            " a point of its failure was written, its policy alerts for a day. Settle"
            " this and drill again: that makes it healthy"
        )
        raise CallError(error.failure._replace(message=message)) from error


def _write(target: Target, problems: LocationProblems) -> None:
    """Write the stream's problem as the exporter does; raise CallError or DrillError.

    A point that comes too soon after another is sent again: a write that was answered
    with an error may have been written just before.
    """
    for _ in range(3):
        writer = Writer(
            target.clients.monitorings, target.project, int(time.time()), Calls()
        )
        # Ctrl-C doesn't end this one, but half a minute does.
        samples = problem_samples(target.stream.location_name, problems)
        written = writer.write_points(samples, Deadline.after(_CALL_SECONDS))
        for error in written.errors:
            if error.failure:
                raise CallError(error.failure)
        if not written.superseded:
            return
        time.sleep(STEP_SECONDS)
    raise DrillError(
        f"{STREAM} is left as it was, as Cloud Monitoring has newer points of it: check"
        " this machine's clock, and that nobody else drills. Then drill again"
    )
