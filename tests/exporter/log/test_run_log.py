"""What the log says of runs: what is wrong, what changed, and nothing twice."""

import io
import json
from collections import Counter
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from exporter.log.run_log import RunLog
from exporter.log.summary import failure_groups
from exporter.logger import JsonLines, logging_to
from exporter.names import LocationName, ProjectName, StreamName
from exporter.run.report import Report
from exporter.states import StreamState, state_name
from exporter.steps.compare import Expectations, Verdict
from exporter.steps.problems import Key, LocationProblems, Problem, Words
from exporter.steps.read import Stream
from tests.exporter.reports import DENIED, DOWN, config, empty_report, report, unread
from tests.exporter.worlds import EUROPE
from tests.tables import rows

Fields: TypeAlias = dict[str, Any]

ORDERS = f"{EUROPE}/streams/orders"
RUNNING = StreamState.RUNNING
PAUSED = StreamState.PAUSED
FAILED = StreamState.FAILED


def play(*runs: Report, seconds: float = 10) -> list[list[dict[str, Any]]]:
    """Return the entries of each run of one process, one every few seconds."""
    now = 0.0
    run_log = RunLog(lambda: now)
    logged = []
    for run in runs:
        with logging_to(lines := io.StringIO(), JsonLines()):
            run_log.log(run)
        entries = [json.loads(line) for line in lines.getvalue().splitlines()]
        logged.append([one for one in entries if one.get("event") != "run"])
        now += seconds
    return logged


def orders(state: int = RUNNING, error: str = "", **more: Any) -> Stream:
    """Return a stream."""
    reason = "SLOT" if error else ""
    return Stream("orders", state, int(bool(error)), reason=reason, error=error, **more)


def problems(kind: Verdict, known: Problem) -> dict[LocationName, LocationProblems]:
    """Return the problem of the stream, as a report has it."""
    return {EUROPE: LocationProblems({Key("orders", kind): known})}


@rows
def test_a_stream_that_is_not_as_it_should_be_is_named(
    streams: list[Fields], severity: str, text: str
) -> None:
    """The first run names such a stream with its state and error, as no change."""
    listed = [Stream("orders", **each) for each in streams]
    ((entry,),) = play(report(*listed, required=[ORDERS]))
    assert entry["severity"] == severity
    assert entry["message"] == f"{ORDERS} {text}"
    assert entry["event"] == "stream_bad"
    assert "previous" not in entry
    names = ("project", "location", "stream_id")
    assert [entry[name] for name in names] == ["shop-prod", "europe-west1", "orders"]


@rows
def test_a_change_is_logged_once(
    before: Fields | None, after: Fields | None, event: str, text: str, *, fine: bool
) -> None:
    """One entry says from what to what, and if that is fine; then there is none."""
    first, second = (
        report(*[Stream("orders", **one)] if one else []) for one in (before, after)
    )
    _, (entry,), *silent = play(first, second, second, second)
    assert entry["event"] == f"stream_{event}"
    assert entry["message"].startswith(f"{ORDERS} {text}")
    assert entry["expected"] is fine
    for name, one in (("previous", before), ("state", after)):
        assert entry[name] == (state_name(one["state"]) if one else "missing")
    assert silent == [[], []]


@rows
def test_a_mute_that_ends_is_said_as_that(
    streams: list[Fields], severity: str, text: str
) -> None:
    """The stream isn't new, and nobody knows how it was meanwhile."""
    whole = config(
        required=[ORDERS], mutes=[{"match": ORDERS, "until": "2026-01-01T00:00:00Z"}]
    )
    listed = [Stream("orders", **each) for each in streams]
    muted, watched = (
        empty_report(
            read={
                EUROPE: Expectations(whole, now).compare(
                    EUROPE, whole.sources[0], listed
                )
            }
        )
        for now in (0, 2_000_000_000)
    )
    before, (entry,), after = play(muted, watched, watched)
    assert before == after == []
    assert entry["event"] == "mute_ended"
    assert entry["previous"] == "muted"
    assert entry["severity"] == severity
    assert entry["message"].startswith(f"{ORDERS} is no longer muted and {text}")


@rows
def test_an_entry_says_how_long_a_problem_lasts(
    since: int, fine: int | None, until: int | None, streams: str, words: str
) -> None:
    """An entry says for how many minutes, with whom, and when it is told, or over."""
    times = [None if at is None else at * 60 for at in (fine, until)]
    known = Problem(
        -since * 60,
        told=True,
        fine=times[0],
        words=Words(streams, "SLOT"),
        until=times[1],
    )
    run = report(orders(FAILED), problems=problems(Verdict.FAILED, known))
    ((entry,),) = play(run)
    assert entry["message"].endswith(
        f"failed; Datastream keeps retrying. Its problem: {words}."
    )


def test_of_two_pending_problems_an_entry_has_what_the_stream_has_now() -> None:
    """It is the one that began later."""
    pending = {
        Key("orders", Verdict.UNEXPECTED): Problem(60),
        Key("orders", Verdict.FAILED): Problem(120, until=180),
    }
    had = {EUROPE: LocationProblems(pending)}
    ((entry,),) = play(report(orders(FAILED), problems=had))
    assert entry["kind"] == "failed"


@pytest.mark.parametrize("kind", [Verdict.FAILED, Verdict.FAILED_PERMANENTLY])
def test_an_entry_says_what_a_problem_was_in_another_state(kind: Verdict) -> None:
    """A page says the worst that a stream was, so its entry does too, in words."""
    known = Problem(-2400, told=True)
    run = report(orders(PAUSED), problems=problems(kind, known))
    ((entry,),) = play(run)
    words = kind.replace("_", " ")
    assert entry["message"].endswith(f"not expect. Its problem: {words}, 40 min.")


def test_an_entry_says_which_problem_a_stream_has() -> None:
    """Its kind, since when, with whom and what is next are fields, beside its error."""
    known = Problem(
        60, told=True, fine=120, words=Words("carts, orders", "DOWN"), until=720
    )
    run = report(orders(FAILED, "Slot 8."), problems=problems(Verdict.FAILED, known))
    ((entry,),) = play(run)
    fields = ("kind", "since", "told", "until", "streams")
    assert {key: entry[key] for key in fields} == {
        "kind": "failed",
        "since": "1970-01-01T00:01:00Z",
        "told": True,
        "until": "1970-01-01T00:12:00Z",
        "streams": "carts, orders",
    }
    assert (entry["reason"], entry["error"]) == ("SLOT", "Slot 8.")


def test_problems_that_cannot_be_read_back_are_one_warning() -> None:
    """The warning comes again only for another reason, or after ten minutes."""
    played = play(
        *[empty_report(problems_unread=DENIED)] * 3, empty_report(problems_unread=DOWN)
    )
    assert [[entry["event"] for entry in entries] for entries in played] == [
        ["problems_unread"],
        [],
        [],
        ["problems_unread"],
    ]


def test_one_reminder_of_all_that_stays_bad_every_ten_minutes() -> None:
    """Streams and unreadable locations are named together, and not in between."""
    carts = Stream("carts", PAUSED)
    us = LocationName("shop-prod", "us-east1")
    bad = replace(report(orders(FAILED), carts), unread={us: DOWN})
    logged = play(report(orders()), *[bad] * 130)
    said = {number: len(entries) for number, entries in enumerate(logged) if entries}
    assert said == {1: 3, 60: 3, 120: 3}
    assert Counter(entry.get("event") for entry in logged[60]) == {
        "stream_bad": 2,
        "location_unreadable": 1,
    }


def test_an_unread_location_makes_nothing_vanish() -> None:
    """When a location is read again, its streams are compared with those before."""
    down = unread()
    _, (failure,), silent, (changed,), (vanished,) = play(
        report(orders()), down, down, report(orders(FAILED)), report()
    )
    assert (
        failure["message"]
        == f"{EUROPE} could not be read, so the streams there are unknown: {DOWN}"
    )
    assert failure["event"] == "location_unreadable"
    assert failure["reason"] == "unavailable"
    assert silent == []
    assert changed["message"].startswith(f"{ORDERS} was RUNNING and failed")
    assert vanished["event"] == "stream_vanished"


@rows
def test_the_events_of_a_history(runs: list[Any], events: list[str]) -> None:
    """Each event is logged once."""
    history = [
        unread()
        if run is None
        else report(*(Stream(**each) for each in run), required=[ORDERS])
        for times, repeated in runs
        for run in repeated * times
    ]
    logged = [entry["event"] for entries in play(*history) for entry in entries]
    assert logged == events


def test_forty_changes_are_forty_entries_and_a_thousand_are_fifty_and_a_number() -> (
    None
):
    """Streams that got worse or failed come first; one entry counts the others."""
    fleet = [Stream(f"orders-{n}", RUNNING) for n in range(1000)]
    fails = [one._replace(state=FAILED) for one in fleet[-500:]]
    paused = [one._replace(state=PAUSED) for one in fleet[:500]]
    _, forty = play(report(*fleet), report(*fleet[:-40], *fails[-40:]))
    assert len(forty) == 40
    _, (*entries, more) = play(report(*fleet), report(*paused, *fails))
    assert Counter(entry["severity"] for entry in entries) == {"ERROR": 50}
    assert more["message"] == "950 more streams changed, or not as expected."
    assert more["event"] == "more_streams"
    assert more["count"] == 950


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("one\r\n  two\tthree", "one two three"),
        ("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00"),
        ("schön ☃ אבד", "schön ☃ אבד"),
        ("x" * 1_000_000, "x" * 1021 + "…"),
        ("☃" * 1_000_000, "☃" * 340 + "…"),
    ],
)
def test_an_error_is_one_short_line_without_control_characters(
    error: str, shown: str
) -> None:
    """At most 1 KiB of the API's text is kept, and nothing that a terminal obeys."""
    ((entry,),) = play(report(orders(FAILED, error)))
    assert entry["error"] == shown
    assert (
        entry["message"]
        == f"{ORDERS} failed; Datastream keeps retrying: SLOT: {shown}."
    )


def test_one_cause_in_one_project_is_one_sentence() -> None:
    """Things are in one sentence where project and kind of failure are the same."""
    east = [LocationName("shop-prod", f"us-east{number}") for number in range(1, 6)]
    pay = LocationName("pay-prod", "us-west2")
    seen = empty_report(
        unread={
            ProjectName("pay-prod"): DENIED,
            pay: DENIED,
            east[0]: DENIED,
            EUROPE: DOWN,
            **dict.fromkeys(east, DENIED),
        },
        uncollected={
            StreamName(*EUROPE, "a"): DENIED,
            StreamName(*EUROPE, "b"): DENIED,
        },
    )
    unknown = "could not be read, so the streams there are unknown"
    left_out = "could not be collected from, so some series are left out"
    five = ", ".join(f"projects/shop-prod/locations/us-east{n}" for n in (1, 2, 3))
    assert [one.text for one in failure_groups(seen)] == [
        f"projects/pay-prod could not be searched for locations: {DENIED}",
        f"projects/pay-prod/locations/us-west2 {unknown}: {DENIED}",
        f"{EUROPE} {unknown}: {DOWN}",
        f"{five} and 2 more {unknown}: {DENIED}",
        f"{EUROPE}/streams/a, {EUROPE}/streams/b {left_out}: {DENIED}",
    ]
