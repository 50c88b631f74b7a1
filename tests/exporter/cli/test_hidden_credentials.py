"""Whole commands with real credentials over HTTP and TLS: no output shows any of them.

The tests don't search outputs themselves: the guard in ``tests/conftest.py`` does, as for every
test. They prove that the credentials were in play, and that each command ends as it should.
"""

from __future__ import annotations

import base64
import json
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.auth.compute_engine import _metadata
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from exporter.cli import main
from exporter.function import Function
from exporter.google.clients import Identity
from exporter.gcp.credentials import channel_credentials, fetch
from exporter.google.calls import Deadline
from exporter.logs import LOGGER, JsonLines, Text, logging_to
from exporter.runs import session
from lab.cli.main import main as lab_main
from tests.canary import KEY_TEXT, SERVICE_ACCOUNT, USER, Canary, private_key, token_answer
from tests.certificate import key_and_certificate
from tests.exporter.cli.test_tables import Terminal
from tests.exporter.gcp.loopback import TlsFront
from tests.outputs import OUTPUTS, Printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.emulator.emulator import Emulator
    from tests.conftest import SignalWhen
    from tests.exporter.cli.conftest import Command, Serve, World
    from tests.exporter.gcp.loopback import HttpServer

POLICIES = str(Path(__file__).parents[3] / "alerting_policies")
READER = "reader@shop-prod.iam.gserviceaccount.com"
KINDS = ("service_account", "user", "impersonated", "federated", "metadata")
COMMANDS = ("run", "run --dry-run", "run --dry-run --json", "check", "watch", "function")


@dataclass
class Google:
    """Token servers and APIs on loopback, and a process that has credentials for them.

    Attributes:
        cloud: The emulator behind the APIs.
        front: The APIs, over TLS.
        tokens: The token servers, the metadata server's included, over HTTP.
        environ: The environment of commands.
    """

    cloud: Emulator
    front: TlsFront
    tokens: HttpServer
    environ: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def google(
    serve: Serve, shop: World, http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Google]:
    """Return Google on loopback. All addresses that google-auth knows by itself lead to it."""
    cloud, _ = serve(shop)
    address = http_server.address
    monkeypatch.setattr("google.auth.iam._IAM_ENDPOINT", f"http://{address}/as/{{}}")
    monkeypatch.setattr(
        "google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"http://{address}/token"
    )
    monkeypatch.setattr(
        "google.auth.external_account._CLOUD_RESOURCE_MANAGER", f"http://{address}/projects/"
    )
    http_server.answer = (200, token_answer())
    http_server.answers = {
        "/sts": (200, token_answer(Canary.FEDERATED_TOKEN)),
        "/as/": (
            200,
            json.dumps(
                {
                    "accessToken": Canary.IMPERSONATED_TOKEN,
                    "expireTime": "2099-01-01T00:00:00Z",
                }
            ),
        ),
        "/instance/region": (200, "projects/2/regions/europe-west1"),
        "/instance/service-accounts/default/token": (200, token_answer(Canary.METADATA_TOKEN)),
        "/instance/service-accounts/default/?recursive": (
            200,
            json.dumps({"email": READER, "scopes": [], "aliases": ["default"]}),
        ),
        "/universe-domain": (200, "googleapis.com"),
    }
    with TlsFront(cloud, *key_and_certificate()) as front:
        config = {
            "metrics": {"project": "metrics-prod"},
            "sources": [{"project": "shop-prod"}],
            "endpoints": {"datastream": front.address, "monitoring": front.address},
            "run": {"deadline": "20s"},
        }
        environ = {"DATASTREAM_EXPORTER_CONFIG": json.dumps(config)}
        yield Google(cloud, front, http_server, environ)


def credentials(kind: str, google: Google, folder: Path) -> dict[str, Any] | None:
    """Return the content of a credentials file; None for the metadata server's."""
    server = f"http://{google.tokens.address}"
    key = {**SERVICE_ACCOUNT, "private_key": private_key(), "token_uri": f"{server}/token"}
    subject = OUTPUTS.write_input(folder / "subject-token", Canary.SUBJECT_TOKEN)
    contents: dict[str, dict[str, Any] | None] = {
        "service_account": key,
        "user": USER,
        "impersonated": {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": f"{server}/as/{READER}:generateAccessToken",
            "source_credentials": key,
        },
        "federated": {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/2/locations/global/workloadIdentityPools/a",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{server}/sts",
            "client_id": "id",
            "client_secret": Canary.CLIENT_SECRET,
            "credential_source": {"file": str(subject)},
        },
        "metadata": None,
    }
    return contents[kind]


SENT = {
    "service_account": Canary.ACCESS_TOKEN,
    "user": Canary.ACCESS_TOKEN,
    "impersonated": Canary.IMPERSONATED_TOKEN,
    "federated": Canary.FEDERATED_TOKEN,
    "metadata": Canary.METADATA_TOKEN,
}
"""The token that calls have."""


@pytest.fixture
def become(
    google: Google, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Path]:
    """Return what gives this process credentials of a kind, and the path of their file."""

    def become(kind: str) -> Path:
        path = tmp_path / "credentials.json"
        content = credentials(kind, google, tmp_path)
        if content is None:
            host = google.tokens.address
            monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
            monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host)
            monkeypatch.setenv("GCE_METADATA_IP", host)
        else:
            OUTPUTS.write_input(path, json.dumps(content))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return path

    return become


def everywhere(google: Google, signal_when: SignalWhen) -> dict[str, list[int]]:
    """Run every command at a terminal and on Cloud Run; return their exit codes."""
    codes: dict[str, list[int]] = {}
    job = {"CLOUD_RUN_JOB": "exporter", "GCE_METADATA_HOST": google.tokens.address}
    for command in COMMANDS:
        for out, more in ((Terminal(), {}), (Printed(), job)):
            environ = {**google.environ, **more, "TERM": "xterm"}
            if command == "function":
                with Function(environ, out) as function:
                    answer = function.answer("POST", "/")
                OUTPUTS.add("a response of the function", json.dumps(answer.body))
                code = answer.status
            else:
                if command == "watch":
                    stop_after_a_tick(google, signal_when)
                code = main(command.split(), environ, out, Printed())
            codes.setdefault(command, []).append(code)
    OUTPUTS.add("the points", repr(google.cloud.points()))
    return codes


def stop_after_a_tick(google: Google, signal_when: SignalWhen) -> None:
    """Interrupt `watch` as soon as it has called an API."""
    before = len(google.front.tokens)
    signal_when(signal.SIGTERM, lambda: len(google.front.tokens) > before)


def all_end(codes: dict[str, list[int]], code: int, status: int) -> None:
    """Check that every command ended with a code, and the function with a status."""
    watch = codes.pop("watch")
    assert set(watch) <= {code, 143}
    assert codes == {
        command: [status if command == "function" else code] * 2
        for command in COMMANDS
        if command != "watch"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_succeed(
    google: Google, become: Callable[[str], Path], signal_when: SignalWhen, kind: str
) -> None:
    """Every command is complete with credentials of each kind, and its calls have their token."""
    become(kind)
    all_end(everywhere(google, signal_when), 0, 200)
    assert set(google.front.tokens) == {f"Bearer {SENT[kind]}"}


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED]
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_api_that_repeats_the_token(
    google: Google,
    become: Callable[[str], Path],
    signal_when: SignalWhen,
    kind: str,
    code: grpc.StatusCode,
) -> None:
    """A refusal in words that hold the token is shown without it."""
    become(kind)
    google.front.refusal = code
    all_end(everywhere(google, signal_when), 1, 500)
    assert set(google.front.tokens) == {f"Bearer {SENT[kind]}"}


SECRETS = " ".join(Canary)


def fail_at_once(commands: Callable[[], dict[str, list[int]]], google: Google) -> None:
    """Check that no command calls an API."""
    all_end(commands(), 1, 500)
    assert not google.front.tokens


@pytest.mark.parametrize(
    "answer",
    [
        SECRETS,
        json.dumps({"error": "invalid_grant", "error_description": f"Unknown: {SECRETS}"}),
        json.dumps({"error": "invalid_grant", "error_description": Canary.REFRESH_TOKEN}),
        json.dumps({"error": {"code": 400, "message": SECRETS, "status": "INVALID_ARGUMENT"}}),
        json.dumps({"error": SECRETS}),
    ],
    ids=["text", "sentence", "description", "status", "error"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_server_that_repeats_the_secret(
    google: Google,
    become: Callable[[str], Path],
    signal_when: SignalWhen,
    kind: str,
    answer: str,
) -> None:
    """However it refuses, and whatever its answer holds, the sentence holds no part of it."""
    become(kind)
    google.tokens.answers = {}
    google.tokens.answer = (400, answer)
    fail_at_once(lambda: everywhere(google, signal_when), google)
    assert google.tokens.requests


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_file_that_is_no_credentials_file(
    google: Google,
    become: Callable[[str], Path],
    signal_when: SignalWhen,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """A key that can't be parsed, half a file, another type, and the content in place of a path."""
    path = become(kind)
    content = path.read_text("utf-8")
    key = json.dumps(private_key())
    for mangled in (
        content.replace(key, json.dumps(KEY_TEXT)) if key in content else content[:-9],
        content[: len(content) // 2],
        content.replace('"type": "', f'"type": "{Canary.PRIVATE_KEY}'),
    ):
        OUTPUTS.write_input(path, mangled)
        fail_at_once(lambda: everywhere(google, signal_when), google)
    for value in (content, base64.b64encode(content.encode()).decode()):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", value)
        fail_at_once(lambda: everywhere(google, signal_when), google)


def test_a_metadata_server_that_gives_a_token_for_a_region(
    google: Google, become: Callable[[str], Path], signal_when: SignalWhen
) -> None:
    """What it answers is not quoted; everything but the exporter's own series is written."""
    become("service_account")
    google.tokens.answers["/instance/region"] = (200, token_answer(Canary.METADATA_TOKEN))
    codes = everywhere(google, signal_when)
    assert codes["run"] == [0, 1]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "grpc_proxy"])
def test_a_proxy_with_a_password(
    google: Google,
    become: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """It relays to the token server, and refuses the APIs with the password in its answer."""
    become("service_account")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxy = google.tokens
    proxy.answers[google.front.address] = (407, Canary.PROXY_PASSWORD)
    monkeypatch.setenv(variable, f"http://me:{Canary.PROXY_PASSWORD}@{proxy.address}")
    google.environ["DATASTREAM_EXPORTER_RUN__DEADLINE"] = "1s"
    relays = variable == "HTTP_PROXY"
    code = 0 if relays else 1
    for out in (Terminal(), Printed()):
        assert main(["run"], google.environ, out, Printed()) == code
        assert main(["check"], google.environ, out, Printed()) == code
    assert bool(google.front.tokens) == relays
    assert any("Proxy-Authorization" in headers for _, headers, _ in proxy.requests)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("service_account", None), *((kind, grpc.StatusCode.UNAUTHENTICATED) for kind in KINDS)],
)
def test_a_backtest(
    google: Google,
    become: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    refusal: grpc.StatusCode | None,
) -> None:
    """The lab reads Cloud Monitoring with the same credentials, and shows as little of them."""
    become(kind)
    assert main(["run"], google.environ, Printed(), Printed()) == 0
    google.front.refusal = refusal
    monkeypatch.setattr(MetricServiceGrpcTransport, "DEFAULT_HOST", google.front.address)
    for words in (("--save", "history.jsonl"), ("--json",)):
        argv = ["backtest", "--policies", POLICIES, "--project", "metrics-prod", *words]
        out, err = Terminal(), Printed()
        assert lab_main(argv, {}, out, err) == (1 if refusal else 0), err.getvalue()
    assert set(google.front.tokens) == {f"Bearer {SENT[kind]}"}


@pytest.mark.parametrize("mistake", ["config", "file", "argument"])
def test_a_credentials_file_in_place_of_config(
    google: Google, command: Command, tmp_path: Path, mistake: str
) -> None:
    """Mistakes in config are shown with their values, and a key is none."""
    content = json.dumps(credentials("service_account", google, tmp_path), indent=2)
    key = OUTPUTS.write_input(tmp_path / "key.json", content)
    for words in ("run", "run --dry-run", "check", "watch"):
        for more in ({}, {"CLOUD_RUN_JOB": "exporter", "GCE_METADATA_HOST": "127.0.0.1:1"}):
            argv, environ = words.split(), {}
            if mistake == "config":
                environ["DATASTREAM_EXPORTER_CONFIG"] = content
            elif mistake == "file":
                argv += ["--config", str(key)]
            else:
                argv += ["--impersonate-service-account", content]
            ended = command(*argv, environ={**environ, **more})
            assert ended.code == 2
            assert ended.out + ended.err


def test_objects_that_hold_credentials_have_a_harmless_repr(
    google: Google, become: Callable[[str], Path]
) -> None:
    """A debugger, a log line or a stack trace can show any of them."""
    become("service_account")
    with session(google.environ, identity=Identity(quota_project="shop-prod")) as opened:
        fetched = fetch(Identity(), Deadline.after(10))
        for each in (
            opened,
            opened.clients,
            vars(opened.clients),
            opened.config,
            Identity(READER),
            fetched,
            channel_credentials(fetched),
            Function({**google.environ}, Printed()),
        ):
            OUTPUTS.add(f"the repr of a {type(each).__name__}", f"{each!r} {each}")


def test_a_stack_trace_holds_no_token(become: Callable[[str], Path]) -> None:
    """The text of an error that nobody foresaw can repeat a token as well."""
    become("service_account")
    fetch(Identity(), Deadline.after(10))
    for formatter in (Text(), JsonLines({})):
        with logging_to(log := Printed(), formatter):
            error = KeyError(str(Canary.ACCESS_TOKEN))
            LOGGER.error("The exporter failed unexpectedly:", exc_info=error)
        assert "KeyError: '[access token]'" in log.getvalue()
