"""Connects to Google: credentials, channels and the clients on them.

A channel is the one seam to Google: tests and emulators replace what it leads to,
nothing else.
"""

import logging
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Self, TypeVar

import google.auth
import grpc
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.cloud.datastream_v1 import DatastreamClient
from google.cloud.monitoring_v3 import MetricServiceClient

from exporter.config import Endpoints
from exporter.google.environment import check_proxies
from exporter.google.errors import (
    INVALID_TOKEN,
    MORE_THREADS,
    Caller,
    CallError,
    Failure,
    FailureKind,
    explain_credentials_error,
)
from exporter.logger import LOGGER
from exporter.names import LocationName

_C = TypeVar("_C")

DATASTREAM_EMULATOR = "DATASTREAM_EMULATOR_HOST"
MONITORING_EMULATOR = "MONITORING_EMULATOR_HOST"
_EMULATORS = (DATASTREAM_EMULATOR, MONITORING_EMULATOR)
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TOKEN_SECONDS = 10.0  # an absent metadata server takes most of it
# Connections to each API. HTTP/2 carries 100 calls at once on one, so a region that
# hangs in 100 projects would block every other location. A run reads 512 locations at
# once: about 64 on each connection.
_CHANNELS = 8

_OPTIONS = (
    # The exporter has its own. gRPC's never end where a server closes each connection
    # (GOAWAY).
    ("grpc.enable_retries", 0),
    # A new channel has connections of its own.
    ("grpc.use_local_subchannel_pool", 1),
    # A connection that is accepted and then silent gets 5 s instead of gRPC's 20.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # A partial write names each refused series in the trailers, beyond the default of
    # 16 KiB.
    ("grpc.max_metadata_size", 4 * 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 8 * 1024 * 1024),
    # A connection can die while the CPU of a function stands still: a call asks after 5
    # s of silence, and after 3 s more fails, for a retry on a new one.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
    # A page of a thousand streams, each with the tables that it includes, passes gRPC's
    # 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)
# A proxy can't reach this machine
_EMULATOR_OPTIONS = (*_OPTIONS, ("grpc.enable_http_proxy", 0))


class Clients:
    """Google's clients, for endpoints of config or emulators; threads share them."""

    def __init__(self, endpoints: Endpoints, environ: Mapping[str, str]) -> None:
        """Fetch the first token: CallError if there is none.

        Raise InputError if the environment names a proxy wrongly.
        """
        self._endpoints = endpoints
        self._environ = environ
        self.credentials: Credentials | None = None
        # The one that the credentials come with, or gcloud's
        self.project: str | None = None
        self.account = "none are needed, as emulators are used"  # who calls, for people
        if not all(map(environ.get, _EMULATORS)):
            check_proxies(environ)
            self.credentials, self.project = _credentials(_TOKEN_SECONDS)
            email = getattr(self.credentials, "service_account_email", None)
            self.account = email or "a user's own"
        self._open()

    def renew(self, seconds: float) -> None:
        """Replace credentials and connections: gRPC may stay on one where calls fail.

        If there is no new token within the seconds, the credentials stay.
        """
        if self.credentials is not None:
            with suppress(CallError):
                self.credentials, _ = _credentials(seconds)
        self._open()

    def datastream_for(self, parent: LocationName | str) -> DatastreamClient:
        """Return the client for a location or a project, always the same one."""
        return self._datastreams[hash(str(parent)) % len(self._datastreams)]

    def pool(self, threads: int, name: str, /) -> Executor:
        """Return threads of a name that make calls at the same time."""
        return ThreadPoolExecutor(threads, name)

    def _open(self) -> None:
        self.caller = Caller(self.credentials)
        self._channels: list[grpc.Channel] = []
        self._datastreams = self.connect(
            DatastreamClient, DATASTREAM_EMULATOR, self._endpoints.datastream
        )
        # Writers choose one of them for each location.
        self.monitorings = self.connect(
            MetricServiceClient, MONITORING_EMULATOR, self._endpoints.monitoring
        )
        self.monitoring = self.monitorings[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        # Calls that are still under way fail at once.
        for channel in self._channels:
            channel.close()

    def connect(
        self, kind: type[_C], emulator: str, endpoint: str | None = None, /
    ) -> list[_C]:
        """Return clients of a kind, each on a channel of its own.

        ``emulator`` is the variable whose host takes the place of the endpoint.
        """
        google: Any = kind
        transport = google.get_transport_class("grpc")
        clients = []
        for _ in range(_CHANNELS):
            if host := self._environ.get(emulator):
                channel = grpc.insecure_channel(host, options=_EMULATOR_OPTIONS)
            else:
                channel = transport.create_channel(
                    endpoint or google.DEFAULT_ENDPOINT,
                    credentials=self.credentials,
                    options=_OPTIONS,
                )
            self._channels.append(channel)
            clients.append(google(transport=transport(channel=channel)))
        return clients


def open_clients(endpoints: Endpoints, environ: Mapping[str, str]) -> Clients:
    """Connect; warn where that is to emulators."""
    hosts = [f"{name} is {environ[name]}" for name in _EMULATORS if environ.get(name)]
    if hosts:
        LOGGER.warning(
            "Emulators take Google's place, without credentials or encryption: %s.",
            " and ".join(hosts),
        )
    return Clients(endpoints, environ)


def _credentials(seconds: float) -> tuple[Credentials, str | None]:
    """Return credentials with a token, and the project that they come with.

    A thread fetches it: a server that sends a byte at a time keeps to no timeout.
    """
    # gRPC's plugin logs each error of google-auth with its arguments, which can be
    # secrets.
    logging.getLogger("grpc._plugin_wrapping").disabled = True
    fetched: Future[tuple[Credentials, str | None]] = Future()

    def fetch() -> None:
        request = Request()
        try:
            with warnings.catch_warnings():
                # google-auth warns about users without a quota project. Where one is
                # needed, the API rejects the call, and the failure's hint says what to
                # do.
                warnings.simplefilter("ignore", UserWarning)
                credentials, project = google.auth.default(_SCOPES, request)
            credentials.refresh(request)
            fetched.set_result((credentials, project))
        except Exception as error:  # noqa: BLE001 - a mangled file makes google-auth raise anything
            fetched.set_exception(error)

    try:
        threading.Thread(target=fetch, name="token", daemon=True).start()
    except RuntimeError:
        raise CallError(
            Failure(
                FailureKind.CREDENTIALS,
                "no thread could be started to fetch a token",
                MORE_THREADS,
            )
        ) from None
    try:
        credentials, project = fetched.result(timeout=seconds)
    except Exception as error:
        raise CallError(explain_credentials_error(error)) from error
    if not isinstance(credentials.token, str):
        raise CallError(INVALID_TOKEN)
    return credentials, project
