"""Deploys policies in an emulator, and serves its REST side: queries and incidents.

Prometheus evaluates both with the emulator's points. Incidents open and close as
lab/prove/incidents.py says.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from google.cloud import monitoring_v3

from exporter.config import load
from exporter.states import StreamState
from lab.emulator.emulator import Emulator
from lab.policies.deployment import Deployed, is_created
from lab.policies.files import Policy
from lab.policies.model import MINUTE
from lab.policies.promql import promql_name
from lab.prove.engine import Engine, QueryError, check_installed, start_engine
from lab.prove.incidents import firing_intervals
from lab.simulate.series import FRESHNESS, SeriesSet
from lab.verify.rest import REST_EMULATOR

# A project, and what Prometheus is asked; without that, the project's incidents
_PATH = re.compile(
    r"/v[13]/projects/([^/]+)/(?:location/global/prometheus(/.+)|alerts(?:\?.*)?)"
)


def deploy(
    emulator: Emulator, environ: Mapping[str, str], policies: Iterable[Policy]
) -> str:
    """Add the policies that Terraform deploys for a config; return their project.

    They notify its first channel. Raise InputError where the environment has no config.
    """
    config = load(None, environ)
    project, name = config.metrics.project, config.run.name
    deployed = Deployed(project, name, name, config.run.location)
    alerting = emulator.metrics_project(project)
    channels = [each.name for each in alerting.notification_channels[:1]]
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
    return project


@contextmanager
def serve_rest(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Serve on loopback while the block runs; it gets the variable that leads here.

    Raise NotInstalledError.
    """
    check_installed()
    engines = ExitStack()

    @lru_cache(maxsize=1)
    def engine(_writes: int) -> Engine:
        """Start Prometheus with all points: another one after a write."""
        engines.close()
        series = SeriesSet()
        for point in emulator.points():
            labels = point.resource_labels | point.metric_labels
            labels["monitored_resource"] = point.resource_type
            name = promql_name(point.metric_type)
            series.series(name, labels).add(point.time, point.time, point.value)
        _add_freshness(series, emulator)
        return engines.enter_context(start_engine(series.values(), 0))

    def answer(project: str, asked: str | None) -> tuple[int, Any]:
        """Return a status, and what becomes JSON."""
        prometheus = engine(emulator.calls["CreateTimeSeries"])
        if not asked:
            return 200, {"alerts": [*_open_alerts(emulator, project, prometheus)]}
        with closing(HTTPConnection(prometheus.address)) as connection:
            connection.request("GET", asked)
            response = connection.getresponse()
            return response.status, json.load(response)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = _PATH.fullmatch(self.path)
            if not found:
                self.send_error(404)
                return
            code, answered = answer(*found.groups())
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answered).encode())

        def log_message(self, *_about: object) -> None:
            """Say nothing."""

    with (
        engines,
        ThreadPoolExecutor() as pool,
        HTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        pool.submit(server.serve_forever, 0.01)
        try:
            yield {REST_EMULATOR: f"127.0.0.1:{server.server_port}"}
        finally:
            server.shutdown()


def _add_freshness(series: SeriesSet, emulator: Emulator) -> None:
    """Add Datastream's own freshness of each stream that runs now, once a minute."""
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
            measured = series.series(FRESHNESS, labels)
            for at in range(int(emulator.started), int(emulator.clock()) + 1, MINUTE):
                measured.add(at, at, stream.freshness)


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
