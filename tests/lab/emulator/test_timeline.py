"""What exists at which time: the script of a world, played without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.states import StreamState
from lab.emulator.timeline import StreamSnapshot, Timeline, snapshot_at
from lab.emulator.world import World

ACTIONS: list[dict[str, Any]] = [
    {"do": "start"},
    {"do": "resume", "starting": 7},
    {"do": "recover"},
    {"do": "heal"},
    {"do": "delete"},
    {"do": "appear"},
    {"do": "appear", "starting": 7},
    {"do": "pause"},
    {"do": "pause", "draining": 7},
    {"do": "fail", "reason": "A"},
    {"do": "fail_permanently", "reason": "B"},
    {"do": "report_error", "reason": "C"},
    {"do": "set_state", "state": 9},
    {"do": "set_backfill", "backfill": "FAILED"},
    {"do": "lag", "freshness": 900, "growing": True},
    {"do": "catch_up"},
    {"do": "stall"},
    {"do": "drop_events", "events": 3},
    {"do": "log", "log": "stream_activity", "severity": "ERROR"},
]


def world(*events: dict[str, Any]) -> World:
    """Return a world of one failed stream and one running one."""
    streams = [
        {"id": "a", "state": "FAILED", "errors": [{"reason": "OLD"}], "objects": [{"table": "t"}]},
        {"id": "b", "exists": False},
    ]
    project = {"id": "p", "number": 1, "locations": [{"id": "l", "streams": streams}]}
    return World.model_validate({"projects": [project], "events": events})


def streams(of: World, seconds: float) -> dict[str, StreamSnapshot]:
    """Return the streams that exist at a time, by id."""
    return snapshot_at(of, seconds).projects["p"].locations["l"].streams


@pytest.mark.parametrize(
    ("action", "state", "reasons"),
    [
        ({"do": "start"}, StreamState.RUNNING, ["OLD"]),
        ({"do": "resume", "starting": 7}, StreamState.STARTING, ["OLD"]),
        ({"do": "recover"}, StreamState.RUNNING, []),
        ({"do": "heal"}, StreamState.RUNNING, []),
        ({"do": "pause"}, StreamState.PAUSED, ["OLD"]),
        ({"do": "pause", "draining": 7}, StreamState.DRAINING, ["OLD"]),
        ({"do": "fail", "reason": "NEW"}, StreamState.FAILED, ["NEW"]),
        ({"do": "fail_permanently", "reason": "NEW"}, StreamState.FAILED_PERMANENTLY, ["NEW"]),
        ({"do": "report_error", "reason": "NEW"}, StreamState.FAILED, ["OLD", "NEW"]),
        ({"do": "set_state", "state": "MAINTENANCE"}, StreamState.MAINTENANCE, ["OLD"]),
        ({"do": "set_state", "state": 9}, 9, ["OLD"]),
    ],
)
def test_each_event_changes_state_and_errors(
    action: dict[str, Any], state: int, reasons: list[str]
) -> None:
    """An event leads to its state and its errors, from its own second on."""
    played = world({"at": 5, "stream": "a"} | action)
    assert streams(played, 4.9)["a"].state == StreamState.FAILED
    after = streams(played, 5)["a"]
    assert after.state == state
    assert [each.reason for each in after.errors] == reasons


def test_freshness_falls_behind_and_comes_back() -> None:
    """A stream is as fresh as the script says, grows older, is not measured, or catches up."""
    played = world(
        {"at": 5, "stream": "a", "do": "lag", "freshness": 900, "growing": True},
        {"at": 8, "stream": "a", "do": "stall"},
        {"at": 9, "stream": "a", "do": "catch_up"},
    )
    shown = [streams(played, at)["a"] for at in (0, 6, 8, 9)]
    assert [each.freshness for each in shown] == [5, 900, None, 5]
    assert [each.growing_since for each in shown] == [None, 5, None, None]


def test_backfills_and_private_connections_change_too() -> None:
    """The script moves all objects of a stream, and a private connection."""
    location = {
        "id": "l",
        "streams": [{"id": "a", "objects": [{"table": "t{:02}", "count": 3}]}],
        "private_connections": [{"id": "peering"}, {"id": "other"}],
    }
    played = World.model_validate(
        {
            "projects": [{"id": "p", "number": 1, "locations": [location]}],
            "events": [
                {"at": 5, "stream": "a", "do": "set_backfill", "backfill": "FAILED"},
                {
                    "at": 5,
                    "private_connection": "peering",
                    "do": "set_connection_state",
                    "state": "FAILED",
                    "error": {"reason": "ROUTE"},
                },
            ],
        }
    )
    assert [each.backfill for each in streams(played, 5)["a"].objects] == [5, 5, 5]
    connections = snapshot_at(played, 5).projects["p"].locations["l"].connections
    assert {id_: each.state for id_, each in connections.items()} == {"peering": 3, "other": 2}
    assert connections["peering"].error is not None


def test_a_pause_that_is_overtaken_does_not_come_back() -> None:
    """A stream that is resumed while it drains stays resumed."""
    played = world(
        {"at": 5, "stream": "a", "do": "pause", "draining": 10},
        {"at": 8, "stream": "a", "do": "resume"},
    )
    assert streams(played, 20)["a"].state == StreamState.RUNNING


def test_a_stream_may_be_born_later() -> None:
    """A stream that does not exist yet appears with its event, created at that moment."""
    played = world({"at": 5, "stream": "projects/p/*/b", "do": "appear"})
    assert "b" not in streams(played, 4)
    assert streams(played, 6)["b"].appeared == 5


@given(
    events=st.lists(
        st.builds(
            lambda at, stream, action: {"at": at, "stream": stream} | action,
            st.integers(0, 30),
            st.sampled_from(["a", "b", "*"]),
            st.sampled_from(ACTIONS),
        ),
        max_size=8,
    ),
    seconds=st.floats(0, 50),
)
def test_a_timeline_equals_a_fresh_replay(events: list[dict[str, Any]], seconds: float) -> None:
    """For any events, cached snapshots equal replayed ones, also after going back in time."""
    played = world(*events)
    timeline = Timeline(played)
    timeline.at(50)
    shown = timeline.at(seconds).projects["p"].locations["l"].streams
    assert shown == streams(played, seconds)
    assert timeline.at(seconds) is timeline.at(seconds)
