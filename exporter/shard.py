"""Sharding: which locations each task of a Cloud Run job reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.names import LocationName


@dataclass(frozen=True, slots=True)
class Shard:
    """This task's part of the locations, among the tasks of a Cloud Run job.

    Attributes:
        index: This task's number, from 0.
        count: How many tasks there are.
    """

    index: int = 0
    count: int = 1

    def holds(self, at: LocationName) -> bool:
        """Return whether this task has the location; exactly one task does."""
        digest = hashlib.sha256(f"{at.project}/{at.location}".encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.index


WHOLE = Shard()
"""All locations: the shard of a process that is not a task of a job."""
