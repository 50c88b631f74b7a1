"""How a run shares its time out: the timeout that each call gets, while no time passes."""

from __future__ import annotations

from dataclasses import astuple
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from exporter.config import Config
from exporter.gcp import deadline
from exporter.google.clients import Clients
from exporter.google.calls import Deadline
from exporter.google.calls import Calls
from exporter.measure import ExporterName
from exporter.read import Datastream
from exporter.run import Run, Shares
from exporter.task import Task
from tests.exporter.measured import EUROPE
from tests.exporter.read.worlds import project

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.emulator.emulator import Emulator
    from tests.exporter.conftest import Lab, Serve

SHOP = project("shop-prod", {"europe-west1": ["orders"]})
SOURCE = {"project": "shop-prod"}


@pytest.mark.parametrize(
    ("seconds", "shares"),
    [
        (600, Shares(reading=360, patience=3, reserve=3)),
        (30, Shares(reading=18, patience=3, reserve=3)),
        (20, Shares(reading=12, patience=2, reserve=3)),
        (10, Shares(reading=6, patience=1, reserve=1.5)),
    ],
)
def test_a_run_shares_its_time_out(seconds: float, shares: Shares) -> None:
    """60 % for reading, 10 % for what hangs and 15 % in reserve, 3 s each at most."""
    assert astuple(Shares.of(seconds)) == pytest.approx(astuple(shares))


class Timeouts(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc] # grpc is untyped
    """Notes the timeout of each call by its method; writes by the first metric that they hold."""

    def __init__(self) -> None:
        """Have noted none."""
        self.seen: dict[str, float] = {}
        self.tries: list[float] = []

    def clients(self, cloud: Emulator) -> Clients:
        """Return clients whose calls are noted."""

        def channels() -> tuple[grpc.Channel, grpc.Channel]:
            datastream, monitoring = (
                grpc.intercept_channel(grpc.insecure_channel(address), self)
                for address in (cloud.datastream, cloud.monitoring)
            )
            return datastream, monitoring

        return Clients(channels)

    def intercept_unary_unary(
        self, call: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        """Note it, and make the call."""
        name = details.method.rpartition("/")[2]
        if name == "CreateTimeSeries":
            name = request.time_series[0].metric.type.partition("datastream/")[2]
        self.seen[name] = details.timeout
        self.tries.append(details.timeout)
        return call(details, request)


@pytest.fixture(autouse=True)
def _standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of deadlines stand still."""
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: 1000.0))


def timeouts(lab: Lab, seconds: float, **discovery: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """Run once within so many seconds; return the calls' timeouts."""
    noted = Timeouts()
    config = Config.model_validate({"metrics": SOURCE, "sources": [SOURCE]})
    task = Task(ExporterName("global", "exporter", "0"))
    with noted.clients(lab.cloud) as clients:
        run = Run(clients, config, task, Deadline.after(seconds))
        report = run.write(run.measurements(**discovery))
    assert report.complete
    return noted.seen


@pytest.mark.parametrize(
    ("seconds", "reading", "writing", "own"),
    [
        (600, 360, 12, 12),
        (50, 30, 12, 12),
        (20, 12, 14 / 3, 20 / 3),
        (10, 6, 7 / 3, 10 / 3),
        (2, 1.2, 1, 1),
    ],
)
def test_each_call_gets_its_share(
    serve: Serve, seconds: float, reading: float, writing: float, own: float
) -> None:
    """Reading has 60 %. A request has a third of what is left, 1 to 12 s; the last have a reserve.

    The reserve is 15 % of the run, 3 s at most, for late last_reads, and as much for the exporter's
    own series.
    """
    seen = timeouts(serve({"projects": [SHOP]}), seconds)
    assert seen == pytest.approx(
        {
            "ListLocations": reading,
            "ListStreams": reading,
            "location/up": writing,
            "stream/state": writing,
            "location/last_read": writing,
            "exporter/last_run": own,
        }
    )


def test_discovery_leaves_time_for_the_locations_that_are_known(serve: Serve) -> None:
    """Where an earlier run found locations, discovering them again may take a third of reading."""
    lab = serve({"projects": [SHOP]})
    seen = timeouts(lab, 50, fallback={"shop-prod": ("europe-west1",)})
    assert (seen["ListLocations"], seen["ListStreams"]) == pytest.approx((10, 30))
    assert "ListLocations" not in timeouts(lab, 50, known={"shop-prod": ("europe-west1",)})


def test_a_call_that_hangs_is_made_again_after_a_third_of_the_time(serve: Serve) -> None:
    """The second has the rest of it, and the first goes on."""
    hangs_once = {"method": "ListStreams", "latency": "10m", "times": 1}
    lab = serve({"projects": [SHOP], "faults": [hangs_once]})
    noted = Timeouts()
    with noted.clients(lab.cloud) as clients:
        api = Datastream(clients.datastream, Calls())
        read = api.streams(EUROPE, lambda _id: True, Deadline.after(1.5))
    assert [stream.id for stream in read] == ["orders"]
    assert noted.tries == pytest.approx([1.5, 1.0])


def test_the_region_is_waited_for_for_three_seconds(serve: Serve) -> None:
    """It was asked for when the process started; a run has no more time to lose for it."""
    asked: list[float] = []

    class Asked(Task):
        def located(self, deadline: Deadline) -> ExporterName:
            asked.append(deadline.left)
            return self.exporter

    lab = serve({"projects": [SHOP]})
    config = Config.model_validate({"metrics": SOURCE, "sources": [SOURCE]})
    task = Asked(ExporterName("global", "exporter", "0"))
    Run(lab.clients, config, task, Deadline.after(50)).measure()
    assert asked == [3.0]
