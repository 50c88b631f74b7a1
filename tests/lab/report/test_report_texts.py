"""Events, subjects, states and rows in words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.emulator.world import Fault, WorldLocation, WorldProject
from lab.report.actual_states import ActualStates
from lab.report.descriptions import describe_axis, describe_similar
from lab.report.event_texts import deployment_sentences, event_marks
from lab.report.marks import axis_ticks
from lab.report.subjects import EXPORTER, SubjectKind, incident_subject, subject_named
from tests.lab.report import drawn
from tests.lab.report.drawn import AT, ORDERS


@given(st.floats(30, 200_000))
def test_an_axis_has_few_ticks_at_round_minutes(lasts: float) -> None:
    """Ticks start at 0, are evenly spaced, and are few enough for a phone."""
    ticks = axis_ticks(lasts)
    assert ticks[0].at == 0
    assert 1 <= len(ticks) <= 10
    assert all(tick.at % 60 == 0 and tick.at <= lasts for tick in ticks)
    assert len({after.at - before.at for before, after in pairwise(ticks)}) < 2
    assert ticks[0].text in {"0 min", "0 h"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"do": "fail", "reason": "DOWN"}, "orders fails: DOWN"),
        ({"do": "fail_permanently", "reason": "LOST"}, "orders fails permanently: LOST"),
        ({"do": "report_error", "reason": "SLOW"}, "orders keeps running with an error: SLOW"),
        ({"do": "heal"}, "orders recovers by itself"),
        ({"do": "start", "starting": "30s"}, "orders is started, STARTING for 30s"),
        ({"do": "pause", "draining": "1m30s"}, "orders is paused, DRAINING for 1m30s"),
        ({"do": "pause"}, "orders is paused"),
        ({"do": "delete", "stream": "*"}, "every stream is deleted"),
        ({"do": "appear", "stream": ORDERS}, "orders in shop-prod / europe-west1 is created"),
        ({"do": "set_state", "state": 9}, "orders changes to state 9"),
        ({"do": "set_backfill", "backfill": "FAILED"}, "orders has backfills in state FAILED"),
        (
            {"do": "lag", "freshness": "20m", "growing": True},
            "orders is 20m behind, and falling further behind",
        ),
        ({"do": "catch_up"}, "orders catches up"),
        ({"do": "stall"}, "orders delivers nothing but stays RUNNING"),
        (
            {"do": "drop_events", "events": 5},
            "orders drops 5 events of public.orders: UNSUPPORTED_DATA_TYPE",
        ),
        (
            {"do": "log", "log": "audit", "severity": "NOTICE", "method": "UpdateStream"}
            | {"operation": "last"},
            "orders gets an audit log entry: NOTICE UpdateStream (last)",
        ),
        (
            {"do": "log", "log": "stream_activity", "severity": "ERROR"},
            "orders logs an entry of severity ERROR",
        ),
        ({"do": "unreachable", "location": "europe-west1"}, "europe-west1 stops answering"),
        ({"do": "reachable", "location": "*"}, "every location answers again"),
        ({"do": "disable_api", "project": "*"}, "every project has its Datastream API disabled"),
        (
            {"do": "revoke", "project": "shop-prod", "permission": "datastream.streams.list"},
            "shop-prod no longer grants datastream.streams.list",
        ),
    ],
)
def test_an_event_is_a_short_sentence(event: dict[str, Any], text: str) -> None:
    """Each type of event names its subject and its details."""
    about = {} if {"location", "project"} & event.keys() else {"stream": "orders"}
    (mark,) = event_marks(drawn.scenario({"at": 60} | about | event))
    assert mark == (1, 60, (text,))


def test_exporter_and_fault_events_are_listed_too() -> None:
    """Deployments, silences and faults are events; nothing after the scenario's end is."""
    of = drawn.scenario(
        {"at": "2h", "stream": "orders", "do": "delete"},
        exporters=[
            {"first": "1m", "ends": "15m"},
            {"job": "other", "tasks": 2, "silent": [{"from": "5m", "until": "6m", "task": 1}]},
        ],
    )
    faults = (
        {"method": "ListStreams", "code": "UNAVAILABLE", "from": "7m", "until": "8m"},
        {"method": "*", "location": "us-east1", "latency": 5, "times": 2, "from": "9m"},
    )
    world = of.world.model_copy(update={"faults": tuple(map(Fault.model_validate, faults))})
    marks = event_marks(of.model_copy(update={"world": world}))
    assert [(mark.at, *mark.texts) for mark in marks] == [
        (60, "datastream-exporter runs for the first time"),
        (300, "task 1 of other stops running"),
        (360, "task 1 of other runs again"),
        (420, "ListStreams fails with UNAVAILABLE until 8m"),
        (540, "every call for us-east1 takes 5s 2 times"),
        (900, "datastream-exporter is removed"),
    ]


def test_a_sentence_says_when_the_exporter_runs() -> None:
    """It gives the interval, tasks and clock skew, and the job's name where there are several."""
    one = drawn.scenario(exporters=[{"clock_ahead": "40s", "objects_every": "30m"}])
    (sentence,) = deployment_sentences(one)
    assert sentence == (
        "The exporter starts every 1m, up to 30s late, and every 30m for objects; "
        "its clock is 40s fast."
    )
    two = drawn.scenario(exporters=[{"tasks": 3, "delay": 0}, {"mode": "worker_pool", "job": "b"}])
    assert deployment_sentences(two) == (
        "The exporter datastream-exporter starts every 1m, in 3 tasks.",
        "The exporter b runs continuously, every 10s.",
    )


def test_a_subject_is_recognized_by_its_name() -> None:
    """The resource name tells the kind; without one, the policy does."""
    kinds = {
        ORDERS: SubjectKind.STREAM,
        AT: SubjectKind.LOCATION,
        "projects/shop-prod": SubjectKind.PROJECT,
        f"{AT}/privateConnections/on-premises": SubjectKind.CONNECTION,
        "exporters/datastream-exporter": SubjectKind.EXPORTER,
        "": SubjectKind.UNNAMED,
    }
    assert {name: subject_named(name).kind for name in kinds} == kinds
    assert incident_subject("", drawn.POLICIES["exporter-silent"]) == EXPORTER
    assert incident_subject("", drawn.POLICIES["stream-failed"]).kind is SubjectKind.UNNAMED
    orders = subject_named(ORDERS)
    assert (orders.short, orders.parent) == ("orders", "shop-prod / europe-west1")
    assert subject_named("projects/shop-prod").parent == ""


def test_locations_and_projects_have_a_state() -> None:
    """A location counts its streams by state; an outage or a disabled API hides them."""
    states = ActualStates(
        drawn.scenario(
            {"at": 60, "stream": "orders-1", "do": "fail_permanently", "reason": "LOST"},
            {"at": 120, "location": "europe-west1", "do": "unreachable", "outage": "listed"},
            {"at": 180, "project": "shop-prod", "do": "disable_api"},
            streams=3,
        )
    )
    location = states.intervals(subject_named(AT))
    assert [(each.begin, each.style, each.text) for each in location] == [
        (0, "good", "3 RUNNING"),
        (60, "lost", "2 RUNNING, 1 FAILED_PERMANENTLY"),
        (120, "bad", "unreachable"),
        (180, "bad", "API disabled"),
    ]
    project = states.intervals(subject_named("projects/shop-prod"))
    assert [(each.begin, each.text) for each in project] == [
        (0, "answers"),
        (120, "1 of 1 locations unreachable"),
        (180, "API disabled"),
    ]
    assert states.intervals(subject_named("projects/other"))[0].text == "not there"
    assert states.intervals(EXPORTER) == ()


def test_a_running_stream_shows_its_problem() -> None:
    """The state alone would look healthy."""
    states = ActualStates(
        drawn.scenario(
            {"at": 60, "stream": "orders", "do": "lag", "freshness": "20m"},
            {"at": 120, "stream": "orders", "do": "lag", "freshness": "0s", "growing": True},
            {"at": 180, "stream": "orders", "do": "stall"},
            {"at": 240, "stream": "orders", "do": "report_error", "reason": "SLOW"},
            {"at": 300, "stream": "orders", "do": "fail", "reason": "DOWN"},
        )
    )
    assert [each.text for each in states.intervals(subject_named(ORDERS))] == [
        "RUNNING",
        "RUNNING, 20m behind",
        "RUNNING, falling behind",
        "RUNNING, stalled",
        "RUNNING, with an error",
        "FAILED",
    ]


def test_a_private_connection_has_its_own_states() -> None:
    """Its numbers overlap with a stream's, its names don't."""
    of = drawn.scenario()
    location = WorldLocation.model_validate(
        {"id": "europe-west1", "private_connections": [{"id": "office", "state": "CREATING"}]}
    )
    project = WorldProject(id="shop-prod", number=1, locations=(location,))
    failed = {"at": 60, "private_connection": "office", "do": "set_connection_state"}
    world = type(of.world).model_validate(
        {"projects": [project.model_dump()], "events": [failed | {"state": "FAILED"}]}
    )
    scenario = of.model_copy(update={"world": world})
    office = subject_named(f"{AT}/privateConnections/office")
    intervals = ActualStates(scenario).intervals(office)
    assert [(each.style, each.text) for each in intervals] == [
        ("busy", "CREATING"),
        ("bad", "FAILED"),
    ]
    (mark,) = event_marks(scenario)
    assert mark.texts == ("office changes to FAILED",)


def test_a_long_description_is_cut() -> None:
    """The first parts are listed, the others counted."""
    _, timeline = drawn.many()
    (orders,) = (track for track in timeline.tracks if track.similar)
    assert describe_similar(orders).startswith("and 11 similar streams: orders-2, orders-3")
    events = [
        {"at": 60 * number, "stream": "orders", "do": "set_state", "state": 2 + number % 2}
        for number in range(1, 18)
    ]
    long = drawn.timeline(drawn.scenario_result(drawn.scenario(*events)))
    assert describe_axis(long).endswith(" and 5 more.")
