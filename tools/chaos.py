"""The result of ``make chaos``, as recorded in docs/chaos.txt."""

from pathlib import Path

# What ``python -m lab.chaos`` printed. It takes minutes, so it is recorded by hand
RESULT = Path(__file__).parent.parent / "docs" / "chaos.txt"


def result() -> str:
    """Return the recorded table."""
    return RESULT.read_text("utf-8").rstrip()
