"""Two hours of a fleet, written to the emulator by the exporter itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.cloud import monitoring_v3

from exporter.google.clients import MONITORING_EMULATOR
from tools import lab_backtest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from exporter.google.clients import Clients
    from lab.emulator.emulator import Emulator

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "alerting_policies"

MINUTE = 60
MINUTES = 120
START = float((int(time.time()) // 60 - MINUTES - 5) * 60)
"""When the history starts: about two hours ago, as old points are not kept."""
END = START + MINUTES * MINUTE

FRESHNESS = "datastream.googleapis.com/stream/freshness"
UNSUPPORTED = "datastream.googleapis.com/stream/unsupported_event_count"
SILENT = range(70, 80)
"""Minutes in which the exporter does not run."""

WORLD: dict[str, Any] = {
    "config": {
        "metrics": {"project": "ops-prod"},
        "sources": [{"project": "shop-prod", "locations": ["europe-west1"]}],
    },
    "projects": [
        {"id": "ops-prod", "number": 1},
        {
            "id": "shop-prod",
            "number": 2,
            "locations": [
                {
                    "id": "europe-west1",
                    "streams": [
                        {"id": "orders"},
                        {"id": "stock"},
                        {"id": "carts", "state": "FAILED"},
                    ],
                }
            ],
        },
    ],
    "events": [
        {"at": "40m", "stream": "orders", "do": "fail", "reason": "DOWN"},
        {"at": "55m", "stream": "orders", "do": "heal"},
        {"at": "60m", "stream": "carts", "do": "heal"},
        {"at": "100m", "stream": "stock", "do": "set_state", "state": "PAUSED"},
    ],
}


@dataclass(frozen=True)
class Lab:
    """A served history, and Google's clients for it."""

    cloud: Emulator
    clients: Clients

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment that makes the program call these servers."""
        return {MONITORING_EMULATOR: self.cloud.monitoring}


def stamp(unix: float) -> dict[str, int]:
    """Return a time as a Timestamp."""
    return {"seconds": int(unix), "nanos": round(unix % 1 * 1e9)}


def written(unix: float) -> str:
    """Return a time as the command line takes it."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%SZ}"


def native(metric: str, points: dict[tuple[float, float], int], **labels: str) -> Any:
    """Return a raw TimeSeries of one of Datastream's metrics.

    Args:
        metric: The full type.
        points: Values by when they begin and end, in seconds after the start.
        labels: The metric's labels; ``stream`` is the resource's.
    """
    stream = labels.pop("stream", "orders")
    return monitoring_v3.TimeSeries.pb(
        monitoring_v3.TimeSeries(
            metric={"type": metric, "labels": labels},
            resource={
                "type": "datastream.googleapis.com/Stream",
                "labels": {
                    "project_id": "shop-prod",
                    "resource_container": "2",
                    "location": "europe-west1",
                    "stream_id": stream,
                },
            },
            metric_kind="DELTA" if metric == UNSUPPORTED else "GAUGE",
            value_type="INT64",
            points=[
                {
                    "interval": {
                        "start_time": stamp(START + begin),
                        "end_time": stamp(START + end),
                    },
                    "value": {"int64_value": value},
                }
                for (begin, end), value in points.items()
            ],
        )
    )


def play(world: dict[str, Any], minutes: Iterable[int], running: ExitStack) -> Lab:
    """Serve a world, and run the exporter at the start of some minutes."""
    return Lab(*lab_backtest.play(world, START, minutes, running))
