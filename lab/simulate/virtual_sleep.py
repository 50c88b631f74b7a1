"""Makes waiting between attempts take no real time.

It counts against the deadline all the same. So the speed of this machine doesn't change
what a simulated run does.
"""

import threading
from dataclasses import dataclass, field, replace

from exporter.google.calls import Deadline


class VirtualSleep(threading.Event):
    """A stop event that is never set. Waiting for it returns at once and is added up.

    Each thread has its own sum, because the threads of a run wait at the same time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self.longest = 0.0  # seconds of the thread that has waited longest

    def wait(self, timeout: float | None = None) -> bool:
        """Add the seconds to this thread's sum, and return at once."""
        self._of_thread.waited = self.waited + (timeout or 0.0)
        with self._lock:
            self.longest = max(self.longest, self.waited)
        return self.is_set()

    @property
    def waited(self) -> float:
        """The seconds that this thread has waited."""
        return float(getattr(self._of_thread, "waited", 0.0))


@dataclass(frozen=True, slots=True)
class VirtualDeadline(Deadline):
    """A deadline in seconds slept: only virtual sleep brings it closer."""

    stop: VirtualSleep = field(default_factory=VirtualSleep)

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.ends - self.stop.waited

    def within(self, seconds: float) -> "VirtualDeadline":
        """Return the earlier one of this deadline and that many seconds of sleep."""
        return replace(self, ends=min(self.ends, self.stop.waited + seconds))
