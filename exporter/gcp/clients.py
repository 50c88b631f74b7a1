"""The one seam to Google: credentials, channels and the clients on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import grpc
from google.cloud import datastream_v1, monitoring_v3
from google.cloud.datastream_v1.services.datastream.transports import DatastreamGrpcTransport
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcTransport,
)

from exporter.gcp import credentials
from exporter.gcp.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.config import Endpoints

DATASTREAM_EMULATOR = "DATASTREAM_EMULATOR_HOST"
MONITORING_EMULATOR = "MONITORING_EMULATOR_HOST"

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    # gRPC's own retries begin at once and never end on a connection that a server closes before
    # it answers anything (GOAWAY with last stream 0). The exporter has its own.
    ("grpc.enable_retries", 0),
    # A new channel has connections of its own.
    ("grpc.use_local_subchannel_pool", 1),
    # A connection that is accepted and then silent gets 5 s instead of gRPC's 20, so that a run has
    # time for others.
    ("grpc.min_reconnect_backoff_ms", 5_000),
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


@dataclass(frozen=True, slots=True)
class Identity:
    """The account that the exporter calls as, if not the default credentials alone.

    Attributes:
        impersonate: Email address of a service account to impersonate.
        quota_project: The project whose quota and billing the calls count against.
    """

    impersonate: str | None = None
    quota_project: str | None = None


class Clients:
    """Google's own clients, each on one channel that all threads share.

    Attributes:
        datastream: The client of Datastream.
        monitoring: The client of Cloud Monitoring.
    """

    datastream: datastream_v1.DatastreamClient
    monitoring: monitoring_v3.MetricServiceClient

    def __init__(self, channels: Callable[[], tuple[grpc.Channel, grpc.Channel]]) -> None:
        """Open the channels.

        Args:
            channels: Opens a channel to Datastream and one to Cloud Monitoring.
        """
        self._open = channels
        self.renew()

    def renew(self) -> None:
        """Go on with new connections; calls under way end on the old ones.

        gRPC stays on a connection that it believes to be alive, even if every call on it fails: one
        with a GOAWAY that the server never closes, for example.
        """
        datastream, monitoring = self._channels = self._open()
        self.datastream = datastream_v1.DatastreamClient(
            transport=DatastreamGrpcTransport(channel=datastream)
        )
        self.monitoring = monitoring_v3.MetricServiceClient(
            transport=MetricServiceGrpcTransport(channel=monitoring)
        )

    def __enter__(self) -> Self:
        """Return the clients themselves."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the channels; calls that are still under way fail at once."""
        self.close()

    def close(self) -> None:
        """Close the channels; calls that are still under way fail at once."""
        for channel in self._channels:
            channel.close()


def emulators(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the emulator variables that are set, by name."""
    return {
        name: environ[name]
        for name in (DATASTREAM_EMULATOR, MONITORING_EMULATOR)
        if environ.get(name)
    }


def connect(
    endpoints: Endpoints,
    environ: Mapping[str, str],
    identity: Identity,
    deadline: Deadline | None = None,
) -> tuple[Clients, str]:
    """Return clients for the endpoints in config or emulators, and the account that they call as.

    Credentials are fetched here, once, unless both services are emulators. So missing credentials
    are one clear error, not a failure of every call.

    Args:
        endpoints: The endpoints in config.
        environ: The environment, which can name emulators.
        identity: The account to call as.
        deadline: Bounds the fetching of credentials, which has 10 s at most.

    Raises:
        CallError: There are no valid credentials.
    """
    named = emulators(environ)
    account, tokens = "none are needed, as emulators are used", None
    if len(named) < len((DATASTREAM_EMULATOR, MONITORING_EMULATOR)):
        deadline = (deadline or Deadline.after(credentials.SECONDS)).within(credentials.SECONDS)
        fetched = credentials.fetch(identity, deadline)
        account = getattr(fetched, "service_account_email", None) or "a user's own"
        tokens = credentials.channel_credentials(fetched)

    def channel(
        transport: type[DatastreamGrpcTransport | MetricServiceGrpcTransport],
        emulator: str,
        endpoint: str | None,
        options: tuple[tuple[str, int], ...],
    ) -> grpc.Channel:
        if emulator in named:
            return grpc.insecure_channel(named[emulator], options=(*options, *_EMULATOR_OPTIONS))
        return grpc.secure_channel(endpoint or transport.DEFAULT_HOST, tokens, options=options)

    def channels() -> tuple[grpc.Channel, grpc.Channel]:
        return (
            channel(
                DatastreamGrpcTransport,
                DATASTREAM_EMULATOR,
                endpoints.datastream,
                _DATASTREAM_OPTIONS,
            ),
            channel(
                MetricServiceGrpcTransport,
                MONITORING_EMULATOR,
                endpoints.monitoring,
                _MONITORING_OPTIONS,
            ),
        )

    return Clients(channels), account
