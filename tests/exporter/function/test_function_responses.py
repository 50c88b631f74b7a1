"""What the function answers, on Google's real server, and what it writes meanwhile."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, cast

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from exporter.function import Function, serve
from lab.emulator.emulator import Emulator
from lab.emulator.world import Fault, World
from tests.exporter.function.conftest import CONFIG, WORLD, on_clock
from tests.outputs import Printed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exporter.function.conftest import Clock, Start
    from tests.exporter.gcp.loopback import HttpServer

MIB = 1024 * 1024


@pytest.mark.parametrize("path", ["/", "/log?run=false"])
def test_a_post_is_one_run(start: Start, cloud: Emulator, path: str) -> None:
    """POST answers 200 with the summary's numbers, once every point is written."""
    response = start().request(path)
    assert response.status == 200
    assert response.body["complete"] is True
    assert response.body["streams"] == 3
    assert response.body["written"] == len(cloud.points())
    assert response.headers["Content-Type"] == "application/json"


def test_other_paths_and_methods_start_no_run(start: Start, cloud: Emulator) -> None:
    """404 for what is not served, 405 for anything but POST; nothing is called or logged."""
    server = start()
    for path in ("/run", "/log/", "/LOG", "/../log", "/%00", "/favicon.ico"):
        assert server.request(path).status == 404, path
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
        for path in ("/", "/log"):
            response = server.request(path, method=method)
            assert (response.status, response.headers["Allow"]) == (405, "POST"), method
    assert server.request(method="GET").body == {"errors": ["GET starts no run: use POST"]}
    assert not cloud.call_log
    assert not server.log_text


FORGED = {
    "message": {
        "data": "eyJwcm9qZWN0IjogInZpY3RpbSIsICJzdHJlYW1zIjogWyIqIl19",
        "attributes": {"project": "victim", "config": "metrics: {project: victim}"},
    },
    "subscription": "projects/victim/subscriptions/all",
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(FORGED).encode(), id="a forged Pub/Sub message"),
        pytest.param(b'{"message": ' * 100_000, id="deeply nested JSON"),
        pytest.param(b"\xff\x00\r\n\r\nPOST / HTTP/1.1\r\n\r\n", id="no text"),
        pytest.param(b"x" * 31 * MIB, id="as much as Cloud Run lets through"),
    ],
)
def test_a_body_changes_nothing(start: Start, cloud: Emulator, body: bytes) -> None:
    """Whatever a request holds, it is the run of the config, and one run."""
    server = start()
    assert server.request("/log", body).body["streams"] == 3
    assert {point.project for point in cloud.points()} == {"metrics-prod"}
    assert cloud.calls["ListStreams"] == 2
    assert "Traceback" not in server.log_text


def test_a_huge_body_is_not_kept(start: Start) -> None:
    """A body of unknown length is read and forgotten: the worker needs no memory for it."""
    server, other = start(), start()
    assert server.request(body=(b"x" * MIB for _ in range(60))).status == 200
    other.request()
    assert server.end() - other.end() < 20


def test_a_caller_that_leaves_costs_nothing(start: Start, cloud: Emulator) -> None:
    """A caller that sends half a body and goes gets no answer; its run is made all the same."""
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf")
    server.wait_for(lambda: "calls in" in server.log_text)
    assert cloud.calls["ListStreams"] == 2
    assert "skipped" in server.request().body
    assert "Traceback" not in server.log_text


NO_REQUESTS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "empty lines": b"\r\n" * 1000,
    "no path": b"POST\r\n\r\n",
    "a future version": b"POST / HTTP/9.9\r\nHost: x\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "no chunks": b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bytes in a path": b"GET /\xff\xfe%zz?\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
}


def test_what_is_no_request_is_refused(start: Start, cloud: Emulator) -> None:
    """It starts no run, logs no traceback, and the next request is a run."""
    server = start()
    for name, sent in NO_REQUESTS.items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as caller:
            caller.sendall(sent)
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(65536):
                pass
        assert not cloud.call_log, name
        assert not server.log_text, name
    assert server.request().body["streams"] == 3


def test_what_is_lost_is_a_500(start: Start, cloud: Emulator) -> None:
    """A run that loses points answers 500 with its numbers; the log says which and why."""
    cloud.add_fault(Fault(method="CreateTimeSeries", code="PERMISSION_DENIED", message="no"))
    server = start()
    response = server.request()
    assert response.status == 500
    assert (response.body["complete"], response.body["written"]) == (False, 0)
    assert response.body["lost"] > 0
    assert "roles/monitoring.metricWriter" in server.log_text
    assert "Traceback" not in server.log_text


def test_no_permission_to_read(start: Start, cloud: Emulator) -> None:
    """Nothing could be read: 500, with the permission that is missing in the log."""
    cloud.add_fault(Fault(method="List*", code="PERMISSION_DENIED", message="no"))
    server = start()
    assert server.request().status == 500
    assert "datastream.locations.list" in server.log_text
    assert "Nothing could be read: " in server.log_text
    assert "Traceback" not in server.log_text


def test_no_credentials(start: Start, cloud: Emulator) -> None:
    """Each request tries again, and says that there are none and how to get some."""
    server = start(dict.fromkeys(cloud.environ, ""))
    for _ in range(2):
        response = server.request()
        assert response.status == 500
        (sentence,) = response.body["errors"]
        assert "credentials" in sentence
    assert server.log_text == f"error: {sentence}\n" * 2


def test_a_mistake_in_config(start: Start, tmp_path: Path) -> None:
    """The response and the log hold the usual messages, all at once.

    Once the file is corrected, the next request is a run, without a new instance.
    """
    file = tmp_path / "config.yaml"
    file.write_text("sources: [{project: shop-prod, locations: [mars]}]\nrun: {deadline: soon}\n")
    server = start({"DATASTREAM_EXPORTER_CONFIG": ""})
    response = server.request()
    assert response.status == 500
    errors = response.body["errors"]
    assert len(errors) == 3
    assert all(each.startswith("config.yaml:") for each in errors)
    assert server.log_text == "".join(f"error: {each}\n" for each in errors)
    file.write_text(CONFIG)
    assert server.request().body["streams"] == 3


def test_a_region_that_was_not_to_be_had_is_asked_for_again(
    cloud_at: Emulator, clock: Clock, http_server: HttpServer
) -> None:
    """Everything but the exporter's own series is written meanwhile, and the answer is a 500."""
    http_server.answer = (503, "")
    environ = {"K_SERVICE": "exporter", "GCE_METADATA_HOST": http_server.address}
    with on_clock(clock, {**cloud_at.environ, **environ}) as function:
        without = function.answer("POST", "/")
        assert (without.status, without.body["streams"]) == (500, 3)
        assert not cloud_at.points("custom.googleapis.com/datastream/exporter/last_run")
        http_server.answer = (200, "projects/1/regions/europe-west1")
        clock.now += 60
        assert function.answer("POST", "/").status == 200
    (last_run,) = cloud_at.points("custom.googleapis.com/datastream/exporter/last_run")
    assert last_run.resource_labels["location"] == "europe-west1"


def test_an_unexpected_error(cloud_at: Emulator, clock: Clock) -> None:
    """The log has one entry with its traceback, the response has none, and the next run is well."""
    environ = {
        "DATASTREAM_EXPORTER_CONFIG": CONFIG,
        "DATASTREAM_EXPORTER_RUN__LOCATION": "europe-west1",
        "K_SERVICE": "exporter",
        **cloud_at.environ,
    }
    times: list[float] = []

    def late() -> float:
        return times.pop()

    log = Printed()
    with Function(environ, log, monotonic=clock, now=late) as function:
        answer = function.answer("POST", "/")
        sentence = "the exporter failed unexpectedly; its log says where"
        assert answer == (500, {"errors": (sentence,)})
        *_, entry = map(json.loads, log.getvalue().splitlines())
        assert entry["severity"] == "ERROR"
        assert entry["message"].endswith("IndexError: pop from empty list")
        clock.now += 60
        times.append(clock.now)
        assert function.answer("POST", "/").status == 200


def test_a_change_is_logged_once(clock: Clock) -> None:
    """The function remembers what it saw: a failure is one entry, said again after ten minutes."""
    world = {**WORLD, "events": [{"at": "90s", "stream": "stock", "do": "fail", "reason": "GONE"}]}
    log = Printed()
    with (
        Emulator(World.model_validate(world), clock=clock) as cloud,
        on_clock(clock, cloud.environ, log) as function,
    ):
        for _ in range(15):
            function.answer("POST", "/")
            clock.now += 60
    about = [line for line in log.getvalue().splitlines() if "streams/stock" in line]
    assert len(about) == 2
    assert "RUNNING → FAILED" in about[0]
    assert all("GONE" in line for line in about)


def test_on_cloud_run_the_log_is_json(start: Start, http_server: HttpServer) -> None:
    """Each entry is one line with a severity; the summary's has the response's numbers."""
    http_server.answer = (200, "projects/1/regions/europe-west1")
    server = start({"K_SERVICE": "exporter", "GCE_METADATA_HOST": http_server.address})
    numbers = server.request().body
    assert numbers.pop("complete")
    *_, last = server.log
    assert last["severity"] == "INFO"
    assert last.items() >= numbers.items()


def request() -> Request:
    """Return a request for a run."""
    return Request(EnvironBuilder(path="/", method="POST").get_environ())


@pytest.mark.parametrize("on_cloud_run", [True, False])
def test_the_log_goes_where_it_is_read(
    capfd: pytest.CaptureFixture[str], *, on_cloud_run: bool
) -> None:
    """On Cloud Run to stdout, as JSON; elsewhere to stderr. The server doesn't see the timeout."""
    environ = {"DATASTREAM_EXPORTER_CONFIG": "{}", "CLOUD_RUN_TIMEOUT_SECONDS": "55"}
    run = serve(environ | {"K_SERVICE": "exporter"} if on_cloud_run else environ)
    assert on_cloud_run or environ.keys() == {"DATASTREAM_EXPORTER_CONFIG"}
    body, status, _ = run(request())
    errors = json.loads("".join(body))["errors"]
    assert status == 500
    printed = capfd.readouterr()
    if on_cloud_run:
        assert [json.loads(line)["message"] for line in printed.out.splitlines()] == errors
        assert printed.err == ""
    else:
        assert printed.err.splitlines() == [f"error: {each}" for each in errors]
        assert printed.out == ""


def test_a_run_ends_five_seconds_before_the_requests_timeout(cloud: Emulator) -> None:
    """Cloud Run would cut it off at seven, so what hangs is given up in the first two."""
    cloud.add_fault(Fault(method="ListStreams", latency=600))
    environ = {
        "DATASTREAM_EXPORTER_CONFIG": CONFIG,
        "CLOUD_RUN_TIMEOUT_SECONDS": "7",
        **cloud.environ,
    }
    with Function(environ, Printed()) as function:
        assert cast("float", function.answer("POST", "/").body["seconds"]) < 6
