"""World files: errors in them, and what their events change."""

from lab.emulator.world import parse_world
from tests.conftest import mistakes
from tests.tables import rows

PROJECTS = """\
projects:
  - id: shop
    number: 1
    locations:
      - {id: europe-west1, streams: [{id: "orders-{:03}", count: 3}, {id: last}]}
"""


def test_every_error_is_reported_at_once_with_its_line() -> None:
    """Misspelt states, actions, codes and durations get a sentence each."""
    text = """\
events:
  - {at: 5x, stream: last, do: pause}
  - {at: 5s, stream: last, do: set_state, state: PAUSD}
  - {at: 5s, stream: last, do: pause, drainig: 5s}
faults:
  - {code: UNAVAILBLE}
  - {method: ListStreams}
"""
    errors = mistakes(parse_world, PROJECTS + text, "w.yaml")
    places = [each.partition(": ")[0] for each in errors]
    assert [place.rpartition(":")[2] for place in places] == ["7", "8", "9", "11", "12"]
    assert '"5x" is not a duration' in errors[0]
    assert "did you mean PAUSED?" in errors[1]
    assert "did you mean draining?" in errors[2]
    assert "did you mean UNAVAILABLE?" in errors[3]
    assert "a fault needs a code, a latency, or both" in errors[4]


@rows
def test_an_event_that_matches_nothing_is_an_error(event: str, words: str) -> None:
    """A glob that matches nothing is most likely misspelt, and so an error."""
    (error,) = mistakes(parse_world, PROJECTS + f"events: [{event}]\n", "w.yaml")
    assert words in error


@rows
def test_a_counter_and_a_count_go_together(stream: str) -> None:
    """A counter without a count, or one that would take gigabytes, is a mistake."""
    text = PROJECTS.replace("{id: last}", stream)
    (error,) = mistakes(parse_world, text, "w.yaml")
    assert "in a name needs a count, and a count needs a counter" in error
