"""What `run` prints of a fleet, whatever its streams are called and whatever Datastream says."""

from __future__ import annotations

import pytest

from exporter.cli.fleet import print_measurement
from exporter.measure import Stream
from exporter.states import StreamState
from tests.exporter.measured import measured
from tests.outputs import Printed

FAILED = StreamState.FAILED


def printed(*streams: Stream) -> list[str]:
    """Return the lines that go to a file or a pipe."""
    out = Printed()
    print_measurement(measured(streams), out)
    return out.getvalue().split("\n")[:-1]


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x9b31m", "\r\nok", "\u202e", "\u2066", "\ud800", "\0"]
)
def test_no_name_or_error_controls_the_terminal(text: str) -> None:
    """An id or an error with escape codes, new lines or marks that turn the text is plain text."""
    lines = printed(Stream(f"orders{text}", FAILED, 1, reason=text, error=f"Lost{text}."))
    assert all(line.isprintable() for line in lines)
    assert lines[1].split()[:4] == [lines[1].split()[0], "shop-prod", "europe-west1", "FAILED"]
    assert lines[3] == "Look at"
    assert lines[5].startswith("    failed; Datastream keeps retrying: Lost")


def test_the_longest_id_and_a_megabyte_of_error_are_one_line_each() -> None:
    """The id is whole; the error is cut."""
    longest = "a" * 63
    lines = printed(Stream(longest, FAILED, 1, error="x" * 1_000_000))
    assert lines[1].split() == [longest, "shop-prod", "europe-west1", "FAILED", "no", "1"]
    assert lines[4].endswith(f"/streams/{longest}")
    assert lines[5].endswith("x…")
    assert len(lines[5]) < 400


def test_right_to_left_text_is_shown_as_it_is() -> None:
    """Letters of Hebrew and Arabic are text like any other."""
    error = "החריץ אבד. الفتحة مفقودة."
    assert printed(Stream("orders", FAILED, 1, error=error))[5].endswith(error)


def test_ten_thousand_errors_are_forty_and_a_number() -> None:
    """The table has all of them, the list of what to look at does not."""
    lines = printed(*[Stream(f"orders-{n:05}", FAILED, 1, error="Lost.") for n in range(10_000)])
    assert lines.index("Look at") == 10_002
    assert lines[-1] == "  and 9,960 more"
    assert len(lines) == 10_003 + 2 * 40 + 1
