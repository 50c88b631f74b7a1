"""Drills the way to the phone: a made-up stream fails, and somebody should be told.

It writes what the exporter writes of a stream that is FAILED_PERMANENTLY, and of that
only what the policy reads: the dashboard would show a ``last_seen`` as not seen for a
day, and count a ``state``. The stream is in the location ``global``, as Cloud
Monitoring takes none that is not real (observed: "Unrecognized region or location").
Datastream has no streams there, so the exporter never reads it, and no other policy
counts what is written there.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from logging import ERROR, INFO, WARNING

from exporter.command.findings import Finding
from exporter.google.calls import Calls, Deadline
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.logger import LOGGER
from exporter.names import GLOBAL, LocationName
from exporter.states import StreamState
from exporter.steps.measure import problem_samples
from exporter.steps.problems import Kind, LocationProblems, Problem
from exporter.steps.write import Writer, Written
from lab.verify.deployed import DeployedPolicy, deployed_policies, id_of, told
from lab.verify.target import Target

STREAM = "alert-drill"
POLICY = "stream-failed-permanently"
_PART = "drill"
# Between two points: long enough for Cloud Monitoring to take the next, and to show the
# one before
_STEP_SECONDS = 10.0
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
_POLICIES = "https://console.cloud.google.com/monitoring/alerting/policies"
_KEY = (STREAM, Kind.FAILED_PERMANENTLY)
_HEALTHY = LocationProblems(ended=frozenset({_KEY}))


def drill(target: Target) -> Iterator[Finding]:
    """Yield each step; a CallError is raised only after the stream was made healthy."""
    yield from Drill(target).findings()


@dataclass(frozen=True)
class Drill:
    """A drill; ``sleep`` waits for seconds of ``clock``, which is unix time."""

    target: Target
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def policies(self) -> list[DeployedPolicy]:
        """The policies that should alert: Terraform's routes make several."""
        return [
            each
            for each in deployed_policies(self.target)
            if each.file.name == POLICY and each.works
        ]

    def findings(self) -> Iterator[Finding]:
        """Yield each step; a CallError is raised only after the stream was healed."""
        if not self.policies:
            text = f"{POLICY} is not deployed, or can't alert: nothing was written"
            yield Finding(ERROR, _PART, text)
            return
        if self._finds(self.target.own("last_over_time", "stream/problem", "1m")):
            text = "another drill is under way, or was killed less than a minute ago"
            yield Finding(ERROR, _PART, text)
            return
        try:
            if self._incident():
                text = f"{STREAM} has an incident of a killed drill, which ends now"
                yield Finding(WARNING, _PART, f"{text}. Drill again.")
            else:
                LOGGER.info(
                    "Drill: %s fails until it has an incident, for ten minutes at most,"
                    " then recovers until that has closed, in fifteen. Ctrl-C makes it"
                    " healthy %d s later; if that fails or is cut short, drill again.",
                    STREAM,
                    _STEP_SECONDS,
                )
                yield from self._fail()
        finally:
            self._heal()
        yield Finding(INFO, _PART, f"{STREAM} is healthy again")
        incident = self._incident()
        if incident:
            policy, _ = incident
            yield from told(self.target, [policy])
            for after in self._write_for(_CLOSE_SECONDS, _HEALTHY):
                if not self._incident():
                    yield Finding(INFO, _PART, f"incident closed after {after:.0f} s")
                    return
            yield Finding(WARNING, _PART, "incident still open")

    def _fail(self) -> Iterator[Finding]:
        """Let the stream fail until it has an incident; yield each step."""
        began = self.clock()
        failing = Problem(StreamState.FAILED_PERMANENTLY, int(began))
        found = False
        queries = [each.promql.query for each in self.policies]
        failed = LocationProblems({_KEY: failing})
        for after in self._write_for(_OPEN_SECONDS, failed):
            if not found and any(map(self._finds, queries)):
                found = True
                text = f"points accepted, and found by {POLICY} after {after:.0f} s"
                yield Finding(INFO, _PART, text)
            if incident := self._incident():
                _, opened = incident
                text = (
                    f"incident opened after {max(0, opened - began):.0f} s, listed"
                    f" after {after:.0f} s"
                )
                yield Finding(INFO, _PART, text)
                return
        if not self.target.stop.is_set():
            finds = "finds" if found else "does not find"
            text = (
                f"no incident within {after:.0f} s. Points were accepted; the query of"
                f" {POLICY} {finds} them. Look whether"
                " it is snoozed, and at its retest window"
                f" ({self.policies[0].promql.duration.seconds} s):"
                f" {_POLICIES}?project={self.target.project}"
            )
            yield Finding(ERROR, _PART, text)

    def _write_for(self, seconds: float, problems: LocationProblems) -> Iterator[float]:
        """Write until Ctrl-C; yield the seconds when a point can be read."""
        began = self.clock()
        after = 0.0
        while after < seconds and not self.target.stop.is_set():
            self._write(problems)
            self.sleep(_STEP_SECONDS)
            after = self.clock() - began
            yield after

    def _heal(self) -> None:
        """Make the stream healthy, or raise CallError.

        A write that was answered with an error may have been written just before: this
        one comes too soon then, and is sent again.
        """
        for _ in range(_TRIES):
            if not self._write(_HEALTHY).superseded:
                return
            LOGGER.warning(
                "Cloud Monitoring has a point of %s from just before: it is made"
                " healthy in %d s.",
                STREAM,
                _STEP_SECONDS,
            )
            self.sleep(_STEP_SECONDS)
        raise CallError(_TOO_LATE)

    def _write(self, problems: LocationProblems) -> Written:
        """Write the stream's problem as the exporter does; raise CallError."""
        target = self.target
        samples = problem_samples(LocationName(target.source, GLOBAL), problems)
        writer = Writer(
            target.clients.monitorings, target.project, int(self.clock()), Calls()
        )
        # Ctrl-C doesn't end this one, but half a minute does.
        written = writer.write(samples, Deadline.after(30))
        for error in written.errors:
            if error.failure:
                raise CallError(error.failure)
        return written

    def _finds(self, query: str) -> bool:
        """Return whether a query finds the failing stream now."""
        found = self.target.rest.query(self.target.project, query, self.clock())
        return any(
            value for labels, value in found if labels.get("stream_id") == STREAM
        )

    def _incident(self) -> tuple[DeployedPolicy, float] | None:
        """Return the policy of the stream's open incident, and when it opened."""
        for alert in self.target.rest.open_alerts(self.target.project):
            # One without labels may be it.
            is_own = alert.labels.get("stream_id", STREAM) == STREAM
            for each in self.policies:
                if is_own and id_of(each.policy.name) == id_of(alert.policy):
                    return each, alert.opened
        return None
