"""No command prints a credential: whole commands with real credentials over HTTP and TLS."""

import base64
import io
import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.auth.compute_engine import _metadata

from exporter.cli import INCOMPLETE, OK, TERMINATED, USAGE, main
from exporter.function import Function
from tests.canary import (
    KEY_TEXT,
    SERVICE_ACCOUNT,
    USER,
    Canary,
    canaries_in,
    private_key,
    token_answer,
)
from tests.certificate import key_and_certificate
from tests.conftest import SignalWhen
from tests.exporter.cli.conftest import JOB, Command, ServeShop, Terminal, World
from tests.exporter.gcp.loopback import HttpServer, TlsFront

READER = "reader@shop-prod.iam.gserviceaccount.com"
COMMANDS = ("run", "run --dry-run", "check", "watch", "function")
SECRETS = " ".join(Canary)
# The token that calls have, by the kind of credentials
SENT = {
    "service_account": Canary.ACCESS_TOKEN,
    "user": Canary.ACCESS_TOKEN,
    "impersonated": Canary.IMPERSONATED_TOKEN,
    "federated": Canary.FEDERATED_TOKEN,
    "metadata": Canary.METADATA_TOKEN,
}


@dataclass
class Google:
    """Token servers over HTTP and APIs over TLS, on loopback, and what commands need to call them."""

    front: TlsFront
    tokens: HttpServer
    signal_when: SignalWhen
    printed: pytest.CaptureFixture[str]
    environ: dict[str, str] = field(default_factory=dict)

    def everywhere(self) -> set[tuple[str, int]]:
        """Run every command, at a terminal and on Cloud Run; return how they end.

        No output may show a credential.
        """
        ends = set()
        for command in COMMANDS:
            for out, more in ((Terminal(), {"TERM": "xterm"}), (io.StringIO(), JOB)):
                ends.add((command, self._end_of(command, {**self.environ, **more}, out)))
        return ends

    def _end_of(self, command: str, environ: dict[str, str], out: io.StringIO) -> int:
        err, answer = io.StringIO(), None
        if command == "function":
            function = Function(environ, out)
            answer = function.answer("POST", "/")
            function.close()
            code = answer.status
        else:
            if command == "watch":
                before = len(self.front.tokens)
                self.signal_when(signal.SIGTERM, lambda: len(self.front.tokens) > before)
            code = main(command.split(), environ, out, err)
        # Google's libraries print to stderr itself.
        shown = f"{out.getvalue()}{err.getvalue()}{answer}{self.printed.readouterr()}"
        assert not canaries_in(shown), f"{command}: {shown}"
        assert out.getvalue() + err.getvalue()
        return code


@pytest.fixture
def google(
    served: ServeShop,
    shop: World,
    http_server: HttpServer,
    signal_when: SignalWhen,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Google]:
    """Return Google on loopback. All addresses that google-auth knows by itself lead to it."""
    cloud, _ = served(shop)
    address = http_server.address
    for name, place in (
        ("google.auth.iam._IAM_ENDPOINT", f"http://{address}/as/{{}}"),
        ("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"http://{address}/token"),
        ("google.auth.external_account._CLOUD_RESOURCE_MANAGER", f"http://{address}/projects/"),
    ):
        monkeypatch.setattr(name, place)
    expires = {"expireTime": "2099-01-01T00:00:00Z"}
    email = {"email": READER, "scopes": [], "aliases": ["default"]}
    http_server.answer = (200, token_answer())
    http_server.answers = {
        path: (200, text)
        for path, text in {
            "/sts": token_answer(Canary.FEDERATED_TOKEN),
            "/as/": json.dumps({"accessToken": Canary.IMPERSONATED_TOKEN, **expires}),
            "/instance/service-accounts/default/token": token_answer(Canary.METADATA_TOKEN),
            "/instance/service-accounts/default/?recursive": json.dumps(email),
            "/universe-domain": "googleapis.com",
        }.items()
    }
    with TlsFront(cloud, *key_and_certificate()) as front:
        config = {
            "metrics": {"project": "metrics-prod"},
            "sources": [{"project": "shop-prod"}],
            "endpoints": {"datastream": front.address, "monitoring": front.address},
            "run": {"deadline": "20s"},
        }
        environ = {"DATASTREAM_EXPORTER_CONFIG": json.dumps(config)}
        yield Google(front, http_server, signal_when, capfd, environ)


Become = Callable[[str], Path]


@pytest.fixture
def become(google: Google, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Become:
    """Return what gives this process credentials of a kind, and the path of their file."""
    server = f"http://{google.tokens.address}"
    key = {**SERVICE_ACCOUNT, "private_key": private_key(), "token_uri": f"{server}/token"}
    subject = tmp_path / "subject-token"
    contents: dict[str, dict[str, Any]] = {
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
    }

    def become(kind: str) -> Path:
        path = tmp_path / "credentials.json"
        if kind == "metadata":
            monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
            monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", google.tokens.address)
            monkeypatch.setenv("GCE_METADATA_IP", google.tokens.address)
        else:
            subject.write_text(Canary.SUBJECT_TOKEN)
            path.write_text(json.dumps(contents[kind]))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return path

    return become


FAILED = {*((command, INCOMPLETE) for command in COMMANDS[:-1]), ("function", 500)}


@pytest.mark.parametrize("kind", SENT)
def test_commands_that_succeed(google: Google, become: Become, kind: str) -> None:
    """Every command is complete with credentials of each kind, and its calls have their token."""
    become(kind)
    ends = {"watch": TERMINATED, "function": 200}
    assert google.everywhere() == {(command, ends.get(command, OK)) for command in COMMANDS}
    assert set(google.front.tokens) == {f"Bearer {SENT[kind]}"}


@pytest.mark.parametrize(
    "answer",
    [
        SECRETS,
        json.dumps({"error": "invalid_grant", "error_description": f"Unknown: {SECRETS}"}),
        json.dumps({"error": {"code": 400, "message": SECRETS, "status": "INVALID_ARGUMENT"}}),
        json.dumps({"error": SECRETS}),
    ],
    ids=["text", "description", "status", "error"],
)
@pytest.mark.parametrize("kind", SENT)
def test_a_token_server_that_repeats_the_secret(
    google: Google, become: Become, kind: str, answer: str
) -> None:
    """However it refuses, and whatever its answer holds, the sentence holds no part of it."""
    become(kind)
    google.tokens.answers = {}
    google.tokens.answer = (400, answer)
    assert google.everywhere() == FAILED
    assert google.tokens.requests
    assert not google.front.tokens


@pytest.mark.parametrize("kind", ["service_account", "user", "impersonated", "federated"])
def test_a_file_that_is_no_credentials_file(
    google: Google, become: Become, monkeypatch: pytest.MonkeyPatch, kind: str
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
        path.write_text(mangled)
        assert google.everywhere() == FAILED
    for value in (content, base64.b64encode(content.encode()).decode()):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", value)
        assert google.everywhere() == FAILED
    assert not google.front.tokens


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy"])
def test_a_proxy_with_a_password(
    google: Google, become: Become, monkeypatch: pytest.MonkeyPatch, variable: str
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
    for command in ("run", "check"):
        out, err = io.StringIO(), io.StringIO()
        code = main([command], google.environ, out, err)
        assert code == (OK if relays else INCOMPLETE)
        assert not canaries_in(f"{out.getvalue()}{err.getvalue()}{google.printed.readouterr()}")
    assert bool(google.front.tokens) == relays
    assert any("Proxy-Authorization" in headers for _, headers, _ in proxy.requests)


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("words", ["run", "run --dry-run", "check", "watch"])
def test_a_credentials_file_in_place_of_config(
    command: Command, become: Become, words: str, *, in_file: bool
) -> None:
    """Mistakes in config are shown with their values, and a key is none."""
    key = become("service_account")
    content = {} if in_file else {"DATASTREAM_EXPORTER_CONFIG": key.read_text()}
    argv = [*words.split(), *(["--config", str(key)] * in_file)]
    for more in ({}, JOB):
        ended = command(*argv, environ={**content, **more})
        assert ended.code == USAGE
        assert "private_key" in ended.out + ended.err
        assert not canaries_in(ended.out + ended.err)
