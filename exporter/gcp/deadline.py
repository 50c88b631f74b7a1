"""How long something may take, and the wish to stop before that."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which work has to be done.

    Attributes:
        ends: The moment, in seconds of ``time.monotonic``. Network calls are bounded by it, so
            it is never a simulated clock's.
        stop: Set when somebody asks the work to end early (SIGINT, SIGTERM).
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
        """Whether somebody asked the work to end early."""
        return self.stop.is_set()

    def within(self, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now, or this one where it comes first."""
        return Deadline(min(self.ends, time.monotonic() + seconds), self.stop)

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline that leaves this many seconds before this one ends."""
        return Deadline(self.ends - seconds, self.stop)
