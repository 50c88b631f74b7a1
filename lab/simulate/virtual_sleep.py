"""Deadlines on a simulated clock: a wait between two tries takes no time, and counts in full.

How fast this machine is does not change what a simulated run does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from exporter.gcp.deadline import Deadline


class VirtualSleep(threading.Event):
    """The wish to stop, which nobody has; a wait for it returns at once and is added up.

    Each thread has a sum of its own, as those of a run wait side by side.
    """

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self._own = threading.local()
        self._lock = threading.Lock()
        self._longest = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        """Add the seconds to this thread's and return."""
        waited = self.waited + (timeout or 0.0)
        self._own.waited = waited
        with self._lock:
            self._longest = max(self._longest, waited)
        return self.is_set()

    @property
    def waited(self) -> float:
        """Seconds that this thread has waited."""
        waited: float = getattr(self._own, "waited", 0.0)
        return waited

    @property
    def longest(self) -> float:
        """Seconds that the thread which waited most has."""
        return self._longest


@dataclass(frozen=True, slots=True)
class SimulatedDeadline(Deadline):
    """A deadline that only waits bring nearer; ``ends`` counts in seconds waited."""

    waits: VirtualSleep = field(default_factory=VirtualSleep)

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.ends - self.waits.waited

    def within(self, seconds: float) -> SimulatedDeadline:
        """Return the deadline that many seconds from now, or this one where it comes first."""
        ends = min(self.ends, self.waits.waited + seconds)
        return SimulatedDeadline(ends, self.stop, self.waits)

    def sooner(self, seconds: float) -> SimulatedDeadline:
        """Return a deadline that leaves this many seconds before this one ends."""
        return SimulatedDeadline(self.ends - seconds, self.stop, self.waits)
