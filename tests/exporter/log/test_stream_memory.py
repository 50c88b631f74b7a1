"""What the log says of streams: what is wrong, what changed, and nothing twice."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.google.errors import Failure, FailureKind
from exporter.log.stream_memory import Memory, log_entries
from exporter.measure import ObjectsMeasurement
from exporter.measure import Stream, UnreadLocation
from exporter.states import StreamState, state_name
from tests.exporter.measured import EUROPE, measured

if TYPE_CHECKING:
    from exporter.log.stream_memory import LogEntry
    from exporter.measure import Measurement

ORDERS = f"{EUROPE}/streams/orders"
DENIED = Failure(FailureKind.PERMISSION_DENIED, "no.", "Grant it.")
DOWN = Failure(FailureKind.UNAVAILABLE, "down.", "Wait.")
RUNNING, PAUSED, FAILED = StreamState.RUNNING, StreamState.PAUSED, StreamState.FAILED


def play(*runs: Measurement, seconds: float = 10) -> list[list[LogEntry]]:
    """Return the entries of each run of one process."""
    memory, logged = Memory(), []
    for number, one in enumerate(runs):
        entries, memory = log_entries(one, memory, number * seconds)
        logged.append(entries)
    return logged


def orders(state: int = RUNNING, errors: int = 0, error: str | None = None) -> list[Stream]:
    """Return a location's one stream."""
    return [Stream("orders", state, errors, reason="SLOT" if errors else None, error=error)]


@pytest.mark.parametrize(
    ("stream", "level", "text"),
    [
        (orders(FAILED, 1, "Lost."), logging.ERROR, "is FAILED: SLOT: Lost."),
        (orders(StreamState.FAILED_PERMANENTLY), logging.ERROR, "is FAILED_PERMANENTLY."),
        (orders(PAUSED), logging.WARNING, "is PAUSED, which is not expected."),
        (orders(9), logging.WARNING, "is state 9, which is not expected."),
        (orders(RUNNING, 2, "Slow."), logging.WARNING, "is RUNNING with 2 errors: SLOT: Slow."),
        ([], logging.WARNING, "does not exist, though config requires it."),
    ],
)
def test_a_stream_that_is_not_as_it_should_be_is_named(
    stream: list[Stream], level: int, text: str
) -> None:
    """The first run names it with its state and error; that is no change for the worse."""
    ((entry,),) = play(measured(stream, required=(ORDERS,)))
    assert (entry.level, entry.message) == (level, f"{ORDERS} {text}")
    assert entry.fields["event"] == "stream_bad"
    assert entry.fields["worse"] is False


def test_a_healthy_fleet_says_nothing() -> None:
    """Streams in expected states without errors are in no entry."""
    starting = Stream("carts", StreamState.STARTING)
    assert play(measured([*orders(), starting]), measured([*orders(), starting])) == [[], []]


@pytest.mark.parametrize(
    ("before", "after", "event", "text", "worse"),
    [
        (orders(), orders(FAILED, 1, "Lost."), "changed", ": RUNNING → FAILED: SLOT: Lost.", True),
        (orders(), orders(PAUSED), "changed", ": RUNNING → PAUSED, which is not expected.", True),
        (orders(FAILED), orders(), "changed", ": FAILED → RUNNING.", False),
        (orders(), orders(StreamState.DRAINING), "changed", ": RUNNING → DRAINING.", False),
        ([], orders(), "appeared", " appeared: it is RUNNING.", False),
        ([], orders(FAILED), "appeared", " appeared: it is FAILED.", True),
        (
            orders(),
            [],
            "vanished",
            " vanished: it was RUNNING, and its location doesn't have it any more.",
            True,
        ),
    ],
)
def test_a_change_is_logged_once(
    before: list[Stream], after: list[Stream], event: str, text: str, *, worse: bool
) -> None:
    """One entry says from what to what; the next runs say nothing more."""
    _, (entry,), *silent = play(*map(measured, (before, after, after, after)))
    assert entry.fields["event"] == f"stream_{event}"
    assert entry.message == f"{ORDERS}{text}"
    assert entry.fields["worse"] is worse
    assert silent == [[], []]


@pytest.mark.parametrize(
    ("before", "after", "text", "worse"),
    [
        ("PAUSED", "RUNNING", "is PAUSED, which is not expected.", True),
        ("RUNNING", "PAUSED", "is PAUSED and expected now.", False),
    ],
)
def test_an_expectation_that_changes_is_a_change(
    before: str, after: str, text: str, *, worse: bool
) -> None:
    """A window that ends makes a paused stream one that isn't as it should be."""
    first, second = (
        measured([Stream("orders", PAUSED, label=label.lower())]) for label in (before, after)
    )
    _, (entry,) = play(first, second)
    assert (entry.message, entry.fields["worse"]) == (f"{ORDERS} {text}", worse)
    assert (entry.fields["previous"], entry.fields["state"]) == ("PAUSED", "PAUSED")


def test_what_stays_bad_is_logged_again_every_ten_minutes() -> None:
    """A stream that was fine, failed and stays so has one entry in ten minutes."""
    whole = play(measured(orders()), *[measured(orders(FAILED))] * 181)
    events = {
        number: entry.fields["event"] for number, entries in enumerate(whole) for entry in entries
    }
    assert events == {
        1: "stream_changed",
        61: "stream_bad",
        121: "stream_bad",
        181: "stream_bad",
    }


def test_errors_that_come_and_go_are_logged_every_ten_minutes() -> None:
    """A stream that runs with errors in every other run does not fill the log."""
    whole = play(*[measured(orders()), measured(orders(RUNNING, 1, "Slow."))] * 60)
    assert [number for number, entries in enumerate(whole) if entries] == [1, 61]


def test_an_unread_location_makes_nothing_vanish() -> None:
    """Its streams are unknown. When it is read again, they are compared with what was known."""
    down = measured(UnreadLocation(EUROPE, DOWN))
    _, (unread,), (), readable, (vanished,) = play(
        measured(orders()), down, down, measured(orders(FAILED)), measured([])
    )
    assert unread.message == f"{EUROPE} was not read, so its streams are unknown: {DOWN}"
    assert (unread.fields["event"], unread.fields["reason"]) == (
        "location_unreadable",
        "unavailable",
    )
    assert [entry.message for entry in readable] == [
        f"{EUROPE} was read again.",
        f"{ORDERS}: RUNNING → FAILED.",
    ]
    assert vanished.fields["event"] == "stream_vanished"


def test_a_location_read_for_the_first_time_makes_nothing_appear() -> None:
    """Nothing is known of its streams before: only what is wrong with them is logged."""
    _, (_, entry) = play(
        measured(UnreadLocation(EUROPE, DOWN)),
        measured([Stream("carts", RUNNING), *orders(PAUSED)]),
    )
    assert entry.fields["event"] == "stream_bad"


def test_a_failure_is_logged_every_ten_minutes() -> None:
    """So is each of two reasons that take turns; discovery counts as the location global."""
    seen = [
        measured(UnreadLocation(EUROPE, failure), discoveries={"pay-prod": DENIED})
        for failure in (DOWN, DENIED)
    ]
    whole = play(*seen * 60, measured(orders(), discoveries={"pay-prod": ()}))
    logged = [
        (number, entry.fields["location"], entry.fields.get("reason"))
        for number, entries in enumerate(whole)
        for entry in entries
    ]
    assert logged == [
        (0, "global", "permission denied"),
        (0, "europe-west1", "unavailable"),
        (1, "europe-west1", "permission denied"),
        (60, "global", "permission denied"),
        (60, "europe-west1", "unavailable"),
        (61, "europe-west1", "permission denied"),
        (120, "global", None),
        (120, "europe-west1", None),
    ]


def test_a_required_stream_that_vanishes_stays_bad() -> None:
    """It vanishes once, is missing every ten minutes, and appears when it is created."""
    required = (ORDERS,)
    there, gone = measured(orders(), required=required), measured([], required=required)
    whole = play(there, *[gone] * 61, there)
    events = [entry.fields["event"] for entries in whole for entry in entries]
    assert events == ["stream_vanished", "stream_bad", "stream_appeared"]


def test_the_objects_run_leaves_streams_to_the_other_measured() -> None:
    """It logs what it could not read and nothing about states."""
    down = UnreadLocation(EUROPE._replace(location="us-east1"), DOWN)
    ((entry,),) = play(measured(orders(FAILED), down, kind=ObjectsMeasurement))
    assert entry.fields["event"] == "location_unreadable"


def test_forty_changes_at_once_are_forty_entries_and_ten_thousand_are_counted() -> None:
    """At most fifty entries, those that page first; how many more there are is one more entry."""
    fleet = [Stream(f"orders-{n}", RUNNING) for n in range(10_000)]
    fails = [one if n < 5000 else Stream(one.id, FAILED) for n, one in enumerate(fleet)]
    late = [Stream(one.id, PAUSED, label="paused") for one in fleet[:100]] + fails[100:]
    _, forty = play(measured(fleet), measured([*fleet[:-40], *fails[-40:]]))
    assert len(forty) == 40
    _, all_of_them = play(measured(fleet), measured(late))
    assert Counter(entry.level for entry in all_of_them[:-1]) == {logging.ERROR: 50}
    more = all_of_them[-1]
    assert more.message == "5,050 more streams changed, or aren't as they should be."
    assert more.fields == {"event": "more_streams", "count": 5050}


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("one\r\n  two\tthree", "one two three"),
        ("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00"),
        ("\u202ereversed \u2066", "\\u202ereversed \\u2066"),
        ("\ud800", "\\ud800"),
        ("schön ☃", "schön ☃"),
        ("x" * 1_000_000, "x" * 1021 + "…"),
        ("☃" * 1_000_000, "☃" * 340 + "…"),
    ],
)
def test_an_error_is_one_short_line_without_control_characters(error: str, shown: str) -> None:
    """Whatever the API sends, at most 1 KiB of it, and nothing that a terminal would obey."""
    ((entry,),) = play(measured([Stream("orders", FAILED, 1, error=error)]))
    assert entry.fields["error"] == shown
    assert entry.message == f"{ORDERS} is FAILED: {shown}."
    assert len(str(entry.fields["error"]).encode()) <= 1024


def test_the_fields_that_an_alert_quotes_have_no_markup() -> None:
    """The message keeps the text as it is; the fields end no code span and mention nobody."""
    error = "`, <!channel> **${project}**"
    ((entry,),) = play(measured([Stream("orders", FAILED, 1, reason="<R>", error=error)]))
    assert entry.fields["reason"] == "\u2039R\u203a"
    assert entry.fields["error"] == "', \u2039!channel\u203a **$ {project}**"
    assert entry.message == f"{ORDERS} is FAILED: <R>: {error}."


STATES = st.sampled_from([*StreamState, 9])
FLEETS = st.one_of(
    st.just(UnreadLocation(EUROPE, DOWN)),
    st.dictionaries(st.sampled_from("abc"), STATES, max_size=3),
)


@given(st.lists(FLEETS, min_size=1, max_size=12))
def test_the_entries_tell_every_change_and_only_changes(
    fleets: list[UnreadLocation | dict[str, int]],
) -> None:
    """For any sequence: replaying the changes over the first look gives the last one."""
    runs = [
        measured(
            one if isinstance(one, UnreadLocation) else [Stream(*each) for each in one.items()]
        )
        for one in fleets
    ]
    known: dict[str, object] = {}
    first = True
    for fleet, entries in zip(fleets, play(*runs), strict=True):
        streams = [entry.fields for entry in entries if "stream_id" in entry.fields]
        json.dumps(streams)
        if isinstance(fleet, UnreadLocation):
            assert not streams
            continue
        now = {stream: state_name(state) for stream, state in fleet.items()}
        if first:
            assert {one["event"] for one in streams} <= {"stream_bad"}
            known, first = {**now}, False
        for one in streams:
            stream = str(one["stream_id"])
            assert now.get(stream, "missing") == one["state"]
            if one["event"] != "stream_bad":
                assert known.get(stream, "missing") == one["previous"]
                known[stream] = one["state"]
        known = {stream: state for stream, state in known.items() if state != "missing"}
        assert known == now
