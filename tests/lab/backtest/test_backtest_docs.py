"""What the docs show of a back-test is what it answers."""

from __future__ import annotations

from tools import lab_backtest


def test_the_answer_in_the_docs_is_given() -> None:
    """The same history makes the same answer; ``python -m tools.record`` writes it."""
    assert lab_backtest.TRANSCRIPT.read_text("utf-8") == lab_backtest.output()
