"""Whom the exporter calls as; one sentence without secrets where there is nobody.

google-auth reads the environment of the process itself, so the tests change that.
"""

import json
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import pytest
from google.auth.compute_engine import _metadata

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients
from exporter.google.errors import CallError, FailureKind
from exporter.text import quote
from tests.canary import SERVICE_ACCOUNT, USER, Canary, canaries_in, token_answer
from tests.exporter.conftest import PLENTY
from tests.exporter.google.conftest import Use, impersonating, working_key
from tests.exporter.google.loopback import HttpServer, saying
from tests.tables import rows

KEY: dict[str, object] = {**SERVICE_ACCOUNT}
LOGIN = (
    "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
)


def refused(seconds: float = PLENTY) -> str:
    """Return the one sentence that connecting to Google ends in."""
    limited = patch("exporter.google.clients._TOKEN_SECONDS", seconds)
    with limited, pytest.raises(CallError) as caught:
        Clients(Endpoints(), {})
    assert caught.value.failure.kind is FailureKind.CREDENTIALS
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert not canaries_in(sentence)
    return sentence


@pytest.mark.parametrize("path", [None, "gone.json", ".", json.dumps(KEY)])
def test_there_are_none(monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    """Without credentials, the hint names the command and the variable for a file."""
    if path:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
    sentence = refused()
    assert LOGIN in sentence
    assert "to the path of a credentials file" in sentence
    named = f"GOOGLE_APPLICATION_CREDENTIALS is set to {quote(path)}: no credentials"
    assert (named in sentence) is (path is not None)


@pytest.mark.parametrize("content", [{}, {"installed": {"client_id": "x"}}, "no JSON"])
def test_a_file_without_credentials_is_named(
    use: Use, tmp_path: Path, content: object
) -> None:
    """An OAuth client's file is none, and nobody is told to grant a role for it."""
    use(content)
    sentence = refused()
    assert f"is set to {quote(str(tmp_path))[:-1]}"[:60] in sentence
    assert "an OAuth client's file is not one" in sentence
    assert "roles/" not in sentence


@rows
def test_a_malformed_file_is_never_quoted(use: Use, content: object) -> None:
    """Of a file that google-auth can't read, no word is shown."""
    if not isinstance(content, str):
        content = json.dumps(content)
    use(content.replace("CANARY", Canary.PRIVATE_KEY))
    refused()


def test_a_service_account_asks_for_its_token_once(
    tokens: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting costs one token and no call; the account and the project are known."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    with Clients(Endpoints(), {}) as connected:
        assert connected.account == KEY["client_email"]
        assert connected.project == "shop-prod"
    assert tokens.paths == ["/token"]


@rows
def test_of_a_token_servers_answer_only_oauths_code_is_shown(
    tokens: HttpServer, status: int, answer: str, words: str
) -> None:
    """A portal's page in place of a token, or an answer with a token, is a sentence."""
    tokens.answer = (status, answer.replace("CANARY", Canary.ACCESS_TOKEN))
    assert words in refused()


def test_a_token_that_is_no_header_is_not_shown(use: Use, tokens: HttpServer) -> None:
    """To impersonate, a token is sent in a header; the error of that would quote it."""
    use(impersonating(tokens.address))
    tokens.answer = (200, token_answer(f"{Canary.ACCESS_TOKEN}\nx"))
    assert "google-auth gave no token: TransportError." in refused()


def test_no_thread_fetches_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that no thread started, and not that credentials are missing."""

    def fail(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", fail)
    assert "no thread could be started to fetch a token. Allow" in refused()


def test_a_token_server_that_is_not_there(use: Use, closed_port: int) -> None:
    """A token server that isn't reached gives the hint to check the network."""
    use(working_key(f"127.0.0.1:{closed_port}"))
    assert "Check the network" in refused()


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 9999])
@pytest.mark.parametrize("has_key", [True, False])
def test_a_server_of_tokens_is_waited_for_so_long(
    monkeypatch: pytest.MonkeyPatch, use: Use, data: bytes, *, has_key: bool
) -> None:
    """A server of tokens or metadata that is silent, or never ends, times out."""
    with saying(data, again=bool(data)) as address:
        if has_key:
            use(working_key(address))
        else:
            monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
            monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
            monkeypatch.setenv("GCE_METADATA_IP", address)
        assert LOGIN in refused(seconds=0.2)


def test_a_users_own_credentials_warn_of_no_missing_quota_project(
    monkeypatch: pytest.MonkeyPatch, use: Use
) -> None:
    """Google-auth's warning isn't shown; a refused call says what is missing."""
    gcloud = "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com"
    use(USER | {"client_id": gcloud})
    # Its token server is Google's own: the proxy that is named is not there.
    monkeypatch.setenv(
        "HTTPS_PROXY", f"http://user:{Canary.PROXY_PASSWORD}@127.0.0.1:9"
    )
    assert "Check the network and proxies" in refused()


def test_an_account_that_may_not_be_impersonated(
    monkeypatch: pytest.MonkeyPatch, use: Use, tokens: HttpServer
) -> None:
    """A refusal names the role that is missing, as gcloud's login names no account."""
    endpoint = f"http://{tokens.address}/as/{{}}"
    monkeypatch.setattr("google.auth.iam._IAM_ENDPOINT", endpoint)
    use(impersonating(tokens.address))
    tokens.answers = {"/as/": (403, token_answer())}
    sentence = refused()
    assert "google-auth gave no token: RefreshError. Check that" in sentence
    assert "service-accounts add-iam-policy-binding ACCOUNT --member" in sentence


def test_emulators_need_no_credentials() -> None:
    """Two emulators need no credentials; with one alone they are needed."""
    one = {DATASTREAM_EMULATOR: "127.0.0.1:1"}
    with pytest.raises(CallError):
        Clients(Endpoints(), {**one, MONITORING_EMULATOR: ""})
    with Clients(Endpoints(), {**one, MONITORING_EMULATOR: "127.0.0.1:2"}) as connected:
        assert "emulators" in connected.account
