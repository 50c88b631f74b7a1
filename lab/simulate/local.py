"""Google's own clients, whose calls reach a world in this process, without sockets.

A simulation proves what the exporter writes. What sockets, HTTP/2 and timeouts do to a
call is proven by the exporter's tests, against servers.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any, NoReturn, TypeVar

import grpc
from grpc_status import rpc_status

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients
from lab.emulator.answers import StatusError
from lab.emulator.emulator import Emulator

_C = TypeVar("_C")


class LocalClients(Clients):
    """Google's clients of an emulator that serves nothing."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        # Nobody connects to them.
        here = dict.fromkeys((DATASTREAM_EMULATOR, MONITORING_EMULATOR), "here")
        super().__init__(Endpoints(), here)

    def connect(
        self, kind: type[_C], _emulator: str, _endpoint: str | None = None, /
    ) -> list[_C]:
        """Return one client: this process answers its calls, which have no address."""
        google: Any = kind
        transport = google.get_transport_class("grpc")
        return [google(transport=transport(channel=_Channel(self._emulator)))]

    def pool(self, _threads: int, _name: str, /) -> Executor:
        """Return an executor that makes each call at once: none of them waits."""
        return _OneByOne()


class _OneByOne(Executor):
    """Makes each call at once, in the caller's thread."""

    def submit(
        self, call: Callable[..., Any], /, *args: Any, **options: Any
    ) -> Future[Any]:
        """Return what a call returned, or raise its error."""
        made: Future[Any] = Future()
        # Its virtual sleep counts as that of a thread of its own.
        made.set_result(copy_context().run(call, *args, **options))
        return made


@grpc.Channel.register
class _Channel:
    """A channel whose calls are answered in the caller's thread."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        *_options: Any,
    ) -> SimpleNamespace:
        """Return an object that calls a method, ``/service/method``."""

        def call(request: Any, **_options: Any) -> tuple[Any, None]:
            """Return the response, or raise gRPC's error."""
            asked = request_serializer(request)
            try:
                answered = self._emulator.answer_here(method, asked)
            except StatusError as refused:
                raise _CallEnded(refused) from None
            return response_deserializer(answered), None

        return SimpleNamespace(with_call=call)


class _CallEnded(grpc.RpcError):  # type: ignore[misc] # gRPC's package has no types
    """A call that got a status instead of a response, as gRPC's own errors say it."""

    def __init__(self, refused: StatusError) -> None:
        super().__init__(str(refused))
        status = rpc_status.to_status(refused.status)
        self.code = lambda: status.code
        self.details = lambda: status.details
        self.trailing_metadata = lambda: status.trailing_metadata

    def result(self) -> NoReturn:
        """Raise this error."""
        raise self
