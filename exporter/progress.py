"""How far a long task is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


class Progress:
    """Receives how far each task is. This one shows nothing; one for a terminal overrides it."""

    def update(self, task: str, done: int, total: int | None = None) -> None:
        """Receive how far a task is; any thread may call this.

        Args:
            task: What is being done, such as ``reading locations``.
            done: How many steps are done.
            total: How many there are, None while unknown. The task ends when all are done.
        """

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Make room for lines that are printed while the block runs."""
        yield

    def track(self, task: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Yield the items; each is one step of the task."""
        self.update(task, 0, total)
        for done, item in enumerate(items, start=1):
            self.update(task, done, total)
            yield item
