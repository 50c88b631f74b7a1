"""Evaluating: comparing each stream that was read with what config expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from exporter.measure.expectations import OpenExpectations
from exporter.names import LocationName, StreamName
from exporter.states import FAILURES

if TYPE_CHECKING:
    from exporter.config import Config
    from exporter.read.observations import Observations, ReadLocation, Stream


class EvaluatedStream(NamedTuple):
    """A stream, and whether its state is fine now."""

    stream: Stream
    expected: bool


@dataclass(frozen=True, slots=True)
class EvaluatedLocation:
    """A cleanly read location, compared with config.

    Attributes:
        name: Its project and id.
        streams: Its streams.
        missing: The ids of required streams that it doesn't have.
    """

    name: LocationName
    streams: tuple[EvaluatedStream, ...]
    missing: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """How many streams are failed, permanently or not."""
        return sum(stream.state in FAILURES for stream, _ in self.streams)

    @property
    def unexpected(self) -> int:
        """How many streams are in an unexpected state, not counting the failed ones."""
        return sum(
            not expected and stream.state not in FAILURES for stream, expected in self.streams
        )


def evaluate(
    observations: Observations, config: Config, now: float
) -> tuple[EvaluatedLocation, ...]:
    """Compare every cleanly read location with config.

    Args:
        observations: What was read.
        config: What is expected and what is required.
        now: Unix time of the run in seconds. It decides which windows are open.
    """
    expectations = OpenExpectations(config.expectations, datetime.fromtimestamp(now, UTC))

    def evaluate_location(location: ReadLocation) -> EvaluatedLocation:
        name = location.name
        ids = {stream.id for stream in location.streams}
        return EvaluatedLocation(
            name,
            tuple(
                EvaluatedStream(
                    stream,
                    stream.state in expectations.states(StreamName(*name, stream.id), stream.label),
                )
                for stream in location.streams
            ),
            tuple(
                required.stream
                for required in config.required
                if required.location_name == name and required.stream not in ids
            ),
        )

    return tuple(map(evaluate_location, observations.read))
