"""Makes the process nobody, or a service account with a token server on loopback."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.canary import SERVICE_ACCOUNT, private_key, token_answer
from tests.certificate import key_and_certificate
from tests.exporter.conftest import Serve
from tests.exporter.google.loopback import HttpServer, TlsFront
from tests.exporter.worlds import world

READER = "reader@shop-prod.iam.gserviceaccount.com"
"""A service account that others impersonate."""

# Makes some content that of the credentials file
Use: TypeAlias = Callable[[Any], None]


@pytest.fixture(autouse=True)
def _nobody(nobody: None) -> None:
    """Make the process one without credentials, on a machine that is not Google's."""


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Use:
    """Return what writes the credentials file that the environment names."""
    path = tmp_path / "credentials.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    def use(content: Any) -> None:
        if not isinstance(content, str):
            content = json.dumps(content)
        path.write_text(content)

    return use


def working_key(address: str) -> dict[str, str]:
    """Return a service account's key file, whose token server is at an address."""
    return {
        **SERVICE_ACCOUNT,
        "private_key": private_key(),
        "token_uri": f"http://{address}/token",
    }


def impersonating(address: str) -> dict[str, Any]:
    """Return what gcloud's login writes that is told to impersonate an account."""
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": (
            f"http://{address}/as/{READER}:generateAccessToken"
        ),
        "source_credentials": working_key(address),
    }


@pytest.fixture
def tokens(http_server: HttpServer, use: Use) -> HttpServer:
    """Be a service account; return the server that gives out its tokens."""
    use(working_key(http_server.address))
    http_server.answer = (200, token_answer())
    return http_server


@pytest.fixture
def front(serve: Serve) -> Iterator[TlsFront]:
    """Return Google's endpoints, over TLS."""
    with TlsFront(serve(world()).cloud, *key_and_certificate()) as front:
        yield front
