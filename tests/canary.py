"""A canary in every kind of credential: no output of any test may show one.

Every test that needs a credential takes it from here. ``tests/conftest.py`` fails a test that
prints, logs or writes one; :mod:`tests.outputs` says where it looks.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MARK = f"canary{7_919}q"
"""Is in every canary, and not in this file, as tests copy it.

Letters and digits survive JSON, URLs, HTML and shells as they are.
"""


class Canary(StrEnum):
    """A value for each kind of credential, in the form that the real ones have."""

    PRIVATE_KEY = f"MIIEvQIBADANBgkqhkiG{MARK}PrivateKey"
    CLIENT_SECRET = f"GOCSPX-{MARK}ClientSecret"
    REFRESH_TOKEN = f"1//0g{MARK}RefreshToken"
    SUBJECT_TOKEN = f"eyJhbGciOiJSUzI1NiJ9.{MARK}SubjectToken"
    ACCESS_TOKEN = f"ya29.a0{MARK}AccessToken"
    METADATA_TOKEN = f"ya29.c.{MARK}MetadataToken"
    FEDERATED_TOKEN = f"ya29.d.{MARK}FederatedToken"
    IMPERSONATED_TOKEN = f"ya29.i.{MARK}ImpersonatedToken"
    PROXY_PASSWORD = f"{MARK}ProxyPassword"
    SLACK_TOKEN = f"xoxb-{MARK}SlackToken"
    NEW_SLACK_TOKEN = f"xoxb-{MARK}NewSlackToken"
    SECRET_MANAGER_SECRET = f"xoxb-{MARK}SecretManagerSecret"
    GITHUB_TOKEN = f"ghs_{MARK}GithubToken"
    GITLAB_TOKEN = f"glpat-{MARK}GitlabToken"
    TERRAFORM_TOKEN = f"ya29.t.{MARK}TerraformToken"

    @property
    def kind(self) -> str:
        """Return what it is a canary of, in words."""
        return self.name.lower().replace("_", " ")


KEY_TEXT = f"-----BEGIN PRIVATE KEY-----\n{Canary.PRIVATE_KEY}\n-----END PRIVATE KEY-----\n"
"""A private key that can't be parsed."""

SERVICE_ACCOUNT = {
    "type": "service_account",
    "client_email": "exporter@shop-prod.iam.gserviceaccount.com",
    "token_uri": "http://127.0.0.1:9/token",
    "private_key": KEY_TEXT,
}
"""A service account's key file with a key that can't be parsed."""

USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": Canary.CLIENT_SECRET,
    "refresh_token": Canary.REFRESH_TOKEN,
}
"""A user's own credentials file. Its token server is Google's."""

ENVIRONMENT = {
    "GITHUB_TOKEN": Canary.GITHUB_TOKEN,
    "REVIEW_TOKEN": Canary.GITLAB_TOKEN,
    "GOOGLE_OAUTH_ACCESS_TOKEN": Canary.TERRAFORM_TOKEN,
}
"""Set in every test, and so in every process that a test starts."""


@cache
def private_key() -> str:
    """Return a private key that works; each of its lines counts as a canary."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def token_answer(token: str = Canary.ACCESS_TOKEN) -> str:
    """Return what a token server answers."""
    return json.dumps({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


def kinds_in(data: bytes) -> list[str]:
    """Return the kinds of credentials with a canary in some data."""
    kinds = []
    if MARK.encode() in data:
        kinds = [canary.kind for canary in Canary if canary.encode() in data]
        # The rest may have been cut off, or be on the next line.
        kinds = kinds or ["part of a credential"]
    if private_key.cache_info().currsize:
        lines = private_key().encode().splitlines()[1:-1]
        if any(line in data for line in lines):
            kinds.append("working private key")
    return kinds
