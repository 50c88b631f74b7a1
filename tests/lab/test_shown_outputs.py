"""The outputs that the docs show are what the commands print today."""

import json
from argparse import Namespace
from threading import Event

from lab.cli.options import Context
from lab.cli.time_to_page import show
from lab.prove.time_to_page import TimeToPage
from tests.outputs import Printed
from tools import lab, lab_backtest, lab_review
from tools.policies import TIMES

HOW = "run: .venv/bin/python -m tools.record && make docs"


def test_the_measured_times(times_to_page: list[TimeToPage]) -> None:
    """``time-to-page --json`` of every change in every mode."""
    out = Printed()
    show(times_to_page, Context(Namespace(json=True), {}, out, out, Event()))
    assert json.loads(TIMES.read_text("utf-8")) == json.loads(out.getvalue()), HOW


def test_the_transcripts() -> None:
    """A scenario, a review and a back-test."""
    assert lab.output(*lab.SHOWN) == lab.TRANSCRIPT.read_text("utf-8"), HOW
    assert lab_review.made() == lab_review.SHOWN.read_text("utf-8"), HOW
    assert lab.output(*lab_backtest.SHOWN) == lab_backtest.TRANSCRIPT.read_text("utf-8"), HOW
