"""The one seam to Google: credentials, channels and the clients on them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import google.auth
import grpc
from google.auth import exceptions as auth_exceptions
from google.auth import impersonated_credentials
from google.auth.transport.requests import Request
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.datastream_v1.services.datastream.transports import DatastreamGrpcTransport
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from exporter.gcp.deadline import Deadline
from exporter.gcp.errors import CallError, explain_credentials_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.auth.credentials import Credentials
    from google.auth.transport import Response

    from exporter.config import Endpoints

DATASTREAM_EMULATOR = "DATASTREAM_EMULATOR_HOST"
MONITORING_EMULATOR = "MONITORING_EMULATOR_HOST"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    # gRPC's own retries begin at once and never end on a connection that a server closes before
    # it answers anything (GOAWAY with last stream 0). The exporter has its own.
    ("grpc.enable_retries", 0),
    # A partial write names each refused series, twice, in the trailers. Beyond the default of
    # 16 KiB, gRPC would replace the error with RESOURCE_EXHAUSTED.
    ("grpc.max_metadata_size", 4 * 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 8 * 1024 * 1024),
    # A connection can die without a word while the CPU of a function stands still. A call that
    # hears nothing for 5 s asks the server, and after 3 s more fails, for a retry on a new one.
    # With these, gRPC also has the kernel give up packets that nobody acknowledges for 3 s.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
)
# A page of a thousand streams, each with the tables that it includes, passes gRPC's 4 MiB.
_DATASTREAM_OPTIONS = (*_OPTIONS, ("grpc.max_receive_message_length", 64 * 1024 * 1024))
_MONITORING_OPTIONS = (*_OPTIONS, ("grpc.max_receive_message_length", 4 * 1024 * 1024))
_EMULATOR_OPTIONS = (
    # An emulator is on this machine or close to it, where a company's proxy can't reach it.
    ("grpc.enable_http_proxy", 0),
)
_CREDENTIALS_SECONDS = 10.0
"""For all requests that get the first token; an absent metadata server takes most of it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The account that the exporter calls as, if not the default credentials alone.

    Attributes:
        impersonate: Email address of a service account to impersonate.
        quota_project: The project whose quota and billing the calls count against.
    """

    impersonate: str | None = None
    quota_project: str | None = None


@dataclass(frozen=True, slots=True)
class Clients:
    """Google's own clients, each on one channel that all threads share."""

    datastream: datastream_v1.DatastreamClient
    monitoring: monitoring_v3.MetricServiceClient
    channels: tuple[grpc.Channel, ...]

    def __enter__(self) -> Self:
        """Return the clients themselves."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the channels; calls that are still under way fail at once."""
        self.close()

    def close(self) -> None:
        """Close the channels; calls that are still under way fail at once."""
        for channel in self.channels:
            channel.close()


def emulators(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the emulator variables that are set, by name."""
    return {
        name: environ[name]
        for name in (DATASTREAM_EMULATOR, MONITORING_EMULATOR)
        if environ.get(name)
    }


def connect(
    endpoints: Endpoints, environ: Mapping[str, str], identity: Identity
) -> tuple[Clients, str]:
    """Return clients for the endpoints in config or emulators, and the account that they call as.

    Credentials are fetched here, once, unless both services are emulators. So missing credentials
    are one clear error, not a failure of every call.

    Raises:
        CallError: There are no valid credentials.
    """
    named = emulators(environ)
    credentials = None
    account = "none are needed: emulators are used"
    if len(named) < len((DATASTREAM_EMULATOR, MONITORING_EMULATOR)):
        credentials = _credentials(identity)
        account = getattr(credentials, "service_account_email", None) or "a user's own"

    def channel(
        transport: type[DatastreamGrpcTransport | MetricServiceGrpcTransport],
        emulator: str,
        endpoint: str | None,
        options: tuple[tuple[str, int], ...],
    ) -> grpc.Channel:
        if emulator in named:
            return grpc.insecure_channel(named[emulator], options=(*options, *_EMULATOR_OPTIONS))
        return transport.create_channel(
            endpoint or transport.DEFAULT_HOST, credentials=credentials, options=options
        )

    datastream = channel(
        DatastreamGrpcTransport, DATASTREAM_EMULATOR, endpoints.datastream, _DATASTREAM_OPTIONS
    )
    monitoring = channel(
        MetricServiceGrpcTransport, MONITORING_EMULATOR, endpoints.monitoring, _MONITORING_OPTIONS
    )
    clients = Clients(
        datastream_v1.DatastreamClient(transport=DatastreamGrpcTransport(channel=datastream)),
        monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=monitoring)),
        (datastream, monitoring),
    )
    return clients, account


class _DeadlineRequest(Request):
    """google-auth's transport, with one deadline for all of its requests."""

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
            raise auth_exceptions.TransportError(f"got no token within {_CREDENTIALS_SECONDS:g} s")
        seconds = min(timeout or left, left)
        response: Response = super().__call__(url, method, body, headers, seconds, **kwargs)  # type: ignore[no-untyped-call] # google-auth is typed in part
        return response


def _credentials(identity: Identity) -> Credentials:
    request = _DeadlineRequest(Deadline.after(_CREDENTIALS_SECONDS))
    try:
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
    except Exception as error:  # a mangled file makes google-auth raise anything
        failure = explain_credentials_error(error, impersonated=identity.impersonate)
        raise CallError(failure) from error
    return credentials
