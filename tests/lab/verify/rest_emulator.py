"""An emulator's REST side: Prometheus answers queries, and finds incidents.

They open and close as lab/prove/incidents.py says, for the policies that the emulator
lists.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from exporter.config import Endpoints
from exporter.google.clients import Clients
from exporter.google.errors import CallError
from lab.backtest.read import Reader
from lab.emulator.emulator import Emulator
from lab.policies.model import DAY
from lab.policies.promql import known_series
from lab.prove.engine import Engine, QueryError, start_engine
from lab.prove.incidents import firing_intervals
from lab.timeline.spans import Period
from lab.verify.rest import REST_EMULATOR


@contextmanager
def serve_rest(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Serve on loopback while the block runs; it gets the variable that leads here."""
    with (
        ExitStack() as engines,
        Clients(Endpoints(), emulator.environ) as clients,
    ):

        @lru_cache(maxsize=1)
        def engine(project: str, _writes: int) -> Engine:
            """Start Prometheus with all visible points: another one after a write."""
            engines.close()
            now = emulator.clock()
            types = {known.type for known in known_series().values()}
            reader = Reader(clients.monitoring, project, Event())
            series = reader.read(types, Period(now - DAY, now))
            for each in series:
                # The emulator has kept back what is not visible yet.
                own = [one._replace(visible_at=one.time) for one in each.samples]
                each.samples = own
            return engines.enter_context(start_engine(series))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                asked = parse_qs(url.query)
                project = url.path.split("/")[3]
                code = 200
                try:
                    writes = emulator.calls["CreateTimeSeries"]
                    prometheus = engine(project, writes)
                    if "query" in asked:
                        answer = _query(prometheus, asked)
                    else:
                        answer = _alerts(emulator, project, prometheus)
                except (CallError, QueryError) as error:
                    code = 400
                    answer = {"error": str(error)}
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_about: object) -> None:
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            serving = Thread(target=server.serve_forever, args=(0.01,))
            serving.start()
            try:
                yield {REST_EMULATOR: f"127.0.0.1:{server.server_port}"}
            finally:
                server.shutdown()
                serving.join()


def _query(engine: Engine, asked: dict[str, list[str]]) -> Any:
    """Return the JSON of a query's answer."""
    at = float(asked["time"][0])
    query = asked["query"][0]
    result = [
        {"metric": series.labels, "value": [at, series.values[at]]}
        for series in engine.query_range(query, at, at, step=1)
    ]
    return {"data": {"result": result}}


def _alerts(emulator: Emulator, project: str, engine: Engine) -> Any:
    """Return the JSON of the incidents that are open now."""
    start = int(emulator.started)
    alerts = []
    for policy in emulator.metrics_project(project).alert_policies:
        promql = policy.conditions[0].condition_prometheus_query_language
        interval = promql.evaluation_interval.seconds
        works = policy.enabled.value and not policy.HasField("validity")
        if not works or not interval:
            continue
        evaluations = emulator.seconds() // interval
        last = start + evaluations * interval
        for series in engine.query_range(promql.query, start, last, interval):
            for opened, closed in firing_intervals(
                series.values,
                retest_window=promql.duration.seconds,
                interval=interval,
                last=last,
            ):
                if closed is None:
                    alert = {
                        "openTime": datetime.fromtimestamp(opened, UTC).isoformat(),
                        "metric": {"labels": series.labels},
                        "policy": {"name": policy.name},
                    }
                    alerts.append(alert)
    return {"alerts": alerts}
