"""Deploys policies in an emulator, and serves its REST side.

Prometheus evaluates queries and incidents with the emulator's points. Incidents open
and close as lab/prove/incidents.py says.
"""

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from google.cloud import monitoring_v3

from exporter.config import Config
from exporter.logger import LOGGER
from exporter.states import StreamState
from lab.emulator.emulator import Emulator
from lab.policies.deployment import Deployed, is_created
from lab.policies.files import Policy
from lab.policies.model import MINUTE
from lab.policies.promql import promql_name
from lab.prove.engine import Engine, QueryError, check_installed, start_engine
from lab.prove.incidents import firing_intervals
from lab.simulate.series import FRESHNESS, Series, SeriesSet
from lab.verify.rest import REST_EMULATOR

# A project, and what Prometheus is asked, or a log metric; without that, the project's
# incidents
_PATH = re.compile(
    r"/v[123]/projects/([^/]+)/"
    r"(?:location/global/prometheus(/.+)|metrics/(.+)|alerts(?:\?.*)?)"
)


def deploy(emulator: Emulator, config: Config, policies: Iterable[Policy]) -> None:
    """Add the policies that Terraform deploys for a config.

    They notify the first channel of its metrics project.
    """
    project, name = config.metrics.project, config.run.name
    deployed = Deployed(project, name, name, config.run.location)
    alerting = emulator.metrics_project(project)
    channels = [each.name for each in alerting.notification_channels[:1]]
    if not channels:
        LOGGER.warning(
            "The policies have no channels: in this world, projects/%s has no"
            " notification_channels.",
            project,
        )
    for policy in policies:
        if not (policy.enabled and is_created(policy.needs, config)):
            continue
        given = monitoring_v3.AlertPolicy.pb(monitoring_v3.AlertPolicy(policy.proto))
        given.name = f"projects/{project}/alertPolicies/{policy.name}"
        given.notification_channels[:] = channels
        if policy.query:
            promql = given.conditions[0].condition_prometheus_query_language
            promql.query = deployed.fill_in(policy.query)
        alerting.alert_policies.append(given)


@contextmanager
def serve_rest(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Serve on loopback while the block runs; it gets the variable that leads here.

    Raise NotInstalledError.
    """
    check_installed()
    with ThreadPoolExecutor() as pool, _Server(emulator) as server:
        pool.submit(server.serve_forever, 0.01)
        try:
            yield {REST_EMULATOR: f"127.0.0.1:{server.server_port}"}
        finally:
            server.shutdown()


class _Server(HTTPServer):
    """Answers one request after the other, by a Prometheus with all points."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator = emulator
        self._running = ExitStack()  # runs the engine
        self._writes = -1  # how many there were when the engine started

    def engine(self) -> Engine:
        """Return the engine; a new one after a write, as it takes no more points."""
        writes = self.emulator.calls["CreateTimeSeries"]
        if writes != self._writes:
            self._running.close()
            series = _all_series(self.emulator)
            self._engine = self._running.enter_context(start_engine(series, 0))
            self._writes = writes
        return self._engine

    def server_close(self) -> None:
        """Stop the engine, too."""
        self._running.close()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = _PATH.fullmatch(self.path)
        if not found:
            self.send_error(404)
            return
        project, asked, metric = found.groups()
        engine = self.server.engine()
        if asked:
            with closing(HTTPConnection(engine.address)) as connection:
                connection.request("GET", asked)
                response = connection.getresponse()
                status, answer = response.status, response.read()
        elif metric:
            status, answer = 200, b"{}"
            if not self.server.emulator.metrics_project(project).has_log_metrics:
                status, answer = 404, b'{"error": {"message": "Not found."}}'
        else:
            alerts = [*_open_alerts(self.server.emulator, project, engine)]
            status, answer = 200, json.dumps({"alerts": alerts}).encode()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_about: object) -> None:
        """Say nothing."""


def _all_series(emulator: Emulator) -> Iterable[Series]:
    """Return the emulator's points, and the freshness of each stream that runs now.

    Freshness is Datastream's own metric. It is measured once a minute.
    """
    found = SeriesSet()
    for point in emulator.points():
        labels = point.resource_labels | point.metric_labels
        labels["monitored_resource"] = point.resource_type
        series = found.series(promql_name(point.metric_type), labels)
        series.add(point.time, point.time, point.value)
    for location in emulator.fleet().locations.values():
        for stream in location.streams.values():
            if stream.state != StreamState.RUNNING or stream.freshness is None:
                continue
            labels = {
                "monitored_resource": "datastream.googleapis.com/Stream",
                "resource_container": location.project,
                "location": location.id,
                "stream_id": stream.id,
            }
            series = found.series(FRESHNESS, labels)
            for at in range(int(emulator.started), int(emulator.clock()) + 1, MINUTE):
                series.add(at, at, stream.freshness)
    return found.values()


def _open_alerts(emulator: Emulator, project: str, engine: Engine) -> Iterator[Any]:
    """Yield the incidents that are open now, as the API has them."""
    start = int(emulator.started)
    for policy in emulator.metrics_project(project).alert_policies:
        promql = policy.conditions[0].condition_prometheus_query_language
        interval = promql.evaluation_interval.seconds
        if not interval:  # a policy on a log
            continue
        last = start + emulator.seconds() // interval * interval
        try:
            found = engine.query_range(promql.query, start, last, interval)
        except QueryError:  # Google takes no such policy
            continue
        for series in found:
            for opened, closed in firing_intervals(
                series.values,
                retest_window=promql.duration.seconds,
                interval=interval,
                last=last,
            ):
                if closed is None:
                    yield {
                        "name": f"projects/{project}/alerts/{opened:.0f}",
                        "openTime": datetime.fromtimestamp(opened, UTC).isoformat(),
                        "metric": {"labels": series.labels},
                        "policy": {"name": policy.name},
                    }
