"""What gRPC really says where there is no connection, or no token for a call."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import grpc
import pytest
from google.auth import exceptions as auth_exceptions
from google.cloud import datastream_v1
from google.cloud.datastream_v1.services.datastream.transports import DatastreamGrpcTransport

from exporter.config import Config, Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Identity, connect
from exporter.gcp.credentials import channel_credentials
from exporter.google.calls import Deadline
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.google.calls import MOST_ATTEMPTS, Calls
from exporter.measure import ExporterName
from exporter.names import LocationName
from exporter.read import Datastream
from exporter.run import Run
from exporter.task import Task
from tests.canary import Canary
from tests.exporter.read.worlds import project
from tests.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.exporter.conftest import Serve
    from tests.exporter.gcp.loopback import HttpServer

AT = LocationName("shop-prod", "us-east1")
SECONDS = 1.0
LATE = SECONDS + 2
UNRESOLVABLE = "nonexistent.invalid:443"


class Fake(google.auth.credentials.Credentials):
    """Credentials whose token comes, or whose error does, without a network."""

    def __init__(
        self, error: Exception | None = None, seconds: float = 0, token: str = Canary.ACCESS_TOKEN
    ) -> None:
        """Take what a refresh ends in, and how long it takes."""
        super().__init__()  # type: ignore[no-untyped-call] # google-auth is typed in part
        self.error = error
        self.seconds = seconds
        self.given = token

    def refresh(self, _request: Any) -> None:
        """Refresh."""
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        self.token = self.given


@pytest.fixture
def goaway_port() -> Iterator[int]:
    """Return a port that answers each connection with SETTINGS and GOAWAY, and keeps it open."""
    frames = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x08\x07" + bytes(13)
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connections.append(listening.accept()[0])
                    connections[-1].sendall(frames)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in connections:
        connection.close()


def plain(address: str) -> grpc.Channel:
    """Return a channel as to an emulator."""
    return grpc.insecure_channel(address)


def tls(address: str, credentials: Fake | None = None) -> grpc.Channel:
    """Return a channel as to Google."""
    return DatastreamGrpcTransport.create_channel(address, credentials=credentials or Fake())


def authenticated(address: str, credentials: Fake) -> grpc.Channel:
    """Return a channel as to Google, but for the encryption: loopback has no certificate."""
    return grpc.secure_channel(
        address, channel_credentials(credentials, grpc.local_channel_credentials())
    )


def failure(channel: grpc.Channel) -> Failure:
    """Read a location through a channel; return how that failed, in time."""
    client = datastream_v1.DatastreamClient(transport=DatastreamGrpcTransport(channel=channel))
    started = time.monotonic()
    with channel, pytest.raises(CallError) as caught:
        Datastream(client, Calls()).streams(AT, lambda _stream: True, Deadline.after(SECONDS))
    assert time.monotonic() - started < LATE
    assert "\n" not in str(caught.value)
    return caught.value.failure


@pytest.mark.parametrize("channel", [plain, tls])
def test_nothing_listens(closed_port: int, channel: Any) -> None:
    """It is unavailable, and the network or the endpoint is to be checked."""
    found = failure(channel(f"127.0.0.1:{closed_port}"))
    assert found.kind is FailureKind.UNAVAILABLE
    assert found.hint.startswith("Nothing answers there")
    assert str(closed_port) in found.message


@pytest.mark.parametrize("channel", [plain, tls])
@pytest.mark.parametrize("address", [UNRESOLVABLE, "http://localhost:8080"])
def test_a_name_does_not_resolve(address: str, channel: Any) -> None:
    """The name stands in the sentence; a URL in place of host and port reads the same."""
    found = failure(channel(address))
    if found.kind is not FailureKind.TIMED_OUT:  # as on a machine whose name server does not answer
        assert found.kind is FailureKind.UNAVAILABLE
        assert found.hint.startswith("The name does not resolve")
        assert address in found.message


@pytest.mark.parametrize("channel", [plain, tls])
def test_what_answers_is_no_grpc_server(http_server: HttpServer, channel: Any) -> None:
    """A web server, with or without encryption, is told apart from silence."""
    found = failure(channel(http_server.address))
    assert found.kind is FailureKind.UNAVAILABLE
    assert "does not speak gRPC" in found.hint


@pytest.mark.parametrize("channel", [plain, tls])
def test_what_listens_never_answers(silent_port: int, channel: Any) -> None:
    """A firewall that drops what comes, or a server that hangs, times out."""
    found = failure(channel(f"127.0.0.1:{silent_port}"))
    assert found.kind is FailureKind.TIMED_OUT
    assert "endpoints.datastream" in found.hint


def test_a_server_that_leaves_at_once_is_unavailable(goaway_port: int) -> None:
    """SETTINGS, then GOAWAY, on a connection that stays open: an ordinary failure, tried again."""
    named = dict.fromkeys((DATASTREAM_EMULATOR, MONITORING_EMULATOR), f"127.0.0.1:{goaway_port}")
    clients, _ = connect(Endpoints(), named, Identity())
    calls = Calls()
    with clients, pytest.raises(CallError) as caught:
        Datastream(clients.datastream, calls).streams(
            AT, lambda _stream: True, Deadline.after(SECONDS)
        )
    assert caught.value.failure.kind is FailureKind.UNAVAILABLE
    assert "GOAWAY" in caught.value.failure.message
    assert 1 < calls.made <= MOST_ATTEMPTS


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            auth_exceptions.RefreshError(
                "invalid_grant: Token has been expired or revoked.", {"error": "invalid_grant"}
            ),
            "invalid_grant: Token has been expired or revoked.",
        ),
        (auth_exceptions.TransportError("Max retries exceeded"), "Max retries exceeded"),
        (
            ValueError(Canary.PRIVATE_KEY),
            "the credentials file or a token server's answer is malformed (ValueError)",
        ),
        (
            auth_exceptions.RefreshError(Canary.ACCESS_TOKEN),
            "the token server's answer is not one of OAuth",
        ),
    ],
)
def test_no_token_can_be_had_for_a_call(serve: Serve, error: Exception, message: str) -> None:
    """It is a matter of credentials, in google-auth's words and without its arguments."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"]})]})
    found = failure(authenticated(lab.cloud.datastream, Fake(error)))
    assert (found.kind, found.message) == (FailureKind.CREDENTIALS, message)
    assert not lab.cloud.calls


def test_a_token_with_a_newline_is_never_sent_or_shown(serve: Serve) -> None:
    """GRPC would print it, as metadata that is not valid."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"]})]})
    found = failure(authenticated(lab.cloud.datastream, Fake(token=f"{Canary.ACCESS_TOKEN}\nx")))
    assert found.kind is FailureKind.CREDENTIALS
    OUTPUTS.add("the failure", str(found))


def test_a_token_that_takes_too_long_costs_no_more_than_the_calls_own_time(serve: Serve) -> None:
    """The call ends by its deadline though the token server still hangs."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"]})]})
    found = failure(authenticated(lab.cloud.datastream, Fake(seconds=SECONDS * 1.5)))
    assert found.kind is FailureKind.TIMED_OUT


def test_a_token_opens_the_door(serve: Serve) -> None:
    """The same channel with a token reads what there is."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"]})]})
    with authenticated(lab.cloud.datastream, Fake()) as channel:
        client = datastream_v1.DatastreamClient(transport=DatastreamGrpcTransport(channel=channel))
        api = Datastream(client, Calls())
        (stream,) = api.streams(AT, lambda _stream: True, Deadline.after(30))
    assert stream.id == "orders"


@pytest.mark.parametrize("variable", ["grpc_proxy", "https_proxy", "http_proxy"])
def test_an_emulator_is_never_called_through_a_proxy(
    serve: Serve, closed_port: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A run against emulators is complete although the proxy of the environment is dead."""
    for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port}")
    lab = serve({"projects": [project("shop-prod", {AT.location: ["orders"]})]})
    config = Config.model_validate(
        {"metrics": {"project": "shop-prod"}, "sources": [{"project": "shop-prod"}]}
    )
    task = Task(ExporterName("global", "exporter", "0"))
    run = Run(lab.clients, config, task, Deadline.after(10))
    report = run.write(run.measurements())
    assert report.complete
    assert report.measurement.observations.streams == 1
    assert report.written.accepted == len(lab.cloud.points()) == 5 + 4 + 4
