"""How far a run is, for whoever watches it."""

from __future__ import annotations


class Progress:
    """Told how far a run is, as it gets there; this one keeps quiet."""

    def locations(self, done: int, known: int) -> None:
        """Take note that so many locations are read, of those that are known by now."""

    def points(self, settled: int) -> None:
        """Take note that so many points are settled, written or not."""
