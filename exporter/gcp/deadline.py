"""How long something may take, and a request to stop before that."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time on the monotonic clock by which work has to be done.

    Attributes:
        ends: The time, in seconds of ``time.monotonic``.
        stop: Set to end the work early (SIGINT, SIGTERM).
    """

    ends: float
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def after(cls, seconds: float, stop: threading.Event | None = None) -> Deadline:
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, stop or threading.Event())

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.ends - time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the work should end early."""
        return self.stop.is_set()

    def within(self, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now, or this one where it comes first."""
        return Deadline(min(self.ends, time.monotonic() + seconds), self.stop)

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline that leaves this many seconds before this one ends."""
        return Deadline(self.ends - seconds, self.stop)
