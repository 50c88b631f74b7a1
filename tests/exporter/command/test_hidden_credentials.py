"""No command prints a credential: real credentials over HTTP and TLS."""

import io
import itertools
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from google.auth.compute_engine import _metadata

from exporter.command.cli import main
from exporter.process import INCOMPLETE, OK, TERMINATED, USAGE
from lab.emulator.world import Fault
from tests.canary import USER, Canary, canaries_in, token_answer
from tests.certificate import key_and_certificate
from tests.conftest import SignalWhen
from tests.exporter.command.conftest import CONFIG, JOB, Shop, command
from tests.exporter.function.conftest import made
from tests.exporter.google.conftest import READER, impersonating, working_key
from tests.exporter.google.loopback import HttpServer, TlsFront

VERBOSE = "DATASTREAM_EXPORTER_VERBOSE"
SECRETS = " ".join(Canary)
# The token that calls have, by the kind of credentials
SENT = {
    "service_account": Canary.ACCESS_TOKEN,
    "user": Canary.ACCESS_TOKEN,
    "impersonated": Canary.IMPERSONATED_TOKEN,
    "federated": Canary.FEDERATED_TOKEN,
    "metadata": Canary.METADATA_TOKEN,
}
FAILED = {
    **dict.fromkeys(("run", "run --dry-run", "check", "watch"), INCOMPLETE),
    "function": 500,
}

Become: TypeAlias = Callable[[str], Path]
Everywhere: TypeAlias = Callable[[], dict[str, int]]


@pytest.fixture
def apis(shop: Shop) -> Iterator[TlsFront]:
    """Return Google's APIs over TLS, and let commands of the shop call them."""
    with TlsFront(shop.cloud, *key_and_certificate()) as front:
        endpoints = {"datastream": front.address, "monitoring": front.address}
        shop.config += f"endpoints: {json.dumps(endpoints)}\n"
        yield front


@pytest.fixture
def tokens(http_server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> HttpServer:
    """Return all that gives out tokens, also at the addresses in google-auth's code."""
    server = f"http://{http_server.address}"
    for name, path in (
        ("iam._IAM_ENDPOINT", "as/{}"),
        ("external_account._CLOUD_RESOURCE_MANAGER", "projects/"),
    ):
        monkeypatch.setattr(f"google.auth.{name}", f"{server}/{path}")
    monkeypatch.setattr(
        "google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{server}/user"
    )
    expires = {"expireTime": "2099-01-01T00:00:00Z"}
    account = {"email": READER, "scopes": [], "aliases": ["default"]}
    answers = {
        "/sts": token_answer(Canary.FEDERATED_TOKEN),
        "/as/": json.dumps({"accessToken": Canary.IMPERSONATED_TOKEN, **expires}),
        "/instance/service-accounts/default/token": token_answer(Canary.METADATA_TOKEN),
        "/instance/service-accounts/default/?recursive": json.dumps(account),
        "/universe-domain": "googleapis.com",
    }
    http_server.answer = (200, token_answer())
    http_server.answers = {path: (200, text) for path, text in answers.items()}
    return http_server


@pytest.fixture
def become(
    tokens: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Become:
    """Return what gives this process credentials of a kind, and returns their file."""
    server = f"http://{tokens.address}"
    subject = tmp_path / "subject-token"
    contents: dict[str, dict[str, Any]] = {
        "service_account": working_key(tokens.address),
        "user": USER,
        "impersonated": impersonating(tokens.address),
        "federated": {
            "type": "external_account",
            "audience": (
                "//iam.googleapis.com/projects/2/locations/global/workloadIdentityPools/a"
            ),
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
            monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", tokens.address)
            monkeypatch.setenv("GCE_METADATA_IP", tokens.address)
        else:
            subject.write_text(Canary.SUBJECT_TOKEN)
            path.write_text(json.dumps(contents[kind]))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return path

    return become


@pytest.fixture
def everywhere(
    shop: Shop,
    apis: TlsFront,
    signal_when: SignalWhen,
    capfd: pytest.CaptureFixture[str],
) -> Everywhere:
    """Return what runs every command and returns their exit codes.

    One of them runs on Cloud Run, too. It fails if one of them shows a credential.
    """
    numbers = itertools.count()

    def ends(name: str, environ: dict[str, str], out: io.StringIO) -> int:
        err = io.StringIO()
        answer = None
        # In the same second, the points of the same series would be refused.
        run = f"run: {{deadline: 20s, name: exporter-{next(numbers)}}}\n"
        environ = {**environ, CONFIG: shop.config + run, VERBOSE: "1"}
        if name == "function":
            answer = made(environ, out).answer("POST", "/")
        if name == "watch":
            before = len(apis.tokens)
            signal_when(signal.SIGTERM, lambda: len(apis.tokens) > before)
        code = answer.status if answer else main(name.split(), environ, out, err)
        # Google's libraries print to stderr itself.
        shown = f"{out.getvalue()}{err.getvalue()}{answer}{capfd.readouterr()}"
        assert not canaries_in(shown), f"{name}: {shown}"
        assert out.getvalue() + err.getvalue()
        return code

    def everywhere() -> dict[str, int]:
        codes = {name: ends(name, {}, io.StringIO()) for name in FAILED}
        assert ends("run", JOB, io.StringIO()) == codes["run"]
        return codes

    return everywhere


@pytest.mark.parametrize("kind", SENT)
def test_commands_that_succeed(
    apis: TlsFront, become: Become, everywhere: Everywhere, kind: str
) -> None:
    """Every command succeeds with each kind of credentials, and sends their token."""
    become(kind)
    assert everywhere() == {
        **dict.fromkeys(FAILED, OK),
        "watch": TERMINATED,
        "function": 200,
    }
    assert set(apis.tokens) == {f"Bearer {SENT[kind]}"}


@pytest.mark.parametrize(
    "answer",
    [
        SECRETS,
        json.dumps(
            {"error": "invalid_grant", "error_description": f"Unknown: {SECRETS}"}
        ),
    ],
    ids=["text", "description"],
)
@pytest.mark.parametrize("kind", SENT)
def test_a_token_server_that_repeats_the_secret(
    tokens: HttpServer, become: Become, everywhere: Everywhere, kind: str, answer: str
) -> None:
    """The sentence has no part of the secret, however the server refuses."""
    become(kind)
    tokens.answers = {}
    tokens.answer = (400, answer)
    assert everywhere() == FAILED
    assert tokens.paths


def test_an_api_that_repeats_the_token(
    shop: Shop, apis: TlsFront, become: Become, everywhere: Everywhere
) -> None:
    """No error of reading, reading back or writing shows the token of the calls."""
    become("service_account")
    words = f"Unknown: Bearer {Canary.ACCESS_TOKEN}"
    shop.cloud.add_fault(Fault(method="*", code="PERMISSION_DENIED", message=words))
    assert everywhere() == FAILED | {"run --dry-run": OK, "watch": TERMINATED}
    assert apis.tokens


@pytest.mark.parametrize("in_file", [False, True])
def test_a_credentials_file_in_place_of_config(
    become: Become, *, in_file: bool
) -> None:
    """Mistakes in config are shown with their values, and a key is none."""
    key = become("service_account")
    if in_file:
        ended = command("run", "--config", str(key))
    else:
        ended = command("run", **{CONFIG: key.read_text()})
    assert ended.code == USAGE
    assert "private_key" in ended.err
    assert not canaries_in(ended.out + ended.err)
