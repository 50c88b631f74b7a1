"""A part of the simulated day, with faults, in seconds; ``make soak`` passes all of it."""

from __future__ import annotations

import pytest

from benchmarks import soak


@pytest.mark.parametrize(("mode", "minutes", "runs"), [("function", 60, 60), ("watch", 32, 192)])
def test_some_of_a_day_with_faults(
    capsys: pytest.CaptureFixture[str], mode: str, minutes: int, runs: int
) -> None:
    """Nothing is lost, late or left out, nothing grows, and the last run has every state."""
    assert soak.main(["--minutes", str(minutes), "--mode", mode]) == 0
    heading, row = capsys.readouterr().out.replace("LATE S", "LATE").splitlines()
    numbers = dict(zip(heading.split(), row.split(), strict=True))
    assert (numbers["MODE"], numbers["RUNS"]) == (mode, str(runs))
    assert (numbers["INCOMPLETE"], numbers["LOST"]) == ("0", "0")
    assert numbers["RETRIES"] not in {"0", ""}
