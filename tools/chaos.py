"""The result of ``make chaos``, as recorded in docs/chaos.json."""

from __future__ import annotations

import json
from pathlib import Path

from lab.chaos.table import HEADINGS
from lab.markdown import table

RESULT = Path(__file__).parent.parent / "docs" / "chaos.json"
"""What ``python -m lab.chaos --json`` printed, and then ``python -m lab.chaos.guided --json``.

They take long, so that they are recorded by hand.
"""


def recorded() -> list[dict[str, str]]:
    """Return the recorded rows."""
    rows: list[dict[str, str]] = json.loads(RESULT.read_text("utf-8"))
    return rows


def result() -> str:
    """Return the recorded table."""
    return table(HEADINGS, ([row[heading] for heading in HEADINGS] for row in recorded()))
