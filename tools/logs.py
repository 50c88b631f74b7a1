"""The generated parts of docs/operating.md: log entries as Cloud Logging gets them."""

from __future__ import annotations

import json
import logging

from exporter.config import Config
from exporter.logs import FIELDS, JsonLines
from exporter.log.stream_memory import LogEntry, Memory, log_entries
from exporter.measure.evaluation import evaluate
from exporter.measure import ExporterName, Measurement
from exporter.names import LocationName
from exporter.measure import Observations, ReadLocation, Stream
from exporter.shard import Shard
from exporter.states import StreamState
from lab.markdown import fenced

_AT = LocationName("shop-prod", "europe-west1")
_RUNNING = Stream("orders", StreamState.RUNNING)
_FAILED = Stream(
    "orders",
    StreamState.FAILED,
    errors=1,
    reason="REPLICATION_SLOT_LOST",
    error='The replication slot "datastream_orders" does not exist.',
)


def change() -> str:
    """Return the entry of a stream that fails."""
    _, memory = log_entries(_measurement(_RUNNING), Memory(), 0)
    (changed,), _ = log_entries(_measurement(_FAILED), memory, 10)
    return fenced("json", json.dumps(_line(changed), indent=2, ensure_ascii=False))


def _measurement(*streams: Stream) -> Measurement:
    observations = Observations(locations=(ReadLocation(_AT, streams),))
    config = Config.model_validate(
        {"metrics": {"project": "metrics-prod"}, "sources": [{"project": "shop-prod"}]}
    )
    exporter = ExporterName(_AT.location, config.run.name, "0")
    evaluated = evaluate(observations, config, 0)
    return Measurement(exporter, Shard(), 0, observations, evaluated, errors=True)


def _line(entry: LogEntry) -> dict[str, object]:
    """Return an entry as the exporter prints it on Cloud Run."""
    record = logging.LogRecord("exporter", entry.level, "", 0, entry.message, (), None)
    setattr(record, FIELDS, entry.fields)
    line: dict[str, object] = json.loads(JsonLines({}).format(record))
    return line
