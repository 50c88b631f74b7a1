"""A process that stays gets rid of a connection on which every call fails."""

from __future__ import annotations

import pytest

from exporter.google.calls import Deadline
from exporter.runs import session
from exporter.runs import Runs
from lab.chaos.case import fronted
from lab.chaos.faults import BrokenConnection, Fault
from lab.chaos.front import Plan


@pytest.mark.parametrize("service", ["Datastream", "Monitoring"])
def test_the_run_after_a_run_that_reached_nobody_has_new_connections(service: str) -> None:
    """By itself, gRPC stays on a connection with a GOAWAY until the server closes it."""
    plan = Plan(Fault(service, BrokenConnection.GOAWAY, times="once"))
    with fronted(plan, _ignore) as (_, environ), session(environ) as prepared:
        runs = Runs(prepared.clients, prepared.config, prepared.task, lambda _report: None)
        assert not runs.once(Deadline.after(2)).complete
        report = runs.once(Deadline.after(30))
        assert report.complete
        assert report.measurement.observations.streams == 11


def _ignore(_method: str, _request: bytes, _response: bytes) -> None:
    pass
