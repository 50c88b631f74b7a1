"""A gRPC server on loopback: counts calls, injects faults, turns refusals into statuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from grpc_status import rpc_status

from lab.emulator.faults import Call
from lab.emulator.status_errors import StatusError, fault_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.emulator.faults import Faults
    from lab.emulator.world import Fault

# Injected latency holds a thread, and must not hold up the calls beside it.
_THREADS = 128
_GRACE_SECONDS = 1

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 1 << 20),
    ("grpc.absolute_max_metadata_size", 1 << 20),
    # A port in use is a mistake to be told, not a port to shard.
    ("grpc.so_reuseport", 0),
)


class PortInUseError(Exception):
    """The port that was asked for cannot be had; ``str()`` is the sentence to show."""


class Method(NamedTuple):
    """A unary method: raw protobuf in; a raw protobuf, or one serialized already, out."""

    request: type[Any]
    answer: Callable[[Any], Any]


Services = Mapping[str, Mapping[str, Method]]
"""Methods by name, by the full name of their service."""


class CallLog:
    """Every call that reached the servers, in order; safe for threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._calls: list[Call] = []

    def note(self, call: Call) -> None:
        """Add a call."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """Return a copy."""
        with self._lock:
            return list(self._calls)

    def by_method(self) -> Counter[str]:
        """Return how many calls each method got."""
        return Counter(call.method for call in self.all())


class Server:
    """One server, of one or more services."""

    def __init__(
        self,
        services: Services,
        *,
        seconds: Callable[[], float],
        faults: Faults,
        calls: CallLog,
    ) -> None:
        """Build the server; nothing listens yet.

        Args:
            services: What it answers.
            seconds: Seconds since the world's start.
            faults: What to inject.
            calls: Where each call is noted.
        """
        self._seconds = seconds
        self._faults = faults
        self._calls = calls
        self._stopping = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="local-google-cloud")
        self._server = grpc.server(self._pool, options=_OPTIONS)
        for service, methods in services.items():
            handlers = {name: self._handler(name, method) for name, method in methods.items()}
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, handlers),)
            )

    def start(self, port: int) -> str:
        """Listen on a port of loopback, 0 for any; return ``127.0.0.1:port``.

        Raises:
            PortInUseError: Something else listens there, or the port may not be used.
        """
        try:
            bound = self._server.add_insecure_port(f"127.0.0.1:{port}")
        except RuntimeError:
            raise PortInUseError(
                f"port {port} of 127.0.0.1 cannot be listened on: another program has it, or it"
                " is reserved; choose another one"
            ) from None
        self._server.start()
        return f"127.0.0.1:{bound}"

    def stop(self) -> None:
        """End calls under way and stop listening; returns when it is done."""
        self._stopping.set()
        # With a grace, clients whose channels are still open are told politely and log nothing.
        self._server.stop(_GRACE_SECONDS).wait()
        self._pool.shutdown()

    def _handler(self, name: str, method: Method) -> grpc.RpcMethodHandler:
        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            call = _call(name, request)
            self._calls.note(call)
            faults = self._faults.strike(call, self._seconds())
            try:
                self._inject([fault for fault in faults if fault.when == "before"])
                response = method.answer(request)
                self._inject([fault for fault in faults if fault.when == "after"])
            except StatusError as refused:
                context.abort_with_status(rpc_status.to_status(refused.status))
            return response

        return grpc.unary_unary_rpc_method_handler(
            serve, request_deserializer=method.request.FromString, response_serializer=_serialized
        )

    def _inject(self, faults: list[Fault]) -> None:
        """Let the faults' time pass, then answer with the first code that one of them has."""
        latency = sum(fault.latency for fault in faults)
        if latency:
            self._stopping.wait(latency)
        for fault in faults:
            if fault.code is not None:
                raise fault_error(fault.code, fault.message, fault.retry_delay)


def _call(method: str, request: Any) -> Call:
    """Name the call by the project and the location that its request names."""
    name: str = getattr(request, "parent", "") or request.name
    _, project, _, location, *_ = [*name.split("/"), "", "", ""]
    return Call(method, project, location)


def _serialized(response: Any) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()
