"""The time to page: ``python -m tools.time_to_page`` measures it against its bounds.

It exits with 1 where a bound is exceeded.
"""

import json
import math
import sys
from typing import Any

from lab.markdown import table
from lab.terminal import print_table
from tools import ROOT
from tools.trials import times_to_page

# The measured times, for the docs
TIMES = ROOT / "docs" / "time-to-page.json"
_MODES = {
    "job": "job",
    "job_5m": "job every 5 min",
    "function": "function",
    "function_log_triggers": "function, log triggers",
}


def main() -> int:
    """Measure and print each time to page, and its bound; return the exit code."""
    times = times_to_page()
    rows = []
    for each in times:
        worst = "never"
        if math.isfinite(each.worst):
            worst = f"{math.ceil(each.worst)} s"
        kept = "yes" if each.kept else "NO"
        rows.append((each.change, each.mode, worst, f"{each.bound:.0f} s", kept))
    print_table(("change", "exporter", "worst", "bound", "kept"), rows, sys.stdout)
    return 0 if all(each.kept for each in times) else 1


def recorded() -> str:
    """Measure each time to page; return all as JSON."""
    rows = []
    for each in times_to_page():
        row = {
            "change": each.change,
            "mode": each.mode,
            "worst_seconds": math.ceil(each.worst),
            "bound_seconds": round(each.bound),
        }
        rows.append(row)
    return json.dumps(rows, indent=2) + "\n"


def shown() -> dict[str, dict[str, Any]]:
    """Return the recorded times by change and mode."""
    times: dict[str, dict[str, Any]] = {}
    for row in json.loads(TIMES.read_text("utf-8")):
        times.setdefault(row["change"], {})[row["mode"]] = row
    return times


def time_to_page() -> str:
    """Return the table of recorded times: the worst case."""
    rows = []
    for change, by_mode in shown().items():
        cells = [change]
        for mode in _MODES:
            cell = "-"
            if row := by_mode.get(mode):
                cell = f"{row['worst_seconds']} s"
            cells.append(cell)
        rows.append(cells)
    heading = ("what happens", *_MODES.values())
    return table(heading, rows)


if __name__ == "__main__":
    sys.exit(main())
