"""What Cloud Run tells the process that it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.google import cloud_run
from exporter.google.calls import Deadline
from exporter.google.errors import CallError, FailureKind
from exporter.shard import Shard
from tests.exporter.gcp.loopback import dripping, speaking
from tests.exporter.read.worlds import PLENTY

if TYPE_CHECKING:
    from tests.exporter.gcp.loopback import HttpServer

JOB = {"CLOUD_RUN_JOB": "datastream-exporter"}


@pytest.fixture
def metadata(http_server: HttpServer) -> HttpServer:
    """Return a metadata server of europe-west1."""
    http_server.answer = (200, "projects/123/regions/europe-west1")
    return http_server


def on_cloud_run(address: str) -> dict[str, str]:
    """Return the environment of a job whose metadata server is at an address."""
    return JOB | {"GCE_METADATA_HOST": address}


def region(environ: dict[str, str]) -> str:
    """Return the region of a process with this environment."""
    return cloud_run.Region(environ).get(Deadline.after(PLENTY))


@pytest.mark.parametrize(
    ("environ", "here"),
    [
        ({}, False),
        ({"CLOUD_RUN_JOB": ""}, False),
        (JOB, True),
        ({"CLOUD_RUN_WORKER_POOL": "exporter"}, True),
    ],
)
def test_jobs_and_worker_pools_are_cloud_run(environ: dict[str, str], *, here: bool) -> None:
    """Elsewhere neither variable is set."""
    assert cloud_run.here(environ) is here


def test_the_region_comes_from_the_metadata_server(metadata: HttpServer) -> None:
    """Its last part is the region; the header that the server insists on is sent."""
    assert region(on_cloud_run(metadata.address)) == "europe-west1"
    ((path, headers, _),) = metadata.requests
    assert path == "/computeMetadata/v1/instance/region"
    assert headers["Metadata-Flavor"] == "Google"


def test_elsewhere_nobody_is_asked_for_a_region(metadata: HttpServer) -> None:
    """It is ``global``."""
    assert region({"GCE_METADATA_HOST": metadata.address}) == "global"
    assert not metadata.requests


def test_no_proxy_stands_between_the_metadata_server_and_us(
    metadata: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names for other requests is not asked for this one."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert region(on_cloud_run(metadata.address)) == "europe-west1"


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_metadata_server_that_refuses_makes_up_no_region(
    metadata: HttpServer, status: int
) -> None:
    """It is asked a few times, then the run cannot know what its series are called."""
    metadata.answer = (status, "no")
    with pytest.raises(CallError) as caught:
        region(on_cloud_run(metadata.address))
    assert len(metadata.requests) == 4
    failure = caught.value.failure
    assert failure.kind is FailureKind.UNAVAILABLE
    assert metadata.address in failure.message
    assert str(status) in failure.message
    assert "Set run.location in config.yaml" in failure.hint


@pytest.mark.parametrize(
    "answer",
    [
        "<html>Log in</html>",
        "",
        "europe-west1",
        "projects/1/regions/",
        "projects/1/regions/a b",
        "projects/1/regions/x\nprojects/1/regions/y",
    ],
)
def test_an_answer_that_is_no_region_is_none(metadata: HttpServer, answer: str) -> None:
    """What stands in a label of every series is checked before."""
    metadata.answer = (200, answer)
    with pytest.raises(CallError, match="its answer is"):
        region(on_cloud_run(metadata.address))


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", b"\xff\n"],
)
def test_a_metadata_server_that_speaks_no_http_is_an_error_like_any_other(answer: bytes) -> None:
    """Whatever is heard there ends in the one error that the run knows of."""
    with speaking(answer) as address, pytest.raises(CallError):
        region(on_cloud_run(address))


def test_a_metadata_server_that_is_not_there(closed_port: int) -> None:
    """The reason is told."""
    with pytest.raises(CallError, match="refused"):
        region(on_cloud_run(f"127.0.0.1:{closed_port}"))


def test_a_region_in_config_asks_nobody(metadata: HttpServer) -> None:
    """``run.location`` counts, on Cloud Run and elsewhere."""
    for environ in (on_cloud_run(metadata.address), {}):
        found = cloud_run.Region(environ, "us-east1").get(Deadline.after(0))
        assert found == "us-east1"
    assert not metadata.requests


def test_a_region_is_asked_for_once_it_is_known_and_again_if_it_is_not(
    metadata: HttpServer,
) -> None:
    """A process that stays learns its region as soon as the metadata server recovers."""
    metadata.answer = (500, "no")
    found = cloud_run.Region(on_cloud_run(metadata.address))
    with pytest.raises(CallError):
        found.get(Deadline.after(PLENTY))
    metadata.answer = (200, "projects/123/regions/europe-west1")
    asked = len(metadata.requests)
    assert found.get(Deadline.after(PLENTY)) == found.get(Deadline.after(0)) == "europe-west1"
    assert len(metadata.requests) == asked + 1


@pytest.mark.parametrize("drip", [b"", b"H", b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 4096])
def test_a_metadata_server_that_never_ends_its_answer_costs_the_time_that_it_is_given(
    drip: bytes,
) -> None:
    """It is silent, or it sends one byte after the other, or without end; a stop ends the wait."""
    with dripping(drip) as address:
        found = cloud_run.Region(on_cloud_run(address))
        started = time.monotonic()
        with pytest.raises(CallError):
            found.get(Deadline.after(0.3))
        deadline = Deadline.after(PLENTY)
        deadline.stop.set()
        with pytest.raises(CallError):
            found.get(deadline)
        assert time.monotonic() - started < PLENTY / 3
    with pytest.raises(CallError):
        found.get(Deadline.after(PLENTY))


def test_outside_a_job_the_share_is_all() -> None:
    """One task has everything."""
    assert cloud_run.shard({}) == Shard(0, 1)


@given(count=st.integers(1, 10_000), data=st.data())
def test_a_task_has_its_own_share(count: int, data: st.DataObject) -> None:
    """Index and count are taken as the platform sets them."""
    index = data.draw(st.integers(0, count - 1))
    environ = {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(count)}
    assert cloud_run.shard(environ) == Shard(index, count)


@pytest.mark.parametrize(
    ("index", "count"),
    [
        ("1", "1"),
        ("5", "2"),
        ("-1", "2"),
        ("", "1"),
        ("0", "0"),
        ("0", ""),
        ("a", "2"),
        ("1.0", "2"),
    ],
)
def test_a_task_that_cannot_be_is_told(index: str, count: str) -> None:
    """Both variables stand in the sentence with their values."""
    environ = {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count}
    with pytest.raises(ValueError, match="the index counts from 0") as caught:
        cloud_run.shard(environ)
    assert f"CLOUD_RUN_TASK_INDEX={index}" in str(caught.value)
    assert f"CLOUD_RUN_TASK_COUNT={count}" in str(caught.value)


def test_an_index_without_a_count_is_told() -> None:
    """A second task that takes itself for the only one would read everything twice."""
    with pytest.raises(ValueError, match="CLOUD_RUN_TASK_INDEX=1"):
        cloud_run.shard({"CLOUD_RUN_TASK_INDEX": "1"})


def test_log_lines_are_told_apart_by_execution_task_and_attempt() -> None:
    """Only what is set becomes a label."""
    assert cloud_run.log_labels({}) == {}
    environ = JOB | {
        "CLOUD_RUN_EXECUTION": "datastream-exporter-x7k2p",
        "CLOUD_RUN_TASK_INDEX": "0",
        "CLOUD_RUN_TASK_ATTEMPT": "1",
        "CLOUD_RUN_TASK_COUNT": "3",
    }
    assert cloud_run.log_labels(environ) == {
        "execution": "datastream-exporter-x7k2p",
        "task_index": "0",
        "attempt": "1",
    }
