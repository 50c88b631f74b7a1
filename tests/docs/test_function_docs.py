"""docs/function.md: what it says of memory and cost follows from what was measured."""

from __future__ import annotations

from tools.function import dollars, figures


def test_the_choice_of_memory_and_cpu_follows_from_the_figures() -> None:
    """512 MiB are four times the peak of 10,000 streams, 256 MiB do, and both are free."""
    largest = figures()[-1]
    assert largest.streams == 10_000
    assert 4 * largest.mebibytes <= 512
    assert dollars(largest) == dollars(largest, gibibytes=0.25) == 0
    assert largest.warm_cpu < largest.warm / 2
    assert largest.warm < largest.job
