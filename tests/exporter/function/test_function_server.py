"""The function on Google's real server: what it answers, and how it ends."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from exporter.function import serve
from exporter.process import USAGE
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault
from tests.exporter.function.conftest import CONFIG, CONFIG_TEXT, POINTS
from tests.exporter.function.server import Server
from tests.tables import rows

MIB = 1024 * 1024
Start = Callable[..., Server]


def test_a_post_is_one_run(start: Start, cloud: Emulator) -> None:
    """A POST is answered 200 once every point is written, and logged as JSON lines."""
    server = start(K_SERVICE="exporter")
    response = server.request("/?run=false", b'{"project": "x"}')
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    numbers = response.body
    assert numbers.pop("complete")
    assert numbers["streams"] == 3
    assert numbers["written"] == len(cloud.points()) == POINTS
    assert {point.project for point in cloud.points()} == {"metrics-project"}
    *_, last = map(json.loads, server.log_text.splitlines())
    assert last["severity"] == "INFO"
    assert last.items() >= numbers.items()


@rows
def test_a_mistake_ends_the_start(
    tmp_path: Path, environ: dict[str, str], mistakes: int
) -> None:
    """With a mistake the function never listens, and each mistake is a log entry."""
    with closing(Server(environ, tmp_path / "function.log")) as server:
        while server.process.poll() is None:
            assert not server.listens()
            time.sleep(0.05)
    entries = [json.loads(line) for line in server.log_text.splitlines()]
    assert server.process.returncode == USAGE
    assert len(entries) == mistakes
    for entry in entries:
        assert entry["severity"] == "ERROR"
        assert entry["message"].startswith(
            (CONFIG_TEXT, f"environment: {[*environ][-1]}")
        )


def test_what_is_no_request_for_a_run_starts_none(
    start: Start, cloud: Emulator
) -> None:
    """Any other request is 404 or 405, calls nobody, and keeps no body in memory."""
    server = start(CLOUD_RUN_TIMEOUT_SECONDS="10")
    for path in ("/run", "/run/", "/../run", "/%00", "/favicon.ico"):
        assert server.request(path).status == 404, path
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
        response = server.request("/", method=method)
        assert response.status == 405, method
        assert response.headers["Allow"] == "POST", method
    # A caller may leave before it has sent its body.
    server.leave("/a")
    assert server.request("/a", (b"x" * MIB for _ in range(150))).status == 404
    assert server.log_text == ""
    assert cloud.call_log == []
    assert server.end() < 150


def test_a_worker_that_stands_still_is_not_killed() -> None:
    """The framework would have gunicorn kill it after the request's timeout."""
    environ = {CONFIG_TEXT: CONFIG, "CLOUD_RUN_TIMEOUT_SECONDS": "55"}
    serve(environ)
    assert environ == {CONFIG_TEXT: CONFIG}


def test_sigterm_lets_the_run_end(start: Start, cloud: Emulator) -> None:
    """On SIGTERM, the run under way writes all points and is answered."""
    cloud.add_fault(Fault(method="CreateTimeSeries", latency=1, times=1))
    server = start()
    with ThreadPoolExecutor() as pool:
        request = pool.submit(server.request)
        server.wait_for(lambda: cloud.calls["CreateTimeSeries"] > 0)
        server.process.terminate()
        assert request.result().body["written"] == POINTS
    assert server.process.wait() == 0
    assert len(cloud.points()) == POINTS
    assert "Traceback" not in server.log_text
