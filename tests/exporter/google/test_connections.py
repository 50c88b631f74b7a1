"""What gRPC really says where there is no connection or no token, through Google's own channels."""

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from exporter.config import Endpoints
from exporter.function import Function
from exporter.google.calls import MOST_ATTEMPTS, Calls, Deadline
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients, connect
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.names import LocationName
from exporter.read import Datastream
from tests.canary import Canary, token_answer
from tests.certificate import key_and_certificate
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.google.loopback import HttpServer, TlsFront
from tests.exporter.worlds import world
from tests.outputs import OUTPUTS

AT = LocationName("shop-prod", "us-east1")
SECONDS = 1.0  # that a failing call is given
NO_GRPC = "Nothing there speaks gRPC: check the network, proxies, and endpoints.datastream in con"

Connect = Callable[[str], Clients]


@pytest.fixture(params=["plain", "tls"])
def at(request: pytest.FixtureRequest) -> Connect:
    """Return what connects to an address: as to an emulator, or as to Google."""
    if request.param == "plain":
        names = (DATASTREAM_EMULATOR, MONITORING_EMULATOR)
        return lambda address: connect(Endpoints(), dict.fromkeys(names, address))
    request.getfixturevalue("tokens")
    return google


def google(address: str) -> Clients:
    """Return clients with credentials, over TLS."""
    return connect(Endpoints(datastream=address, monitoring=address), {})


def failure(clients: Clients, calls: Calls | None = None) -> Failure:
    """Read a location; return how that failed."""
    with clients, pytest.raises(CallError) as caught:
        Datastream(clients.datastream, calls or Calls()).streams(AT, Deadline.after(SECONDS))
    assert "\n" not in str(caught.value)
    OUTPUTS.add("the sentence", str(caught.value))
    return caught.value.failure


def test_nothing_listens(at: Connect, closed_port: int) -> None:
    """It is unavailable, and the network or the endpoint is to be checked."""
    found = failure(at(f"127.0.0.1:{closed_port}"))
    assert (found.kind, found.hint[: len(NO_GRPC)]) == (FailureKind.UNAVAILABLE, NO_GRPC)
    assert str(closed_port) in found.message


def test_a_name_does_not_resolve(at: Connect) -> None:
    """The name stands in the sentence."""
    found = failure(at("nonexistent.invalid:443"))
    if found.kind is not FailureKind.TIMED_OUT:  # as on a machine whose name server does not answer
        assert (found.kind, found.hint[: len(NO_GRPC)]) == (FailureKind.UNAVAILABLE, NO_GRPC)
        assert "nonexistent.invalid:443" in found.message


def test_what_answers_is_no_grpc_server(at: Connect, http_server: HttpServer) -> None:
    """A web server, with or without encryption, is told apart from silence."""
    found = failure(at(http_server.address))
    assert (found.kind, found.hint[: len(NO_GRPC)]) == (FailureKind.UNAVAILABLE, NO_GRPC)


def test_what_listens_never_answers(at: Connect, silent_port: int) -> None:
    """A firewall that drops what comes, or a server that hangs, times out."""
    found = failure(at(f"127.0.0.1:{silent_port}"))
    assert found.kind is FailureKind.TIMED_OUT
    assert "endpoints.datastream" in found.hint


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


def test_a_server_that_leaves_at_once_is_unavailable(goaway_port: int) -> None:
    """GOAWAY on a connection that stays open is an ordinary failure, tried again a few times."""
    named = dict.fromkeys((DATASTREAM_EMULATOR, MONITORING_EMULATOR), f"127.0.0.1:{goaway_port}")
    calls = Calls()
    found = failure(connect(Endpoints(), named), calls)
    assert found.kind is FailureKind.UNAVAILABLE
    assert "GOAWAY" in found.message
    assert 1 < calls.made <= MOST_ATTEMPTS


EXPIRED = json.dumps({"access_token": Canary.ACCESS_TOKEN, "expires_in": 0})
REVOKED = {"error": "invalid_grant", "error_description": "Revoked.", "x": Canary.ACCESS_TOKEN}


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, json.dumps(REVOKED), "no valid credentials: invalid_grant: Revoked."),
        (403, Canary.ACCESS_TOKEN, "no valid credentials: the token server's answer is not one of"),
        (200, json.dumps([Canary.ACCESS_TOKEN]), "no valid credentials: "),
        (200, token_answer(f"{Canary.ACCESS_TOKEN}\nx"), "unavailable: Illegal metadata"),
    ],
)
def test_an_expired_token_that_is_not_renewed(
    tokens: HttpServer,
    front: TlsFront,
    capfd: pytest.CaptureFixture[str],
    status: int,
    answer: str,
    words: str,
) -> None:
    """The sentence has the words of OAuth alone, gRPC prints no token, and nothing is sent."""
    tokens.answer = (200, EXPIRED)
    clients = google(front.address)
    tokens.answer = (status, answer)
    assert str(failure(clients)).startswith(words)
    assert front.tokens == []
    OUTPUTS.add("stderr", capfd.readouterr().err)


def test_a_token_that_takes_too_long_costs_no_more_than_the_calls_own_time(
    tokens: HttpServer, front: TlsFront
) -> None:
    """The call ends by its deadline though the token server still hangs."""
    tokens.answer = (200, EXPIRED)
    clients = google(front.address)
    tokens.open.clear()
    assert failure(clients).kind is FailureKind.TIMED_OUT
    tokens.open.set()


def test_a_server_without_a_trusted_certificate_gets_no_token(
    serve: Serve, tokens: HttpServer
) -> None:
    """Whoever answers in Google's place learns nothing."""
    stranger = key_and_certificate.__wrapped__()
    with TlsFront(serve(world()).cloud, *stranger) as front:
        found = failure(google(front.address))
        assert (found.kind, found.hint[: len(NO_GRPC)]) == (FailureKind.UNAVAILABLE, NO_GRPC)
        assert front.tokens == []
    assert len(tokens.requests) == 1


def test_a_run_that_reached_nobody_is_followed_by_one_with_a_new_token(
    tokens: HttpServer, front: TlsFront
) -> None:
    """A token that Google does not take any more is replaced after the run that it costs."""
    front.refused = {f"Bearer {Canary.ACCESS_TOKEN}"}
    config = {
        "metrics": {"project": "shop-prod"},
        "sources": [{"project": "shop-prod"}],
        "endpoints": {"datastream": front.address, "monitoring": front.address},
    }
    environ = {"DATASTREAM_EXPORTER_CONFIG": json.dumps(config)}
    log = io.StringIO()
    with closing(Function(environ, log, sleep=lambda _seconds: None)) as function:
        statuses = [function.answer("POST", "/").status]
        tokens.answer = (200, token_answer(Canary.FEDERATED_TOKEN))
        statuses += [function.answer("POST", "/").status for _ in range(2)]
    assert statuses == [500, 500, 200]
    assert len(tokens.requests) == 3
    OUTPUTS.add("the log", log.getvalue())


@pytest.mark.parametrize("variable", ["grpc_proxy", "https_proxy", "http_proxy"])
def test_an_emulator_is_never_called_through_a_proxy(
    serve: Serve, closed_port: int, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A run against emulators is complete although the proxy of the environment is dead."""
    monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port}")
    report = serve(world()).run({"project": "shop-prod"}, seconds=PLENTY)
    assert (report.complete, report.streams) == (True, 2)


def test_google_is_called_through_a_proxy(
    tokens: HttpServer, front: TlsFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that opens no tunnel is to be checked; its password is not shown."""
    password = Canary.PROXY_PASSWORD
    monkeypatch.setenv("https_proxy", f"http://user:{password}@{tokens.address}")
    tokens.answers = {front.address: (403, "")}
    found = failure(google(front.address))
    assert found.kind is FailureKind.UNAVAILABLE
    assert "proxies" in found.hint
    assert tokens.requests[-1][0] == front.address
    assert front.tokens == []
