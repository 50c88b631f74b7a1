"""Divides the time of a run.

::

    start                    60 %            end - 2r       end - r         end
      ├─ discover, read ──────┤
      ├─ collect ──────────────────────────────┤
      ├─ write ───────────────────────────────────────────────┤
      ├─ write the exporter's own series ────────────────────────────────────┤

``r`` is 3 s, or 15 % of a short deadline.
"""

from dataclasses import dataclass
from typing import Self

from exporter.google.calls import Deadline

_READING_SHARE = 0.6
_RESERVED_SECONDS = 3.0
_RESERVED_SHARE = 0.15
# The part of reading that discovery may take where the locations are known from before
_REDISCOVERY_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class RunDeadlines:
    """By when each part of a run has to be done. A stop ends all of them."""

    reading: Deadline  # of discovery and of streams
    rediscovery: Deadline  # of discovery, where an earlier one is remembered
    collecting: Deadline  # of reading objects and private connections
    writing: Deadline  # of every point but the exporter's own
    end: Deadline  # of the exporter's own points

    @classmethod
    def of(cls, end: Deadline) -> Self:
        """Divide the time that is left."""
        reserved = min(_RESERVED_SECONDS, end.left * _RESERVED_SHARE)
        reading = end.within(end.left * _READING_SHARE)
        return cls(
            reading=reading,
            rediscovery=reading.within(reading.left * _REDISCOVERY_SHARE),
            collecting=end.sooner(2 * reserved),
            writing=end.sooner(reserved),
            end=end,
        )
