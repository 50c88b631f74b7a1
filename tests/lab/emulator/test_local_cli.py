"""``serve`` from the inside: what it prints, and how it ends."""

from __future__ import annotations

import io
import threading
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import datastream_v1
from google.cloud.datastream_v1.services.datastream.transports import DatastreamGrpcTransport

from exporter.cli.logs import Text
from exporter.cli.process import finish
from lab.cli import serve
from lab.emulator.emulator import Emulator
from lab.emulator.world_files import default_world

if TYPE_CHECKING:
    from pathlib import Path


class _Told(io.StringIO):
    """A stdout that tells when both lines are there."""

    def __init__(self) -> None:
        super().__init__()
        self.complete = threading.Event()

    def flush(self) -> None:
        """Take the flush after the last line as the end."""
        self.complete.set()


def _parsed(words: tuple[str, ...], out: io.StringIO, stop: threading.Event) -> Namespace:
    parser = ArgumentParser()
    serve.add_arguments(parser)
    return parser.parse_args(words, Namespace(out=out, err=io.StringIO(), stop=stop))


def served(*words: str) -> tuple[int, str, str]:
    """Run ``serve`` with its end asked for in advance; return code, stdout, stderr."""
    stop = threading.Event()
    stop.set()
    out, err = io.StringIO(), io.StringIO()
    args = _parsed(words, out, stop)
    args.err = err
    return finish(lambda: serve.run(args), out, err, Text()), out.getvalue(), err.getvalue()


def test_the_servers_answer_until_told_to_stop() -> None:
    """The printed address serves the default world; setting the event ends it with 0."""
    out, stop, codes = _Told(), threading.Event(), []
    args = _parsed((), out, stop)
    serving = threading.Thread(target=lambda: codes.append(serve.run(args)))
    serving.start()
    try:
        assert out.complete.wait(10)
        datastream, monitoring = out.getvalue().splitlines()
        assert datastream.startswith("export DATASTREAM_EMULATOR_HOST=127.0.0.1:")
        assert monitoring.startswith("export MONITORING_EMULATOR_HOST=127.0.0.1:")
        with grpc.insecure_channel(datastream.partition("=")[2]) as channel:
            client = datastream_v1.DatastreamClient(
                transport=DatastreamGrpcTransport(channel=channel)
            )
            parent = "projects/payments-prod/locations/us-east1"
            assert len(list(client.list_streams(parent=parent))) == 3
    finally:
        stop.set()
        serving.join()
    assert codes == [0]


def test_a_port_in_use_is_one_sentence_and_exit_2() -> None:
    """A taken port is told on stderr; nothing is printed for a shell."""
    with Emulator(default_world()) as other:
        port = other.datastream.rpartition(":")[2]
        code, out, err = served("--datastream-port", port)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: port {port} of 127.0.0.1 cannot be listened on")
    assert err.count("\n") == 1


def test_a_bad_world_is_told_and_exit_2(tmp_path: Path) -> None:
    """Mistakes in a world file, or its absence, are sentences on stderr."""
    path = tmp_path / "world.yaml"
    code, out, err = served("--world", str(path))
    assert (code, out) == (2, "")
    assert "there is no such file" in err
    path.write_text("projects: [{id: shop}]\n")
    code, _, err = served("--world", str(path))
    assert code == 2
    assert f"{path}:1: projects[0].number: is missing" in err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_number_of_one(port: str) -> None:
    """What is no port is a usage error."""
    with pytest.raises(SystemExit) as caught:
        served(f"--monitoring-port={port}")
    assert caught.value.code == 2


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
def test_what_is_no_port_is_told_in_a_sentence(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence shows what was written and says what is allowed."""
    with pytest.raises(SystemExit):
        served(f"--datastream-port={port}")
    assert f"{port} is no port; write a number from 0 to 65535" in capsys.readouterr().err
