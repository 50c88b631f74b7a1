"""Samples on their way: in batches, some of them under way, the others not yet built."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

from exporter.write.result import WriteResult, last_seen_locations, locations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.gcp.pool import Pool, Work
    from exporter.measure.samples import Sample
    from exporter.write.result import Batch

BATCH = 200
"""Series in a request, the most that the API takes (CreateTimeSeriesRequest.time_series)."""

_STOPPED_SECONDS = 3.0
"""How long requests under way are waited for after a stop: Cloud Run ends the process after 10."""


class Writing:
    """Samples on their way, and what has happened to them so far."""

    def __init__(
        self,
        samples: Iterable[Sample],
        send: Callable[[Batch], WriteResult],
        pool: Pool,
        settled: Callable[[int], None],
    ) -> None:
        """Send nothing yet.

        Args:
            samples: What to write.
            send: Sends a batch until it is known what happened to its points.
            pool: Has the threads that do so.
            settled: Receives the number of points of each batch of which that is known.
        """
        self._batches = _batches(samples)
        self._send = send
        self._pool = pool
        self._on_settled = settled
        self._settled = WriteResult()
        self._under_way: dict[int, Batch] = {}
        pool.add(self._work())

    def wait(self, patience: float = math.inf) -> None:
        """Write, and wait until it is known what happened to each batch.

        Args:
            patience: How many seconds to wait for one batch. It stays under way after that.
        """
        self._pool.wait(patience, when_stopped=min(patience, _STOPPED_SECONDS))
        if self._pool.stopped:
            self._settled += WriteResult(left_out=sum(map(len, self._batches)))

    @property
    def result(self) -> WriteResult:
        """What happened to the samples. Those that are under way count as lost."""
        under_way = self._under_way.values()
        lost = WriteResult(
            lost=sum(map(len, under_way)),
            withheld_locations=last_seen_locations(*under_way),
            incomplete_locations=locations_of(*under_way),
        )
        return self._settled + lost

    def _work(self) -> Iterator[Work]:
        for number, batch in enumerate(self._batches):
            self._under_way[number] = batch
            yield partial(self._send_and_settle, number, batch)

    def _send_and_settle(self, number: int, batch: Batch) -> Callable[[], None]:
        result = self._send(batch)

        def settle() -> None:
            del self._under_way[number]
            self._settled += result
            self._on_settled(len(batch))

        return settle


def _batches(samples: Iterable[Sample]) -> Iterator[Batch]:
    remaining = iter(samples)
    while batch := tuple(itertools.islice(remaining, BATCH)):
        yield batch
