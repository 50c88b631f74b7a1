"""A gRPC server on loopback that records calls, injects faults and sends errors as statuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import repeat
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from grpc_status import rpc_status

from lab.emulator.status_errors import StatusError, fault_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.emulator.world import Fault

# Injected latency blocks a thread, and must not block other calls.
_THREADS = 128
_GRACE_SECONDS = 1

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 1 << 20),
    ("grpc.absolute_max_metadata_size", 1 << 20),
    # A port in use is an error, not a port to share.
    ("grpc.so_reuseport", 0),
)


class PortInUseError(Exception):
    """A port is not free; ``str()`` is the message to show."""


Answer = Callable[[Any], Any]
"""Takes a raw request; returns the raw response or its bytes, or raises a StatusError."""


class Method(NamedTuple):
    """A unary method: takes a raw protobuf; returns a raw or an already serialized one."""

    request: type[Any]
    answer: Answer


Services = Mapping[str, Mapping[str, Method]]
"""Methods by name, by the full name of their service."""


class Call(NamedTuple):
    """A call that reached a server; ``location`` is empty where the call names none."""

    method: str
    project: str
    location: str


class CallLog:
    """Every call that reached the servers, in order, and the faults that they meet.

    Safe for threads.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Take the world's faults; there is no call yet."""
        self._lock = Lock()
        self._calls: list[Call] = []
        self._faults: list[tuple[Fault, Iterator[object]]] = []
        for fault in faults:
            self.add_fault(fault)

    def add_fault(self, fault: Fault) -> None:
        """Add a fault; its ``from`` and ``until`` count from the world's start, as in a file."""
        times = repeat(None) if fault.times is None else repeat(None, fault.times)
        with self._lock:
            self._faults.append((fault, times))

    def record(self, call: Call, seconds: float) -> list[Fault]:
        """Add a call, ``seconds`` after the world's start; return the faults that it meets."""
        with self._lock:
            self._calls.append(call)
            return [
                fault
                for fault, times in self._faults
                if _applies(fault, call, seconds) and next(times, _USED_UP) is not _USED_UP
            ]

    def calls(self) -> list[Call]:
        """Return a copy of the calls."""
        with self._lock:
            return list(self._calls)


_USED_UP = object()


def _applies(fault: Fault, call: Call, seconds: float) -> bool:
    return (
        fault.since <= seconds
        and (fault.until is None or seconds < fault.until)
        and fnmatchcase(call.method, fault.method)
        and fnmatchcase(call.project, fault.project)
        and fnmatchcase(call.location, fault.location)
    )


class Server:
    """A server of one or more services."""

    def __init__(
        self,
        services: Services,
        *,
        seconds: Callable[[], float],
        calls: CallLog,
        answers: Mapping[str, Answer],
    ) -> None:
        """Create the server. It doesn't listen yet.

        Args:
            services: What it answers.
            seconds: Seconds since the world's start.
            calls: Where each call is recorded, and which faults it meets.
            answers: What answers a method instead of its service, by its short name.
        """
        self._seconds = seconds
        self._calls = calls
        self._answers = answers
        self._stopping = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="emulator")
        self._server = grpc.server(self._pool, options=_OPTIONS)
        for service, methods in services.items():
            handlers = {name: self._handler(name, method) for name, method in methods.items()}
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, handlers),)
            )

    def start(self, port: int) -> str:
        """Listen on a port of loopback, 0 for any; return ``127.0.0.1:port``.

        Raises:
            PortInUseError: Another program listens there, or the port is reserved.
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
        """End running calls, stop listening, and wait for both."""
        self._stopping.set()
        # With a grace period, clients with open channels log nothing.
        self._server.stop(_GRACE_SECONDS).wait()
        self._pool.shutdown()

    def _handler(self, name: str, method: Method) -> grpc.RpcMethodHandler:
        def serve(request: Any, context: grpc.ServicerContext) -> Any:
            call = _named(name, request)
            faults = self._calls.record(call, self._seconds())
            try:
                self._inject([fault for fault in faults if fault.when == "before"])
                response = self._answers.get(name, method.answer)(request)
                self._inject([fault for fault in faults if fault.when == "after"])
            except StatusError as refused:
                context.abort_with_status(rpc_status.to_status(refused.status))
            return response

        return grpc.unary_unary_rpc_method_handler(
            serve, request_deserializer=method.request.FromString, response_serializer=_serialized
        )

    def _inject(self, faults: list[Fault]) -> None:
        """Wait for the faults' latency, then raise the first code that one of them has."""
        latency = sum(fault.latency for fault in faults)
        if latency:
            self._stopping.wait(latency)
        for fault in faults:
            if fault.code is not None:
                raise fault_error(fault.code, fault.message, fault.retry_delay)


def _named(method: str, request: Any) -> Call:
    """Return the call with the project and the location that its request names."""
    name: str = getattr(request, "parent", "") or request.name
    _, project, _, location, *_ = [*name.split("/"), "", "", ""]
    return Call(method, project, location)


def _serialized(response: Any) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()
