"""What `watch` shows at a terminal, whatever its size and whatever Datastream says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from exporter.cli.fleet_view import MOST_LINES, FleetView
from exporter.google.errors import Failure, FailureKind
from exporter.names import LocationName
from exporter.measure import ReadLocation, Stream, UnreadLocation
from exporter.states import StreamState
from tests.exporter.measured import EUROPE, measured

RUNNING, PAUSED, FAILED = StreamState.RUNNING, StreamState.PAUSED, StreamState.FAILED
DOWN = Failure(FailureKind.UNAVAILABLE, "down.", "Wait.")
LONGEST_ID = "a" * 63


def shown(view: FleetView, width: int = 120, height: int = 30, now: float = 0) -> list[str]:
    """Return the lines of a screen, which always fit it."""
    lines = [line.plain for line in view.screen(width, height, now)]
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    return [line.rstrip() for line in lines]


def view_of(*streams: Stream) -> FleetView:
    """Return the view of a location with these streams."""
    view = FleetView()
    view.update(measured(streams), 0)
    view.show_status("12:00:00 The summary.")
    return view


def test_a_row_says_state_how_long_expected_and_error() -> None:
    """The worst comes first; how long it has been so is at least the time since the start."""
    view = view_of(
        Stream("carts", RUNNING),
        Stream("orders", FAILED, 1, reason="SLOT", error="The slot is lost.\nRecover."),
        Stream("stock", PAUSED),
    )
    assert shown(view, now=75)[:6] == [
        "12:00:00 The summary.",
        "",
        "STREAM  PROJECT    LOCATION      STATE    FOR  EXPECTED  ERROR",
        "orders  shop-prod  europe-west1  FAILED   1m+  no        The slot is lost. Recover.",
        "stock   shop-prod  europe-west1  PAUSED   1m+  no",
        "carts   shop-prod  europe-west1  RUNNING  1m+  yes",
    ]


def test_what_to_look_at_stands_below_until_something_changes() -> None:
    """It is what `run` shows; the log follows it."""
    view = view_of(Stream("orders", FAILED, 1, error="The slot is lost."))
    look_at = [
        "Look at",
        "  projects/shop-prod/locations/europe-west1/streams/orders",
        "    failed; Datastream keeps retrying: The slot is lost.",
    ]
    assert shown(view)[5:] == look_at
    view.add_line("12:00:10 projects/…/streams/orders: FAILED → RUNNING.")
    assert shown(view)[5:] == [*look_at, "12:00:10 projects/…/streams/orders: FAILED → RUNNING."]


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86_400 * 3, "3d")],
)
def test_how_long_is_exact_after_a_change(seconds: float, age: str) -> None:
    """A stream that was seen in another state right before has been in this one since then."""
    view = view_of(Stream("orders", RUNNING))
    view.update(measured([Stream("orders", FAILED)]), 10)
    assert f"  FAILED  {age}  " in shown(view, now=10 + seconds)[3].replace("+", "")
    assert "+" not in shown(view, now=10 + seconds)[3]


def test_an_unread_location_is_unknown_and_forgets_how_long() -> None:
    """Nothing is known of its streams meanwhile; afterwards, the time counts from then."""
    view = view_of(Stream("orders", RUNNING))
    view.update(measured(UnreadLocation(EUROPE, DOWN)), 100)
    row = shown(view, now=100)[3].split()
    assert row[:6] == ["?", "shop-prod", "europe-west1", "unknown", "0s+", "?"]
    assert " ".join(row[6:]).startswith("was not read, so its streams are unknown: unavailable")
    view.update(measured([Stream("orders", RUNNING)]), 200)
    assert " RUNNING  5s+ " in shown(view, now=205)[3]


def test_twenty_columns_show_each_stream_with_its_state() -> None:
    """Two lines a stream, whatever their length."""
    lines = shown(view_of(Stream(LONGEST_ID, StreamState.FAILED_PERMANENTLY)), width=20)
    assert lines[3:5] == ["a" * 19 + "…", "  0s+ FAILED_PERMAN…"]


def test_a_long_id_leaves_room_for_the_rest() -> None:
    """The longest id that Datastream allows is cut before state and error are left out."""
    failed = Stream(LONGEST_ID, FAILED, 1, error="The slot is lost, and more.")
    heading, row = shown(view_of(failed), width=80)[2:4]
    assert heading.split() == ["STREAM", "STATE", "FOR", "EXPECTED", "ERROR"]
    assert row.split()[1:4] == ["FAILED", "0s+", "no"]
    assert row.endswith("The slot is lost, and m…")
    assert LONGEST_ID in shown(view_of(failed), width=180)[3]


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "\x1b[2J\x1b[31m\x07\r\nred\x00", "\u202eabc\u2066\u200f", "\ud800"]
)
def test_no_error_or_name_controls_the_terminal(text: str) -> None:
    """A megabyte, escape codes, marks that turn the text, half a character: all are plain text."""
    view = view_of(Stream(f"orders{text[:200]}", FAILED, 1, error=text))
    for width in (20, 80, 200):
        assert any("FAILED" in line for line in shown(view, width))


def test_right_to_left_text_stays_in_its_column() -> None:
    """Letters of Hebrew and Arabic are shown; nothing that reorders a line is."""
    row = shown(view_of(Stream("orders", FAILED, 1, error="החריץ אבד. الفتحة مفقودة.")))[3]
    assert row.endswith("no        החריץ אבד. الفتحة مفقودة.")


def test_a_fleet_larger_than_the_screen_shows_the_worst() -> None:
    """Ten thousand errors: as many rows as fit, and how many more there are."""
    fleet = [Stream(f"orders-{number:05}", RUNNING) for number in range(10_000)]
    failed = [Stream(one.id, FAILED, 1, error=f"Lost {one.id}.") for one in fleet[5000:]]
    lines = shown(view_of(*fleet[:5000], *failed), height=30)
    assert lines[3].startswith("orders-05000  ")
    rows = [line for line in lines if "  FAILED  " in line]
    assert f"and {10_000 - len(rows):,} more, {5000 - len(rows):,} of them not as expected" in lines
    assert "Look at" in lines
    lines = shown(view_of(*fleet), height=30)
    rows = [line for line in lines if "  RUNNING  " in line]
    assert f"and {10_000 - len(rows):,} more, all as expected" in lines


def test_forty_changes_at_once_are_shown_below_and_kept() -> None:
    """A third of the screen has the newest; all are kept for the time after."""
    view = view_of(*[Stream(f"orders-{number}", RUNNING) for number in range(40)])
    for number in range(40):
        view.add_line(f"12:00:10 error: orders-{number}: RUNNING → FAILED.")
    lines = shown(view, height=30)
    assert lines[-9:] == [
        f"12:00:10 error: orders-{number}: RUNNING → FAILED." for number in range(31, 40)
    ]
    assert [line.plain for _, line in view.log][-40:][0].endswith("orders-0: RUNNING → FAILED.")


def test_the_log_of_a_long_watch_is_bounded() -> None:
    """The newest thousand lines are kept, after what to look at."""
    view = view_of()
    for number in range(2 * MOST_LINES):
        view.add_line(str(number))
    assert len(view.log) == MOST_LINES + 2
    assert view.log[-1][1].plain == str(2 * MOST_LINES - 1)


def test_one_long_line_leaves_room_for_others() -> None:
    """It takes six lines of the screen at most."""
    view = view_of()
    view.add_line("12:00:00 before")
    view.add_line("12:00:10 " + "word " * 1000)
    lines = shown(view, width=20, height=30)
    assert lines[-7] == "12:00:00 before"
    assert lines[-1].endswith("…")


STREAMS = st.builds(
    Stream,
    st.text(min_size=1, max_size=80),
    st.integers(0, 9),
    st.integers(0, 2),
    reason=st.none() | st.text(max_size=200),
    error=st.none() | st.text(max_size=2000),
)


@given(
    streams=st.lists(STREAMS, max_size=30, unique_by=lambda stream: stream.id),
    lines=st.lists(st.text(max_size=300), max_size=30),
    width=st.integers(2, 200),
    height=st.integers(1, 60),
    unread=st.booleans(),
)
def test_every_screen_fits(
    streams: list[Stream], lines: list[str], width: int, height: int, *, unread: bool
) -> None:
    """For any fleet, log and size: no line too long, none too many, no control characters."""
    view = FleetView()
    us = LocationName("shop-prod", "us-east1")
    other = UnreadLocation(us, DOWN) if unread else ReadLocation(us)
    view.update(measured(streams, other), 0)
    for line in lines:
        view.add_line(line)
    shown(view, width, height, now=1e6)
