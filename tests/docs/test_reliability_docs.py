"""The recorded result of `make chaos` in docs/reliability.md."""

from __future__ import annotations

from collections import Counter

from lab.chaos.faults import matrix
from lab.chaos.fuzz import TARGETS
from tools import chaos


def test_the_recorded_result_has_the_whole_matrix() -> None:
    """Each kind of fault was met as often as the matrix has it, and each reader had its cases."""
    recorded = {row["fault"]: int(row["cases"].replace(",", "")) for row in chaos.recorded()}
    expected = Counter(str(fault.kind) for fault in matrix())
    assert {kind: recorded[kind] for kind in expected} == expected
    assert all(recorded[f"mangled {target}"] >= 100_000 for target in TARGETS)
    assert all(recorded[f"guided {target}"] > 0 for target in TARGETS)


def test_the_recorded_runs_broke_no_rule() -> None:
    """Nothing false, nothing lost where the fault ends, in time, and clearly said."""
    assert {row["fault"]: row["broken"] for row in chaos.recorded() if row["broken"] != "0"} == {}
