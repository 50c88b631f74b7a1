"""The back-test that docs/lab.md shows, of a history that the exporter writes itself."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from exporter import config
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.measure import ExporterName
from exporter.read.reader import Collect
from exporter.run import Run
from exporter.shard import Shard
from exporter.task import Task
from lab.backtest.api_reader import ApiReader
from lab.backtest.backtest import DAY, Backtest
from lab.backtest.history import History
from lab.backtest.output import backtest_summary, print_backtest
from lab.backtest.required import look_back, periods_to_read
from lab.emulator.emulator import Emulator
from lab.emulator.world import World
from lab.markdown import fenced
from lab.policies.files import read_policies
from lab.simulate.virtual_sleep import VirtualDeadline
from tools.policies import FOLDER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.google.clients import Clients

TRANSCRIPT = ROOT / "docs" / "policies-backtest.txt"
SHOWN = ".venv/bin/datastream-lab backtest --project my-project --days 1"

_MINUTE = 60.0
_MINUTES = 100
_SILENT = range(60, 69)
_START = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
_WORLD: dict[str, Any] = {
    "config": {
        "metrics": {"project": "my-project"},
        "sources": [{"project": "my-project", "locations": ["europe-west1"]}],
    },
    "projects": [
        {
            "id": "my-project",
            "number": 1,
            "locations": [
                {"id": "europe-west1", "streams": [{"id": "orders"}, {"id": "customers"}]}
            ],
        }
    ],
    "events": [
        {"at": "20m", "stream": "orders", "do": "fail", "reason": "MYSQL_CONNECTION_REFUSED"},
        {"at": "35m", "stream": "orders", "do": "heal"},
        {"at": "80m", "stream": "customers", "do": "pause"},
    ],
}


@dataclass(slots=True)
class Clock:
    """A clock that stands still, in unix seconds."""

    now: float

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def play(
    world: dict[str, Any], start: float, minutes: Iterable[int], running: ExitStack
) -> tuple[Emulator, Clients]:
    """Start an emulator of a world, and run the exporter in it at the start of some minutes.

    Args:
        world: The world, with the exporter's config.
        start: When the world starts, in unix seconds.
        minutes: Minutes after the start in which the exporter runs.
        running: Stops the emulator.
    """
    clock = Clock(start)
    cloud = running.enter_context(Emulator(World.model_validate(world), clock=clock))
    named = {DATASTREAM_EMULATOR: cloud.datastream, MONITORING_EMULATOR: cloud.monitoring}
    of_exporter = config.from_data(world["config"], "world", {}).config
    clients = running.enter_context(connect(of_exporter.endpoints, named, Identity())[0])
    task = Task(ExporterName("europe-west1", "datastream-exporter", "0"), Shard(0, 1), Collect())
    for minute in minutes:
        clock.now = start + minute * _MINUTE
        deadline = VirtualDeadline(of_exporter.run.deadline.total_seconds())
        run = Run(clients, of_exporter, task, deadline, now=clock)
        run.write(run.measurements())
    return cloud, clients


def backtest() -> str:
    """Return the command and its output."""
    return fenced("console", f"$ {SHOWN}\n{TRANSCRIPT.read_text('utf-8').rstrip()}")


def output() -> str:
    """Back-test a history that the exporter writes in a simulated morning; return the output."""
    policies = read_policies(FOLDER)
    end = _START + _MINUTES * _MINUTE
    history = History(look_back(policies), "my-project")
    with ExitStack() as running:
        ran = (minute for minute in range(_MINUTES) if minute not in _SILENT)
        _, clients = play(_WORLD, _START, ran, running)
        reader = ApiReader(clients.monitoring, "my-project", Event())
        reader.read(periods_to_read(policies, end - DAY, end), history)
    result = Backtest(policies, history, Event()).run(end - DAY, end)
    shown = io.StringIO()
    print_backtest(result, shown)
    return f"{shown.getvalue()}{backtest_summary(result)}\n"
