"""Whom the exporter calls as, and one sentence where that is nobody.

google-auth reads the environment of the process itself, so the tests change that.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from google.auth.compute_engine import _metadata
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config import Endpoints
from exporter.google.clients import (
    DATASTREAM_EMULATOR,
    MONITORING_EMULATOR,
    Identity,
    connect,
    emulators,
)
from exporter.gcp.credentials import fetch
from exporter.google.calls import Deadline
from exporter.google.errors import CallError, FailureKind
from tests.canary import SERVICE_ACCOUNT, USER, Canary, private_key, token_answer
from tests.exporter.gcp.loopback import dripping
from tests.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.exporter.gcp.loopback import HttpServer

DEFAULT = Identity()
KEY: dict[str, object] = {**SERVICE_ACCOUNT}
ACCOUNT = KEY["client_email"]


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make the process one without credentials, on a machine that is not Google's."""
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
        "CLOUDSDK_CONFIG",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # The variable NO_GCE_CHECK is read when the module is imported.
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)


@pytest.fixture
def service_account(
    http_server: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> HttpServer:
    """Be a service account; return the server that gives out its tokens."""
    use(
        monkeypatch,
        tmp_path,
        KEY | {"private_key": private_key(), "token_uri": f"http://{http_server.address}/token"},
    )
    http_server.answer = (200, token_answer())
    return http_server


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, content: object) -> Path:
    """Make a file the one that GOOGLE_APPLICATION_CREDENTIALS names; return its path."""
    path = folder / "credentials.json"
    OUTPUTS.write_input(path, content if isinstance(content, str | bytes) else json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


@contextmanager
def connected(identity: Identity = DEFAULT, deadline: Deadline | None = None) -> Iterator[str]:
    """Connect to Google's own endpoints, without calling them; give the account."""
    clients, account = connect(Endpoints(), {}, identity, deadline)
    with clients:
        yield account


def refused(identity: Identity = DEFAULT, deadline: Deadline | None = None) -> str:
    """Return the one sentence that connecting ends in."""
    with pytest.raises(CallError) as caught, connected(identity, deadline):
        pass
    assert caught.value.failure.kind is FailureKind.CREDENTIALS
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    OUTPUTS.add("the sentence", sentence)
    return sentence


def test_there_are_none() -> None:
    """The command that makes some is named, and the variable that names some."""
    sentence = refused()
    assert "gcloud auth application-default login" in sentence
    assert "GOOGLE_APPLICATION_CREDENTIALS" in sentence


def test_the_file_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its path stands in the sentence; a folder in its place reads alike."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    assert str(tmp_path / "gone.json") in refused()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    assert str(tmp_path) in refused()


@pytest.mark.parametrize(
    "content",
    [
        "",
        f'{{"private_key": "{Canary.PRIVATE_KEY}',
        json.dumps([Canary.PRIVATE_KEY]),
        json.dumps(Canary.PRIVATE_KEY),
        "null",
        b'\xff\xfe{"private_key": "' + Canary.PRIVATE_KEY.encode(),
        {"private_key": Canary.PRIVATE_KEY},
        KEY | {"type": None},
        KEY | {"type": ["service_account"]},
        {"type": "service_account", "private_key": Canary.PRIVATE_KEY},
        KEY,
        KEY | {"private_key": Canary.PRIVATE_KEY},
        KEY | {"private_key": [Canary.PRIVATE_KEY]},
        KEY | {"private_key": {"": Canary.PRIVATE_KEY}},
        {"type": "authorized_user", "refresh_token": Canary.REFRESH_TOKEN},
        {"type": "external_account", "credential_source": Canary.PRIVATE_KEY},
        {"type": "impersonated_service_account", "source_credentials": Canary.PRIVATE_KEY},
        {"type": "impersonated_service_account", "source_credentials": {"key": Canary.PRIVATE_KEY}},
        {"type": "gdch_service_account", "private_key": Canary.PRIVATE_KEY},
    ],
)
def test_the_file_is_malformed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: object
) -> None:
    """One sentence, in which nothing of the file is quoted."""
    use(monkeypatch, tmp_path, content)
    refused()


mangled = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.sampled_from(
        [
            "client_email",
            "token_uri",
            "private_key",
            "quota_project_id",
            "universe_domain",
            "project_id",
        ]
    ),
    value=mangled,
    usable=st.booleans(),
)
def test_however_a_key_file_is_mangled_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    key: str,
    value: object,
    *,
    usable: bool,
) -> None:
    """No secret of the file, and no traceback, whatever stands where."""
    whole = KEY | {"private_key": private_key()} if usable else KEY
    use(monkeypatch, tmp_path, whole | {key: value})
    if not (usable and key == "universe_domain"):
        refused()
        return
    # A key of another universe than googleapis.com signs its own token.
    with suppress(CallError), connected():
        pass


def test_a_service_account_is_told_and_asks_for_its_token_once(
    service_account: HttpServer,
) -> None:
    """Connecting costs one token and no call; the account is named."""
    with connected() as account:
        assert account == ACCOUNT
    assert [path for path, _, _ in service_account.requests] == ["/token"]


def test_a_revoked_credential_is_told_in_the_token_servers_words(
    service_account: HttpServer,
) -> None:
    """``invalid_grant`` and its description, without the rest of the answer."""
    service_account.answer = (
        400,
        json.dumps(
            {
                "error": "invalid_grant",
                "error_description": "Token has been expired or revoked.",
                "internal": Canary.ACCESS_TOKEN,
            }
        ),
    )
    assert "invalid_grant: Token has been expired or revoked. Run `gcloud" in refused()
    assert len(service_account.requests) == 1


@pytest.mark.parametrize(
    "answer", ["<html>\n<body>Log in to the network</body>", "[]", "{}", "null", '"x"', ""]
)
@pytest.mark.parametrize("status", [200, 403])
def test_a_token_server_that_talks_nonsense(
    service_account: HttpServer, status: int, answer: str
) -> None:
    """A portal's page in place of a token is one sentence too."""
    service_account.answer = (status, answer)
    refused()


def test_a_token_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed_port: int
) -> None:
    """It is the network that is to be checked, not the credentials."""
    uri = f"http://127.0.0.1:{closed_port}/token"
    use(monkeypatch, tmp_path, KEY | {"private_key": private_key(), "token_uri": uri})
    sentence = refused()
    assert "check the network" in sentence
    assert str(closed_port) in sentence


@pytest.mark.parametrize(
    "drip", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"a" * 9999]
)
def test_a_token_server_costs_no_more_time_than_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drip: bytes
) -> None:
    """It is silent, sends a byte at a time, or sends without end: one sentence, in time."""
    with dripping(drip) as address:
        uri = f"http://{address}/token"
        use(monkeypatch, tmp_path, KEY | {"private_key": private_key(), "token_uri": uri})
        started = time.monotonic()
        sentence = refused(deadline=Deadline.after(0.5))
        assert "network" in sentence or "token" in sentence
        assert time.monotonic() - started < 5


def test_a_stop_ends_the_wait_for_a_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent_port: int
) -> None:
    """SIGTERM is obeyed before there are clients as well."""
    uri = f"http://127.0.0.1:{silent_port}/token"
    use(monkeypatch, tmp_path, KEY | {"private_key": private_key(), "token_uri": uri})
    deadline = Deadline.after(60)
    timer = threading.Timer(0.1, deadline.stop.set)
    timer.start()
    started = time.monotonic()
    assert "interrupted while waiting for a token. Nothing was read." in refused(deadline=deadline)
    timer.join()
    assert time.monotonic() - started < 8


def test_a_metadata_server_that_is_not_there_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    """Without any credentials google-auth looks for one; its tries share the time there is."""
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{silent_port}")
    started = time.monotonic()
    assert "gcloud auth application-default login" in refused(deadline=Deadline.after(0.3))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "answer",
    [
        (200, json.dumps({"access_tokn": Canary.ACCESS_TOKEN})),
        (200, Canary.ACCESS_TOKEN),
        (400, Canary.ACCESS_TOKEN),
        (500, json.dumps({"message": Canary.ACCESS_TOKEN})),
        (403, json.dumps([Canary.ACCESS_TOKEN])),
        (200, json.dumps({"access_token": f"{Canary.ACCESS_TOKEN}\nx", "expires_in": 3600})),
    ],
)
def test_no_answer_of_a_token_server_is_shown(
    service_account: HttpServer, answer: tuple[int, str]
) -> None:
    """It can hold a token, in whatever form; a token with a newline is none either."""
    service_account.answer = answer
    assert "token" in refused()


def test_a_users_own_credentials_without_a_quota_project_warn_of_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """google-auth's warning is no sentence for a terminal; the refusal of a call tells of it."""
    gcloud = "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com"
    use(monkeypatch, tmp_path, USER | {"client_id": gcloud})
    # Its token server is Google's own: the proxy that is named is not there.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "check the network and proxies" in refused()


def test_the_quota_project_goes_with_the_credentials(service_account: HttpServer) -> None:
    """It is sent with every call from then on."""
    fetched = fetch(Identity(quota_project="billed-prod"), Deadline.after(30))
    assert fetched.quota_project_id == "billed-prod"
    assert len(service_account.requests) == 1


def test_a_refused_impersonation_is_told_with_the_role_that_it_needs(
    service_account: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's own token is had; the one to act as another is not."""
    other = "reader@shop-prod.iam.gserviceaccount.com"
    monkeypatch.setattr(
        "google.auth.iam._IAM_ENDPOINT", f"http://{service_account.address}/as/{{}}"
    )
    sentence = refused(Identity(impersonate=other))
    assert [path for path, _, _ in service_account.requests] == ["/token", f"/as/{other}"]
    assert "Unable to acquire impersonated credentials" in sentence
    assert f"service-accounts add-iam-policy-binding {other}" in sentence


def test_an_impersonated_account_is_told(
    service_account: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the one that calls are made as, with the scope that they need."""
    other = "reader@shop-prod.iam.gserviceaccount.com"
    monkeypatch.setattr(
        "google.auth.iam._IAM_ENDPOINT", f"http://{service_account.address}/as/{{}}"
    )
    service_account.answer = (
        200,
        json.dumps(
            json.loads(token_answer())
            | {"accessToken": Canary.IMPERSONATED_TOKEN, "expireTime": "2099-01-01T00:00:00Z"}
        ),
    )
    with connected(Identity(impersonate=other)) as account:
        assert account == other
    scopes = json.loads(service_account.requests[-1][2])["scope"]
    assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]


def test_emulators_need_no_credentials() -> None:
    """Two emulators are connected to without any; with one alone they are needed."""
    both = {DATASTREAM_EMULATOR: "127.0.0.1:1", MONITORING_EMULATOR: "127.0.0.1:2"}
    clients, account = connect(Endpoints(), both, Identity())
    clients.close()
    assert "emulators" in account
    with pytest.raises(CallError):
        connect(Endpoints(), {DATASTREAM_EMULATOR: "127.0.0.1:1"}, Identity())
    assert emulators({**both, MONITORING_EMULATOR: "", "HOME": "/"}) == {
        DATASTREAM_EMULATOR: "127.0.0.1:1"
    }
