"""A canary for each kind of credential: a real form that no output may show."""

import json
import re
from enum import StrEnum
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# In every canary: letters and digits, which JSON, URLs, HTML and shells keep
_MARK = "canary7919q"
# A terminal moves and colours between letters
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Canary(StrEnum):
    """A value for each kind of credential, in the form that the real ones have."""

    PRIVATE_KEY = f"MIIEvQIBADANBgkqhkiG{_MARK}PrivateKey"
    CLIENT_SECRET = f"GOCSPX-{_MARK}ClientSecret"
    REFRESH_TOKEN = f"1//0g{_MARK}RefreshToken"
    SUBJECT_TOKEN = f"eyJhbGciOiJSUzI1NiJ9.{_MARK}SubjectToken"
    ACCESS_TOKEN = f"ya29.a0{_MARK}AccessToken"
    METADATA_TOKEN = f"ya29.c.{_MARK}MetadataToken"
    FEDERATED_TOKEN = f"ya29.d.{_MARK}FederatedToken"
    IMPERSONATED_TOKEN = f"ya29.i.{_MARK}ImpersonatedToken"
    PROXY_PASSWORD = f"{_MARK}ProxyPassword"
    SLACK_TOKEN = f"xoxb-{_MARK}SlackToken"
    NEW_SLACK_TOKEN = f"xoxb-{_MARK}NewSlackToken"
    SECRET_MANAGER_SECRET = f"xoxb-{_MARK}SecretManagerSecret"
    GITHUB_TOKEN = f"ghs_{_MARK}GithubToken"


# A service account's key file with a key that can't be parsed
KEY_TEXT = (
    f"-----BEGIN PRIVATE KEY-----\n{Canary.PRIVATE_KEY}\n-----END PRIVATE KEY-----\n"
)
SERVICE_ACCOUNT = {
    "type": "service_account",
    "client_email": "exporter@shop-prod.iam.gserviceaccount.com",
    "token_uri": "http://127.0.0.1:9/token",
    "private_key": KEY_TEXT,
}
# A user's own credentials file; its token server is Google's
USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": Canary.CLIENT_SECRET,
    "refresh_token": Canary.REFRESH_TOKEN,
}


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
    return json.dumps(
        {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
    )


def canaries_in(text: str) -> list[str]:
    """Return the canaries in an output, also if it is wrapped, coloured or cut off."""
    # It wraps long words, too.
    whole = "".join(_ESCAPE.sub("", text).split())
    found = [canary.name for canary in Canary if canary in whole]
    if private_key.cache_info().currsize:
        found += [
            "a working key"
            for line in private_key().splitlines()[1:-1]
            if line in whole
        ]
    return found or (["a part of one"] if _MARK in whole else [])
