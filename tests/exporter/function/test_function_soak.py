"""An hour of the function with faults, in seconds; ``make soak`` passes a whole day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import soak

if TYPE_CHECKING:
    import pytest


def test_an_hour_with_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or left out, nothing grows, and the last run has every stream's state."""
    assert soak.main(["--minutes", "60"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    numbers = dict(zip(heading.split(), row.split(), strict=True))
    assert (numbers["RUNS"], numbers["INCOMPLETE"], numbers["LOST"]) == ("60", "0", "0")
    assert int(numbers["RETRIES"]) > 0
