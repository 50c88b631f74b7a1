"""The generated parts of docs/function.md, and the figures of a job with ten tasks."""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path

from benchmarks.function import Figures
from exporter.function import LEAST_SECONDS, LEAST_TRIGGERED_SECONDS, LOG, MARGIN_SECONDS, SCHEDULED
from lab.markdown import fenced, table
from tools.cost import GIBIBYTES, MONTH, PRICES, VCPUS

FIGURES = Path(__file__).parent.parent / "docs" / "function-benchmark.json"
"""What ``python -m benchmarks.function --json`` printed on a machine with nothing else to do."""

SOAK = FIGURES.with_name("function-soak.txt")
"""What ``make soak`` printed."""

TASKS = FIGURES.with_name("job-tasks.txt")
"""What ``python -m benchmarks.tasks`` printed."""

_BILLED_STEP = 0.1
"""Seconds that the time of a request is rounded up to."""

_RUNS = MONTH / 60


def responses() -> str:
    """Return the table of what each request is answered."""
    scheduled, log = LEAST_SECONDS, LEAST_TRIGGERED_SECONDS
    return table(
        ("request", "when", "response"),
        (
            (f"POST {SCHEDULED}", "a run is due", "the run; 200 if it is complete, else 500"),
            (
                f"POST {SCHEDULED}",
                f"a run is under way or began less than {scheduled:g} s ago",
                "200, and no run: `skipped` says since when",
            ),
            (f"POST {LOG}", "a run is due", "the run; 200 if it is complete, else 500"),
            (
                f"POST {LOG}",
                (
                    f"a run is under way or began less than {scheduled:g} s ago, or one that a log "
                    f"asked for less than {log:g} s ago"
                ),
                "429, and no run: Pub/Sub sends the message again",
            ),
            ("POST", "config is wrong, or there are no credentials", "500; `errors` says why"),
            ("another method", f"on {SCHEDULED} or {LOG}", "405"),
            ("another path", "always", "404"),
        ),
    )


def sizing() -> str:
    """Return the table of what was measured, and what a month of it costs."""
    rows = table(
        (
            "streams",
            "run",
            "CPU of a run",
            "memory",
            "vCPU-seconds a month",
            "cost a month",
            "the job's run",
        ),
        (
            (
                f"{row.streams:,}",
                f"{row.warm:.1f} s",
                f"{row.warm_cpu:.2f} s",
                f"{row.mebibytes:.0f} MiB",
                f"{_vcpu_seconds(row):,.0f}",
                f"${dollars(row):.2f}",
                f"{row.job:.1f} s",
            )
            for row in figures()
        ),
    )
    free = PRICES["function_cpu"].free
    return f"{rows}\n\n{free:,.0f} vCPU-seconds a month are free for each billing account."


def start() -> str:
    """Return how long a cold start takes."""
    row = figures()[-1]
    text = (
        f"A cold start takes {row.start:.1f} s until the server listens "
        f"({row.start_cpu:.1f} s of CPU), or {row.uncompiled_cpu:.1f} s of CPU without bytecode. "
        f"The first run of {row.streams:,} streams then takes {row.first:.1f} s, as it loads "
        "config, connects and discovers the locations."
    )
    return textwrap.fill(text, 105)


def soak() -> str:
    """Return what a day of the function and one of `watch` looked like."""
    return fenced("text", SOAK.read_text("utf-8").rstrip())


def tasks() -> str:
    """Return what the busiest task of a large organisation's job took."""
    return fenced("text", TASKS.read_text("utf-8").rstrip())


def margin() -> str:
    """Return when a run ends."""
    return (
        "A run ends at `run.deadline`, or "
        f"{MARGIN_SECONDS:g} s before the request's timeout if that is sooner."
    )


def figures() -> list[Figures]:
    """Return what was measured, by size of the fleet."""
    return [Figures(**row) for row in json.loads(FIGURES.read_text("utf-8"))]


def _vcpu_seconds(row: Figures) -> float:
    """Return what is billed for a month of a run each minute."""
    return _RUNS * VCPUS * math.ceil(row.warm / _BILLED_STEP) * _BILLED_STEP


def dollars(row: Figures, *, gibibytes: float = GIBIBYTES) -> float:
    """Return what a month of a run each minute costs, in US dollars."""
    seconds = _vcpu_seconds(row)
    return (
        PRICES["function_cpu"].total(seconds)
        + PRICES["function_memory"].total(seconds / VCPUS * gibibytes)
        + PRICES["function_requests"].total(_RUNS / 1e6)
    )
