"""What gRPC says without a connection or a token, through Google's own channels."""

import io
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.cloud import datastream_v1

from exporter.config import Endpoints
from exporter.documents.mistakes import InputError
from exporter.google import environment
from exporter.google.calls import Calls, Deadline
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients
from exporter.google.errors import CallError, Failure, FailureKind
from exporter.names import LocationName
from exporter.steps.read import Datastream
from tests.canary import Canary, canaries_in, token_answer
from tests.certificate import key_and_certificate
from tests.exporter.conftest import PLENTY, Serve
from tests.exporter.function.conftest import made
from tests.exporter.google.loopback import HttpServer, TlsFront, saying
from tests.exporter.worlds import world

AT = LocationName("shop-prod", "us-east1")
SECONDS = 1.0  # what a call is given that hangs
NO_GRPC = (
    "No gRPC server answers there: check the network, proxies, and"
    " endpoints.datastream in config.yaml if set."
)

Connect = Callable[[str], Clients]


@pytest.fixture(params=["plain", "tls"])
def at(request: pytest.FixtureRequest) -> Connect:
    """Return what connects to an address: as to an emulator, or as to Google."""
    if request.param == "plain":
        return plain
    request.getfixturevalue("tokens")
    return google


def plain(address: str) -> Clients:
    """Return clients without credentials, as for emulators."""
    both = {DATASTREAM_EMULATOR: address, MONITORING_EMULATOR: address}
    return Clients(Endpoints(), both)


def google(address: str) -> Clients:
    """Return clients with credentials, over TLS."""
    endpoints = Endpoints(datastream=address, monitoring=address)
    return Clients(endpoints, {})


def failure(clients: Clients, deadline: Deadline | None = None) -> Failure:
    """Read a location; return how that failed, by default at the first try."""
    if deadline is None:
        deadline = Deadline.after(PLENTY)
        deadline.stop.set()
    with clients, pytest.raises(CallError) as caught:
        Datastream(clients, Calls()).streams(AT, deadline)
    assert "\n" not in str(caught.value)
    assert not canaries_in(str(caught.value))
    return caught.value.failure


@pytest.mark.parametrize("answerer", ["closed_port", "http_server"])
def test_nothing_speaks_grpc_there(
    at: Connect, request: pytest.FixtureRequest, answerer: str
) -> None:
    """A closed port or a web server: the hint is to check the network."""
    there = request.getfixturevalue(answerer)
    port = getattr(there, "server_port", there)
    found = failure(at(f"127.0.0.1:{port}"))
    assert found.kind is FailureKind.UNAVAILABLE
    assert found.hint == NO_GRPC
    if answerer == "closed_port":
        assert str(port) in found.message


def test_what_listens_never_answers(at: Connect, silent_port: int) -> None:
    """A server that takes connections and says nothing times out."""
    found = failure(at(f"127.0.0.1:{silent_port}"), Deadline.after(SECONDS))
    assert found.kind is FailureKind.TIMED_OUT
    assert "endpoints.datastream" in found.hint


def test_a_server_that_leaves_at_once_is_unavailable() -> None:
    """GOAWAY on a connection that stays open fails the call, which doesn't hang."""
    with saying(SETTINGS + GOAWAY) as address:
        found = failure(plain(address))
    assert found.kind is FailureKind.UNAVAILABLE
    assert "GOAWAY" in found.message


SETTINGS = b"\0\0\0\4\0\0\0\0\0"
GOAWAY = b"\0\0\x08\7" + bytes(13)
RESET = b"\0\0\4\3\0\0\0\0\1\0\0\0\x08"  # stream 1 with the code CANCEL
ENDED = b"\0\0\1\1\5\0\0\0\1\x88"  # stream 1, HTTP status 200, without a gRPC status


@pytest.mark.parametrize("frame", [RESET, ENDED])
def test_a_call_that_ends_without_a_status_is_a_lost_connection(frame: bytes) -> None:
    """Where gRPC makes up CANCELLED or UNKNOWN, the service counts as unavailable."""
    with saying(SETTINGS + frame, again=True) as address:
        found = failure(plain(address))
    assert found.kind is FailureKind.UNAVAILABLE
    assert "The next try may succeed" in found.hint


EXPIRED = json.dumps({"access_token": Canary.ACCESS_TOKEN, "expires_in": 0})
REVOKED = json.dumps({"error": "invalid_grant", "x": Canary.ACCESS_TOKEN})
OLD = "no valid credentials: the token could not be renewed"


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, REVOKED, f"{OLD} (invalid_grant: expired or revoked). Run"),
        (200, json.dumps([Canary.ACCESS_TOKEN]), f"{OLD}. Run `gcloud"),
        (
            200,
            token_answer(f"{Canary.ACCESS_TOKEN}\nx"),
            "unavailable: Illegal metadata",
        ),
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
    """Only OAuth's code is shown, gRPC prints no token, and nothing is sent."""
    tokens.answer = (200, EXPIRED)
    clients = google(front.address)
    tokens.answer = (status, answer)
    assert str(failure(clients)).startswith(words)
    assert front.tokens == []
    assert not canaries_in(capfd.readouterr().err)


def test_a_token_that_takes_too_long_costs_no_more_than_the_calls_own_time(
    tokens: HttpServer, front: TlsFront
) -> None:
    """A call ends by its deadline though the token server hangs."""
    tokens.answer = (200, EXPIRED)
    clients = google(front.address)
    tokens.open.clear()
    assert failure(clients, Deadline.after(SECONDS)).kind is FailureKind.TIMED_OUT
    tokens.open.set()


def test_a_server_without_a_trusted_certificate_gets_no_token(
    serve: Serve, tokens: HttpServer
) -> None:
    """A stranger that answers in Google's place is sent no token."""
    stranger = key_and_certificate.__wrapped__()
    with TlsFront(serve(world()).cloud, *stranger) as front:
        found = failure(google(front.address))
        assert found.kind is FailureKind.UNAVAILABLE
        assert found.hint == NO_GRPC
        assert front.tokens == []
    assert len(tokens.paths) == 1


def test_a_run_that_reached_nobody_is_followed_by_one_with_a_new_token(
    tokens: HttpServer, front: TlsFront
) -> None:
    """A token that Google refuses is replaced before the next run."""
    front.refused = {f"Bearer {Canary.ACCESS_TOKEN}"}
    config = {
        "metrics": {"project": "metrics-project"},
        "sources": [{"project": "shop-prod"}],
        "endpoints": {"datastream": front.address, "monitoring": front.address},
        # Reading back is tried again until then.
        "run": {"deadline": "4s"},
    }
    environ = {"DATASTREAM_EXPORTER_CONFIG": json.dumps(config)}
    log = io.StringIO()
    function = made(environ, log, sleep=lambda _seconds: None)
    statuses = [function.answer("POST", "/").status]
    tokens.answer = (200, token_answer(Canary.FEDERATED_TOKEN))
    statuses.append(function.answer("POST", "/").status)
    assert statuses == [500, 200]
    assert len(tokens.paths) == 2
    assert not canaries_in(log.getvalue())


def test_an_emulator_is_never_called_through_a_proxy(
    serve: Serve, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run against emulators is complete though the environment's proxy is dead."""
    for variable in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port}")
    report = serve(world()).run({"project": "shop-prod"})
    assert report.complete
    assert report.streams == 2


@pytest.mark.parametrize(
    "url",
    [
        f"http://alice:{Canary.PROXY_PASSWORD}#@proxy:3128",
        f"http://alice:{Canary.PROXY_PASSWORD}/@proxy:3128",
        f"http://alice:8/{Canary.PROXY_PASSWORD}@proxy",
        f"http://alice:{Canary.PROXY_PASSWORD}@@proxy",
        f"http://alice:{Canary.PROXY_PASSWORD}@proxy:655360",
        f"alice:{Canary.PROXY_PASSWORD}@proxy:3128",
    ],
)
def test_a_malformed_proxy_is_refused_at_the_start(url: str) -> None:
    """A proxy's malformed URL is refused before any call, and not shown."""
    with pytest.raises(InputError, match="percent-encode the user") as caught:
        Clients(Endpoints(), {"HTTPS_PROXY": url})
    assert str(caught.value).startswith("environment: HTTPS_PROXY: ")
    assert not canaries_in(str(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://proxy.example.com",
        "https://alice:%23%2f~:!@10.0.0.1:3128/",
        "proxy:3128",
        "http://[::1]:65535",
    ],
)
def test_a_proxy_that_works_is_accepted(url: str) -> None:
    """A proxy's URL may leave out user, password, port and scheme."""
    environment.check_proxies({"https_proxy": url, "HTTP_PROXYED": "#"})


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_google_is_called_through_a_proxy(
    tokens: HttpServer, front: TlsFront, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A proxy that opens no tunnel is a failure that doesn't show its password."""
    # Set once, it is unset when the test ends.
    monkeypatch.setenv("https_proxy", "")
    monkeypatch.delenv("https_proxy")
    monkeypatch.setenv(
        variable, f"http://user:{Canary.PROXY_PASSWORD}@{tokens.address}"
    )
    environment.let_grpc_see_proxies(os.environ)
    tokens.answers = {front.address: (403, "")}
    found = failure(google(front.address))
    assert found.kind is FailureKind.UNAVAILABLE
    assert found.hint == NO_GRPC
    assert tokens.paths[-1] == front.address
    assert front.tokens == []


def test_an_answer_without_a_message_is_asked_for_again() -> None:
    """A proxy may cut an answer off that is OK: that is no empty list, and no bug."""
    message = datastream_v1.ListStreamsResponse.pb()(streams=[{"name": "x/orders"}])
    answers = [[], [message]]

    def list_streams(_request: bytes, _context: object) -> Iterator[Any]:
        yield from answers.pop(0)

    # As a stream of messages, the server may send none and end with OK.
    handler = grpc.unary_stream_rpc_method_handler(
        list_streams, response_serializer=type(message).SerializeToString
    )
    service = "google.cloud.datastream.v1.Datastream"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_registered_method_handlers(service, {"ListStreams": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with plain(f"127.0.0.1:{port}") as clients:
            api = Datastream(clients, Calls())
            (stream,) = api.streams(AT, Deadline.after(PLENTY))
    finally:
        server.stop(None)
    assert stream.id == "orders"
    assert not answers
