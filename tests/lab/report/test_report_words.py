"""Moments, events and things in words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.emulator.world import Fault, WorldLocation, WorldProject
from lab.report import events, words
from lab.report.moments import between, short, ticks
from lab.report.things import EXPORTER, Kind, named, thing
from lab.report.truth import Truth
from tests.lab.report import drawn
from tests.lab.report.drawn import AT, ORDERS

SIZES = {"h": 3600, "m": 60, "s": 1}


@given(st.integers(0, 10**6))
def test_a_moment_is_written_as_scenarios_write_it(seconds: int) -> None:
    """What is written says the same number of seconds, in its largest units first."""
    text = short(seconds)
    left, number = 0, ""
    for letter in text:
        if letter in SIZES:
            left += int(number) * SIZES[letter]
            number = ""
        else:
            number += letter
    assert left == seconds
    assert [each for each in text if each in SIZES] == [each for each in "hms" if each in text]


def test_the_first_and_the_last_of_some_moments() -> None:
    """One where they are written alike."""
    assert between([700.2, 690]) == "11m30s to 11m40s"
    assert between([690, 690.3]) == "11m30s"


@given(st.floats(30, 200_000))
def test_an_axis_has_few_marks_at_round_minutes(lasts: float) -> None:
    """They begin at the start, are as far apart as each other, and fit a phone."""
    marks = ticks(lasts)
    assert marks[0].at == 0
    assert 1 <= len(marks) <= 10
    assert all(mark.at % 60 == 0 and mark.at <= lasts for mark in marks)
    assert len({after.at - before.at for before, after in pairwise(marks)}) < 2
    assert marks[0].text in {"0 min", "0 h"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"do": "fail", "reason": "DOWN"}, "orders fails: DOWN"),
        ({"do": "fail_permanently", "reason": "LOST"}, "orders fails permanently: LOST"),
        ({"do": "report_error", "reason": "SLOW"}, "orders goes on with an error: SLOW"),
        ({"do": "heal"}, "orders runs again by itself"),
        ({"do": "start", "starting": "30s"}, "orders is started, STARTING for 30s"),
        ({"do": "pause", "draining": "1m30s"}, "orders is paused, DRAINING for 1m30s"),
        ({"do": "pause"}, "orders is paused"),
        ({"do": "delete", "stream": "*"}, "every stream is deleted"),
        ({"do": "appear", "stream": ORDERS}, "orders in shop-prod / europe-west1 is made"),
        ({"do": "set_state", "state": 9}, "orders is state 9"),
        ({"do": "set_backfill", "backfill": "FAILED"}, "orders has backfills that are FAILED"),
        (
            {"do": "lag", "freshness": "20m", "growing": True},
            "orders is 20m behind, and falls further",
        ),
        ({"do": "catch_up"}, "orders delivers again"),
        ({"do": "stall"}, "orders delivers nothing, and goes on RUNNING"),
        (
            {"do": "drop_events", "events": 5},
            "orders leaves out 5 events of public.orders: UNSUPPORTED_DATA_TYPE",
        ),
        (
            {"do": "log", "log": "audit", "severity": "NOTICE", "method": "UpdateStream"}
            | {"operation": "last"},
            "orders has NOTICE UpdateStream (last) in the audit log",
        ),
        (
            {"do": "log", "log": "stream_activity", "severity": "ERROR"},
            "orders has an entry of severity ERROR in its log",
        ),
        ({"do": "unreachable", "location": "europe-west1"}, "europe-west1 does not answer"),
        ({"do": "reachable", "location": "*"}, "every location answers again"),
        ({"do": "disable_api", "project": "*"}, "every project has its Datastream API disabled"),
        (
            {"do": "revoke", "project": "shop-prod", "permission": "datastream.streams.list"},
            "shop-prod no longer grants datastream.streams.list",
        ),
    ],
)
def test_what_happens_is_said_in_words(event: dict[str, Any], text: str) -> None:
    """Each kind of event, with what is special about it."""
    about = {} if {"location", "project"} & event.keys() else {"stream": "orders"}
    (turn,) = events.turns(drawn.scenario({"at": 60} | about | event))
    assert turn == (1, 60, (text,))


def test_what_happens_to_the_exporter_is_said_too() -> None:
    """When it begins, is silent and ends, and which of its calls are refused; not after the end."""
    of = drawn.scenario(
        {"at": "2h", "stream": "orders", "do": "delete"},
        exporters=[
            {"first": "1m", "ends": "15m"},
            {"job": "other", "tasks": 2, "silent": [{"from": "5m", "until": "6m", "task": 1}]},
        ],
    )
    fault = {"method": "ListStreams", "code": "UNAVAILABLE", "from": "7m", "until": "8m"}
    world = of.world.model_copy(update={"faults": (Fault.model_validate(fault),)})
    turns = events.turns(of.model_copy(update={"world": world}))
    assert [(turn.at, *turn.texts) for turn in turns] == [
        (60, "datastream-exporter runs for the first time"),
        (300, "task 1 of other does not run any more"),
        (360, "task 1 of other runs again"),
        (420, "ListStreams is answered UNAVAILABLE until 8m"),
        (900, "datastream-exporter is taken away"),
    ]


def test_how_the_exporter_runs_is_a_sentence() -> None:
    """With its beat, its tasks, its clock; by its name where there are several."""
    one = drawn.scenario(exporters=[{"clock_ahead": "40s", "objects_every": "30m"}])
    (sentence,) = events.runs(one)
    assert sentence == (
        "The exporter is started every 1m, up to 30s late, and every 30m for objects; "
        "its clock is 40s fast."
    )
    two = drawn.scenario(exporters=[{"tasks": 3, "delay": 0}, {"mode": "continuous", "job": "b"}])
    assert events.runs(two) == (
        "The exporter datastream-exporter is started every 1m, in 3 tasks.",
        "The exporter b runs on, every 10s.",
    )


def test_things_are_told_by_their_names() -> None:
    """A stream, a location, a project, a private connection, an exporter, and what has no name."""
    kinds = {
        ORDERS: Kind.STREAM,
        AT: Kind.LOCATION,
        "projects/shop-prod": Kind.PROJECT,
        f"{AT}/privateConnections/on-premises": Kind.CONNECTION,
        "exporters/datastream-exporter": Kind.EXPORTER,
        "": Kind.NAMELESS,
    }
    assert {name: named(name).kind for name in kinds} == kinds
    assert thing("", drawn.POLICIES["exporter-silent"]) == EXPORTER
    assert thing("", drawn.POLICIES["stream-failed"]).kind is Kind.NAMELESS
    assert (named(ORDERS).short, named(ORDERS).where) == ("orders", "shop-prod / europe-west1")
    assert named("projects/shop-prod").where == ""


def test_what_is_the_case_with_a_location_and_a_project() -> None:
    """How many streams are in which state, and what keeps them from being read."""
    of = drawn.scenario(
        {"at": 60, "stream": "orders-1", "do": "fail_permanently", "reason": "LOST"},
        {"at": 120, "location": "europe-west1", "do": "unreachable", "outage": "listed"},
        {"at": 180, "project": "shop-prod", "do": "disable_api"},
        streams=3,
    )
    truth = Truth(of)
    assert [(each.begin, each.case, each.text) for each in truth.of(named(AT))] == [
        (0, "good", "3 RUNNING"),
        (60, "lost", "2 RUNNING, 1 FAILED_PERMANENTLY"),
        (120, "bad", "unreachable"),
        (180, "bad", "API disabled"),
    ]
    assert [(each.begin, each.text) for each in truth.of(named("projects/shop-prod"))] == [
        (0, "answers"),
        (120, "1 of 1 locations out of reach"),
        (180, "API disabled"),
    ]
    assert truth.of(named("projects/other"))[0].text == "not there"
    assert truth.of(EXPORTER) == ()


def test_what_is_wrong_with_a_running_stream_is_said() -> None:
    """Its state alone would say that all is well."""
    of = drawn.scenario(
        {"at": 60, "stream": "orders", "do": "lag", "freshness": "20m"},
        {"at": 120, "stream": "orders", "do": "lag", "freshness": "0s", "growing": True},
        {"at": 180, "stream": "orders", "do": "stall"},
        {"at": 240, "stream": "orders", "do": "report_error", "reason": "SLOW"},
        {"at": 300, "stream": "orders", "do": "fail", "reason": "DOWN"},
    )
    assert [each.text for each in Truth(of).of(named(ORDERS))] == [
        "RUNNING",
        "RUNNING, 20m behind",
        "RUNNING, falls behind",
        "RUNNING, delivers nothing",
        "RUNNING, with an error",
        "FAILED",
    ]


def test_a_private_connection_has_states_of_its_own() -> None:
    """They share numbers with those of a stream, and no names."""
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
    name = f"{AT}/privateConnections/office"
    found = [(each.case, each.text) for each in Truth(scenario).of(named(name))]
    assert found == [("busy", "CREATING"), ("bad", "FAILED")]
    (turn,) = events.turns(scenario)
    assert turn.texts == ("office is FAILED",)


def test_a_long_row_is_cut_short_in_words() -> None:
    """Nobody listens to hundreds of parts; how many more there are is said."""
    _, timeline = drawn.many()
    (orders,) = (each for each in timeline.tracks if each.alike)
    assert words.alike(orders).startswith("and 11 more streams alike: orders-2, orders-3")
    events_ = [
        {"at": 60 * number, "stream": "orders", "do": "set_state", "state": 2 + number % 2}
        for number in range(1, 18)
    ]
    drawn_long = drawn.drawn(drawn.proven(drawn.scenario(*events_)))
    assert words.axis(drawn_long).endswith("; and 5 more.")
