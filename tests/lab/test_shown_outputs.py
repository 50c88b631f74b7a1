"""The outputs that the docs show are what the commands print today."""

from tests.lab.prove.test_time_to_page import HOW
from tools import lab, lab_backtest, lab_review


def test_the_transcripts() -> None:
    """The transcripts of a scenario, a review and a back-test are those of today."""
    assert lab.output(*lab.SHOWN) == lab.TRANSCRIPT.read_text("utf-8"), HOW
    assert lab_review.made() == lab_review.SHOWN.read_text("utf-8"), HOW
    tested = lab_backtest.TRANSCRIPT.read_text("utf-8")
    assert lab.output(*lab_backtest.SHOWN) == tested, HOW
