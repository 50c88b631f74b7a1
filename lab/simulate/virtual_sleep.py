"""Makes waiting between attempts take no real time.

It counts against the deadline all the same. So the speed of this machine doesn't change
what a simulated run does.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from threading import Event

from exporter.google.calls import Deadline

# Seconds that a call has waited: each has a context, as the calls of a run wait at the
# same time
_waited: ContextVar[float] = ContextVar("_waited", default=0.0)


class VirtualSleep(Event):
    """A stop event that is never set. A wait for it returns at once and is added up."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0  # seconds of the call that has waited longest

    def wait(self, timeout: float | None = None) -> bool:
        """Add the seconds to this call's sum, and return at once."""
        waited = _waited.get() + (timeout or 0.0)
        _waited.set(waited)
        self.longest = max(self.longest, waited)
        return self.is_set()


@dataclass(frozen=True, slots=True)
class VirtualDeadline(Deadline):
    """A deadline in seconds slept: only virtual sleep brings it closer."""

    stop: VirtualSleep = field(default_factory=VirtualSleep)

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.ends - _waited.get()

    def within(self, seconds: float) -> "VirtualDeadline":
        """Return the earlier one of this deadline and that many seconds of sleep."""
        return replace(self, ends=min(self.ends, _waited.get() + seconds))
