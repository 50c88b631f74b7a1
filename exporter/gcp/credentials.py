"""Who the exporter calls as: Application Default Credentials, or an account that they impersonate.

No text of a token server's answer, and no token, gets any further than this module.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

import google.auth
import grpc
from google.auth import exceptions, impersonated_credentials
from google.auth.transport.requests import Request

from exporter.gcp.background import in_background, result
from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import (
    CallError,
    Failure,
    FailureKind,
    auth_message,
    explain_credentials_error,
)
from exporter.gcp.tokens import remember

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests
    from google.auth.credentials import Credentials
    from google.auth.transport import Response

    from exporter.gcp.clients import Identity

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

SECONDS = 10.0
"""For everything that gets a token; an absent metadata server takes most of it."""

_LONGEST_ANSWER = 64 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")


def fetch(identity: Identity, deadline: Deadline) -> Credentials:
    """Return credentials with a token.

    They are fetched in the background: a server that sends a byte at a time keeps to no timeout.

    Raises:
        CallError: There are none, or not by the deadline.
    """
    request = _BoundedRequest(deadline)
    try:
        return result(in_background(lambda: _refreshed(identity, request)), deadline)
    except Exception as error:  # a mangled file makes google-auth raise anything
        if deadline.stopped:
            message = "interrupted while waiting for a token"
            raise CallError(
                Failure(FailureKind.CREDENTIALS, message, "Nothing was read.")
            ) from error
        failure = explain_credentials_error(error, impersonated=identity.impersonate)
        raise CallError(failure) from error


def channel_credentials(
    credentials: Credentials, transport: grpc.ChannelCredentials | None = None
) -> grpc.ChannelCredentials:
    """Return what encrypts a channel, TLS by default, and gives each call a token."""
    return grpc.composite_channel_credentials(
        transport or grpc.ssl_channel_credentials(),
        grpc.metadata_call_credentials(_Tokens(credentials)),
    )


def _refreshed(identity: Identity, request: Request) -> Credentials:
    with warnings.catch_warnings():
        # google-auth warns about users without a quota project. Where one is needed, the API
        # rejects the call, and the failure's hint says what to do.
        warnings.simplefilter("ignore", UserWarning)
        credentials, _ = google.auth.default(
            scopes=SCOPES, quota_project_id=identity.quota_project, request=request
        )
    if identity.impersonate:
        credentials = impersonated_credentials.Credentials(
            source_credentials=credentials,
            target_principal=identity.impersonate,
            target_scopes=SCOPES,
            quota_project_id=identity.quota_project,
        )
    credentials.refresh(request)
    _check(credentials.token)
    return credentials


def _check(token: object) -> None:
    if not _TOKEN.fullmatch(text := str(token or "")):
        raise exceptions.RefreshError("the token server's token has characters that no token has")
    remember(text)


class _BoundedRequest(Request):
    """google-auth's transport, with one deadline for its requests, and for answers of some size."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: object,
    ) -> Response:
        left = self._deadline.left
        if left <= 0:
            raise exceptions.TransportError("no token in time")
        kwargs |= {"stream": True, "hooks": {"response": _cut}}
        response: Response = super().__call__(  # type: ignore[no-untyped-call] # google-auth is typed in part
            url, method, body, headers, min(timeout or left, left), **kwargs
        )
        return response


def _cut(response: requests.Response, **_: object) -> None:
    """Read no more of an answer than any token takes."""
    with response.raw:
        response.raw = io.BytesIO(next(response.iter_content(_LONGEST_ANSWER), b""))


class _Tokens(grpc.AuthMetadataPlugin):  # type: ignore[misc] # grpc is untyped
    """Gives each call a token, refreshed when it has to be."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(
        self,
        context: grpc.AuthMetadataContext,
        callback: Callable[[tuple[tuple[str, str], ...], Exception | None], None],
    ) -> None:
        headers: dict[str, str] = {}
        request = _BoundedRequest(Deadline.after(SECONDS))
        try:
            self._credentials.before_request(
                request, context.method_name, context.service_url, headers
            )
            _check(self._credentials.token)
        except Exception as error:  # noqa: BLE001 - gRPC would log it whole, with its arguments
            callback((), exceptions.RefreshError(auth_message(error)))
        else:
            callback(tuple(headers.items()), None)
