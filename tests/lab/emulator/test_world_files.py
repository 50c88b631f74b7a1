"""World files: the one that ships, and what is said of errors in others."""

from __future__ import annotations

from collections import Counter

import pytest

from exporter.config import from_data
from exporter.documents import InputError
from exporter.states import state_name
from lab.emulator.timeline import snapshot_at
from lab.emulator.world_files import default_world, parse_world

PROJECTS = """\
projects:
  - id: shop
    number: 1
    locations:
      - {id: europe-west1, streams: [{id: "orders-{:03}", count: 3}, {id: last}]}
"""


def errors_of(text: str) -> list[str]:
    """Return the errors of a world file."""
    with pytest.raises(InputError) as caught:
        parse_world(text, "w.yaml")
    return str(caught.value).splitlines()


def test_the_default_world_shows_every_kind_of_stream() -> None:
    """The shipped fleet has one of each trouble at its start, whatever the time of day."""
    world = default_world()
    locations = [
        location
        for project in snapshot_at(world, 0).projects.values()
        for location in project.locations.values()
    ]
    streams = [stream for location in locations for stream in location.streams.values()]
    assert Counter(state_name(each.state) for each in streams) == {
        "RUNNING": 17,
        "PAUSED": 2,
        "FAILED": 2,
        "FAILED_PERMANENTLY": 1,
        "STARTING": 1,
        "NOT_STARTED": 1,
    }
    assert [each.outage for each in locations].count("listed") == 1
    assert any(each.errors for each in streams if state_name(each.state) == "RUNNING")


def test_the_default_world_brings_a_config_that_is_right() -> None:
    """The exporter's config in the shipped world holds no mistake and nothing doubtful."""
    loaded = from_data(default_world().config, "default.yaml", {})
    assert loaded.config.metrics.project == "data-platform-prod"
    assert not loaded.warnings


def test_the_default_worlds_day_lasts_ten_minutes_and_ends_well() -> None:
    """Each event of the script changes something, and the outages are over at the end."""
    world = default_world()
    assert max(event.at for event in world.events) < 600
    end = snapshot_at(world, 600)
    assert not any(
        location.outage
        for project in end.projects.values()
        for location in project.locations.values()
    )


def test_a_counted_stream_is_many() -> None:
    """A pattern and a count stand for streams numbered from 1."""
    world = parse_world(PROJECTS, "w.yaml")
    streams = snapshot_at(world, 0).projects["shop"].locations["europe-west1"].streams
    assert list(streams) == ["orders-001", "orders-002", "orders-003", "last"]


def test_durations_come_down_to_milliseconds_and_in_parts() -> None:
    """A duration is written in milliseconds where a second is too long, and as a sum of parts."""
    faults = "faults: [{latency: 50ms}, {latency: 2m}, {latency: 1h2m3s4ms}]\n"
    world = parse_world(PROJECTS + faults, "w.yaml")
    assert [fault.latency for fault in world.faults] == [0.05, 120, 3723.004]


def test_every_error_is_reported_at_once_with_its_line() -> None:
    """Misspelt states, actions, codes and durations each get a sentence and what was meant."""
    errors = errors_of(
        PROJECTS
        + """\
events:
  - {at: 5x, stream: last, do: pause}
  - {at: 5s, stream: last, do: set_state, state: PAUSD}
  - {at: 5s, stream: last, do: pause, drainig: 5s}
faults:
  - {code: UNAVAILBLE}
  - {method: ListStreams}
"""
    )
    assert [each.partition(": ")[0] for each in errors] == [
        f"w.yaml:{line}" for line in (7, 8, 9, 11, 12)
    ]
    assert '"5x" is not a duration' in errors[0]
    assert "did you mean PAUSED?" in errors[1]
    assert "did you mean draining?" in errors[2]
    assert "did you mean UNAVAILABLE?" in errors[3]
    assert "a fault needs a code, a latency, or both" in errors[4]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("{at: 1s, stream: order-*, do: pause}", 'events[0].stream: "order-*" matches no stream'),
        ("{at: 1s, location: us-*, do: reachable}", '"us-*" matches no location of this world'),
        ("{at: 1s, project: bank, do: disable_api}", '"bank" matches no project of this world'),
        (
            "{at: 1s, private_connection: x, do: set_connection_state, state: FAILED}",
            '"x" matches no private_connection',
        ),
    ],
)
def test_an_event_that_matches_nothing_is_an_error(event: str, words: str) -> None:
    """A glob that matches nothing is most likely misspelt."""
    (error,) = errors_of(PROJECTS + f"events: [{event}]\n")
    assert words in error


@pytest.mark.parametrize(
    "keys",
    [
        "log: audit, severity: NOTICE",
        "log: stream_activity, severity: ERROR, method: UpdateStream",
        "log: stream_activity, severity: ERROR, operation: first",
    ],
)
def test_a_log_entry_is_of_one_kind(keys: str) -> None:
    """Audit log entries have a method; those of Datastream's own log have none."""
    (error,) = errors_of(PROJECTS + f"events: [{{at: 1s, stream: last, do: log, {keys}}}]\n")
    assert "an entry of the audit log needs a method" in error


def test_names_are_unique() -> None:
    """Two streams of one id in a location, or two projects of one number, are a mistake."""
    again = PROJECTS.replace("last", "orders-002")
    again += again.removeprefix("projects:\n")
    errors = errors_of(again)
    assert any('"orders-002" stands twice in europe-west1' in each for each in errors)
    assert any('"shop" is the id or the number of two projects' in each for each in errors)


def test_a_counter_has_nine_digits_at_most() -> None:
    """A number of digits that would take gigabytes is a mistake."""
    stream = '{id: "x-{:0999999999}", count: 2}'
    (error,) = errors_of(PROJECTS.replace("{id: last}", stream))
    assert '"x-{:0999999999}": a counter has at most 9 digits' in error


@pytest.mark.parametrize("stream", ['{id: "x-{:03}"}', "{id: x, count: 3}"])
def test_a_counter_and_a_count_go_together(stream: str) -> None:
    """A counter without a count, or a count without a counter, is a mistake."""
    (error,) = errors_of(PROJECTS.replace("{id: last}", stream))
    assert "in a name needs a count, and a count needs a counter" in error
