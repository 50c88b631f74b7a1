"""The outputs that the docs show are what the commands print today."""

import json
import math

from lab.prove.time_to_page import MOMENTS, TimeToPage
from tools import lab, lab_backtest, lab_review
from tools.policies import TIMES

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_measured_times(times_to_page: list[TimeToPage]) -> None:
    """The recorded times are the longest, and as long as those at a few moments."""
    recorded = {}
    for row in json.loads(TIMES.read_text("utf-8"))["times"]:
        recorded[row["change"], row["mode"]] = row
    assert len(recorded) == len(times_to_page), HOW
    for few in times_to_page:
        row = recorded[few.change.title, few.mode]
        assert row["kept"], HOW
        assert row["bound_seconds"] == few.bound, HOW
        longer = row["worst_seconds"] - math.ceil(few.worst)
        assert 0 <= longer <= 5, (HOW, few)
        if few.change.event:
            assert row["measured"] >= MOMENTS, HOW


def test_the_transcripts() -> None:
    """The transcripts of a scenario, a review and a back-test are those of today."""
    assert lab.output(*lab.SHOWN) == lab.TRANSCRIPT.read_text("utf-8"), HOW
    assert lab_review.made() == lab_review.SHOWN.read_text("utf-8"), HOW
    tested = lab_backtest.TRANSCRIPT.read_text("utf-8")
    assert lab.output(*lab_backtest.SHOWN) == tested, HOW
