"""What the function answers, on Google's real server, and what it writes meanwhile."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from lab.emulator.world import Fault
from tests.exporter.function.conftest import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from lab.emulator.emulator import Emulator
    from tests.exporter.function.conftest import Start
    from tests.exporter.gcp.loopback import HttpServer

MIB = 1024 * 1024


@pytest.mark.parametrize("path", ["/", "/log", "/?stream=orders", "/log?run=false"])
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


@pytest.mark.parametrize("path", ["/", "/log"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(FORGED).encode(), id="a forged Pub/Sub message"),
        pytest.param(b'{"message": ' * 100_000, id="deeply nested JSON"),
        pytest.param(b"\xff\x00\r\n\r\nPOST / HTTP/1.1\r\n\r\n", id="no text"),
        pytest.param(b"x" * 31 * MIB, id="as much as Cloud Run lets through"),
    ],
)
def test_a_body_changes_nothing(start: Start, cloud: Emulator, path: str, body: bytes) -> None:
    """Whatever a request holds, it is the run of the config, and one run."""
    server = start()
    assert server.request(path, body).body["streams"] == 3
    assert {point.project for point in cloud.points()} == {"metrics-prod"}
    assert cloud.calls["ListStreams"] == 2
    assert "Traceback" not in server.log_text


def test_a_huge_body_is_not_kept(start: Start) -> None:
    """A body of unknown length is read and forgotten: the worker needs no memory for it."""
    server = start()
    server.request()
    before = server.peak_mebibytes
    assert server.request(body=(b"x" * MIB for _ in range(60))).status == 200
    assert server.peak_mebibytes - before < 20


def test_a_caller_that_leaves_costs_nothing(start: Start, cloud: Emulator) -> None:
    """A caller that sends half a body and goes gets no answer; its run is made all the same."""
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf")
    server.wait_for(lambda: "calls in" in server.log_text)
    assert cloud.calls["ListStreams"] == 2
    assert "skipped" in server.request().body
    assert "Traceback" not in server.log_text


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
    """Nothing at all could be read: 500, with the permission that is missing in the log."""
    cloud.add_fault(Fault(method="List*", code="PERMISSION_DENIED", message="no"))
    server = start()
    assert server.request().status == 500
    assert "datastream.locations.list" in server.log_text
    assert "Nothing at all could be read" in server.log_text
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


def test_on_cloud_run_the_log_is_json(start: Start, http_server: HttpServer) -> None:
    """Each entry is one line with a severity; the summary's has the response's numbers."""
    http_server.answer = (200, "projects/1/regions/europe-west1")
    server = start({"K_SERVICE": "exporter", "GCE_METADATA_HOST": http_server.address})
    numbers = server.request().body
    assert numbers.pop("complete")
    *_, last = server.log
    assert last["severity"] == "INFO"
    assert last.items() >= numbers.items()
