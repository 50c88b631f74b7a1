"""The function on Google's real server: what it answers, and what ends and replaces it."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from exporter.function import serve
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault
from tests.exporter.function.conftest import CONFIG, PLENTY, POINTS, PREFIX, Start, values

MIB = 1024 * 1024
NO_REQUESTS = [
    b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n" * 1000,
    b"POST\r\n\r\n",
    b"POST / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /\xff\xfe%zz?\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
]
FORGED = {
    "message": {
        "data": "eyJwcm9qZWN0IjogInZpY3RpbSIsICJzdHJlYW1zIjogWyIqIl19",
        "attributes": {"project": "victim", "config": "metrics: {project: victim}"},
    },
    "subscription": "projects/victim/subscriptions/all",
}


def test_a_post_is_one_run(start: Start, cloud: Emulator) -> None:
    """It answers 200 once every point is written; on Cloud Run, each log entry is a line of JSON.

    What the request holds changes nothing.
    """
    server = start({"K_SERVICE": "exporter"})
    response = server.request("/log?run=false", json.dumps(FORGED).encode())
    numbers = response.body
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    assert (numbers.pop("complete"), numbers["streams"]) == (True, 3)
    assert numbers["written"] == len(cloud.points()) == POINTS
    assert {point.project for point in cloud.points()} == {"metrics-prod"}
    *_, last = map(json.loads, server.log_text.splitlines())
    assert last["severity"] == "INFO"
    assert last.items() >= numbers.items()


def test_what_is_no_request_for_a_run_starts_none(start: Start, cloud: Emulator) -> None:
    """It is 404, 405 or refused, nothing is called or logged, and no body is kept in memory.

    A worker that stood still for longer than the timeout, as Cloud Run lets it, is not killed.
    """
    server = start({"CLOUD_RUN_TIMEOUT_SECONDS": "1"})
    worker = server.worker
    for path in ("/run", "/log/", "/LOG", "/../log", "/%00", "/favicon.ico"):
        assert server.request(path).status == 404, path
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
        for path in ("/", "/log"):
            response = server.request(path, method=method)
            assert (response.status, response.headers["Allow"]) == (405, "POST"), method
    assert server.request(method="GET").body == {"errors": ["GET starts no run: use POST"]}
    for data in NO_REQUESTS:
        server.send(data)
    server.signal(signal.SIGSTOP)
    time.sleep(2.5)
    server.signal(signal.SIGCONT)
    assert server.request("/a", (b"x" * MIB for _ in range(300))).status == 404
    assert server.worker == worker
    assert (server.log_text, cloud.call_log) == ("", [])
    assert server.end() < 300


def test_sigterm_lets_the_run_end(start: Start, cloud: Emulator) -> None:
    """The run under way writes all of its points and is answered; then the server ends well."""
    cloud.add_fault(Fault(method="CreateTimeSeries", latency=1, times=1))
    server = start()
    with ThreadPoolExecutor() as pool:
        request = pool.submit(server.request)
        server.wait_for(lambda: cloud.calls["CreateTimeSeries"] > 0)
        server.process.terminate()
        assert request.result().body["written"] == POINTS
    assert server.process.wait(PLENTY) == 0
    assert len(cloud.points()) == POINTS
    assert "Traceback" not in server.log_text


def test_a_worker_killed_in_a_run_is_replaced_and_leaves_nothing_false(
    start: Start, cloud: Emulator
) -> None:
    """No last_read stands over a missing last_seen; the next request is a run of a new worker."""
    cloud.add_fault(Fault(method="ListStreams", location="us-east1", latency=PLENTY, times=1))
    server = start()
    with ThreadPoolExecutor() as pool:
        request = pool.submit(server.request)
        server.wait_for(lambda: bool(values(cloud, "location/last_read")))
        os.kill(server.worker, signal.SIGKILL)
        with pytest.raises(ConnectionError):
            request.result()
    assert len(values(cloud, "stream/last_seen")) == 2
    assert values(cloud, "location/last_read").keys() == {("europe-west1", "datastream")}
    assert not cloud.points(PREFIX + "exporter/last_run")
    assert server.request().body["streams"] == 3


def request(**parts: Any) -> Request:
    """Return a request for a run."""
    return Request(EnvironBuilder(path="/", method="POST", **parts).get_environ())


@pytest.mark.parametrize("on_cloud_run", [True, False])
def test_the_log_goes_where_it_is_read(
    capfd: pytest.CaptureFixture[str], *, on_cloud_run: bool
) -> None:
    """On Cloud Run to stdout, as JSON; elsewhere to stderr. The server doesn't see the timeout."""
    environ = {"DATASTREAM_EXPORTER_CONFIG": "{}", "CLOUD_RUN_TIMEOUT_SECONDS": "55"}
    if on_cloud_run:
        environ["K_SERVICE"] = "exporter"
    body, status, _ = serve(environ)(request())
    assert "CLOUD_RUN_TIMEOUT_SECONDS" not in environ
    errors = json.loads("".join(body))["errors"]
    assert status == 500
    out, err = capfd.readouterr()
    if on_cloud_run:
        assert [json.loads(line)["message"] for line in out.splitlines()] == errors
        assert err == ""
    else:
        assert err.splitlines() == [f"error: {each}" for each in errors]
        assert out == ""


def test_a_caller_that_leaves_costs_nothing(cloud: Emulator) -> None:
    """Its body can't be read to the end; its run is made all the same."""

    class Left(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    run = serve({"DATASTREAM_EXPORTER_CONFIG": CONFIG, **cloud.environ})
    body, status, headers = run(request(input_stream=Left(), content_length=9))
    assert (status, headers["Content-Length"]) == (200, str(len("".join(body))))
    assert len(cloud.points()) == POINTS
