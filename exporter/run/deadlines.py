"""Divides the time of a run."""

from typing import NamedTuple, Self

from exporter.google.calls import Deadline

_READING_SHARE = 0.6
_RESERVED_SECONDS = 3.0
_RESERVED_SHARE = 0.15
# The part of reading after which locations must be free to be read
_EARLY_SHARE = 1 / 3


class RunDeadlines(NamedTuple):
    """By when each part of a run has to be done. A stop ends all of them.

    ::

        start                    60 %            end - 2r       end - r         end
          ├─ discover, read ──────┤
          ├─ collect ──────────────────────────────┤
          ├─ write ───────────────────────────────────────────────┤
          ├─ write the exporter's own series ────────────────────────────────────┤

    ``r`` is 3 s, or 15 % of a short deadline.
    """

    reading: Deadline  # of discovery and of streams, and of reading problems back
    early: Deadline  # of discovery where an earlier one is remembered
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
            early=reading.within(reading.left * _EARLY_SHARE),
            collecting=end.sooner(2 * reserved),
            writing=end.sooner(reserved),
            end=end,
        )
