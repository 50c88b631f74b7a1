"""Serves gRPC on loopback: records calls, lets faults strike, sends errors."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from threading import Event, Lock
from typing import Any, NamedTuple

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from lab.emulator.answers import (
    FIRST_PAGE,
    RejectedPointError,
    StatusError,
    fault_error,
    partial_write_error,
)
from lab.emulator.world import Fault

# A hanging call keeps its thread, and an exporter may wait for 512 locations at once.
_THREADS = 640
_GRACE_SECONDS = 1

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Calls at once on one connection, as at Google.
    ("grpc.max_concurrent_streams", 100),
    # By default, it refuses some calls by chance where a client waits with more.
    ("grpc.http.overload_protection", 0),
    ("grpc.max_metadata_size", 1 << 20),
    ("grpc.absolute_max_metadata_size", 1 << 20),
)


# Takes a raw request; returns the raw response or its bytes, or raises a StatusError
Answer = Callable[[Any], Any]


# What answers each method, by the full name of its service
Services = Mapping[str, Mapping[str, Answer]]


class Call(NamedTuple):
    """A call of a method that reached a server, with the name of its resource."""

    method: str
    name: str


class CallHandler:
    """Answers calls: records them, lets faults strike, asks services. Safe for threads.

    ``seconds`` returns the seconds since the world's start.
    """

    def __init__(self, faults: Iterable[Fault], seconds: Callable[[], float]) -> None:
        # Ask these instead of the service, by short name
        self.scripts: dict[str, Answer] = {}
        self._seconds = seconds
        self._lock = Lock()
        self.log: list[Call] = []  # every call, in order of arrival
        self._faults = list(faults)
        self._matched: Counter[int] = Counter()

    def add_fault(self, fault: Fault) -> None:
        """Add a fault; its times count from the world's start, as in a file."""
        with self._lock:
            self._faults.append(fault)

    def answer(self, name: str, service: Answer, request: Any, ended: Event) -> Any:
        """Return the response to a call, or raise the StatusError that the client gets.

        ``ended`` is set once the client waits no longer.
        """
        named = getattr(request, "stream", request)
        resource = getattr(named, "parent", "") or named.name
        faults = self._record(Call(name, resource))
        answer = self.scripts.get(name, service)
        _strike([fault for fault in faults if fault.when == "before"], ended)
        for fault in faults:
            if fault.refuses and name == "CreateTimeSeries":
                _write_in_part(fault, fault.refuses, answer, request)
        response = answer(request)
        for fault in faults:
            if fault.answer == "same_page":
                response = _same_page(request, response)
        _strike([fault for fault in faults if fault.when == "after"], ended)
        return response

    def _record(self, call: Call) -> list[Fault]:
        """Add a call to the log; return the faults that it meets."""
        seconds = self._seconds()
        met = []
        with self._lock:
            self.log.append(call)
            for index, fault in enumerate(self._faults):
                if not _matches(fault, call, seconds):
                    continue
                self._matched[index] += 1
                if fault.times is None or self._matched[index] <= fault.times:
                    met.append(fault)
        return met


def _matches(fault: Fault, call: Call, seconds: float) -> bool:
    # projects/P, and perhaps /locations/L and more
    _, project, _, location, *_ = f"{call.name}///".split("/")
    return (
        fault.since <= seconds < fault.until
        and fnmatchcase(call.method, fault.method)
        and fnmatchcase(project, fault.project)
        and fnmatchcase(location, fault.location)
    )


def _strike(faults: Sequence[Fault], ended: Event) -> None:
    """Wait for the faults' latency, then raise the first code that one of them has."""
    if faults and ended.wait(sum(fault.latency for fault in faults)):
        raise StatusError("CANCELLED", "The client gave the call up.")
    for fault in faults:
        if fault.code is not None and not fault.refuses:
            raise fault_error(fault)


def _write_in_part(fault: Fault, count: int, answer: Answer, request: Any) -> None:
    """Refuse the first series of a metric in a write, and write the others."""
    text = fault.message or fault_error(fault).status.message
    why = RejectedPointError(text, str(fault.code))
    given = request.time_series
    matching = [
        index
        for index, each in enumerate(given)
        if fnmatchcase(each.metric.type, fault.metric)
    ]
    refused = matching[:count]
    if not refused:
        return
    rest = [each for index, each in enumerate(given) if index not in refused]
    if rest:
        answer(type(request)(name=request.name, time_series=rest))
    raise partial_write_error(given, dict.fromkeys(refused, why))


def _same_page(request: Any, response: Any) -> Any:
    """Return a list's response whose next page is the same page again."""
    if not hasattr(response, "next_page_token"):
        return response
    # The services keep their responses and give them again.
    again = type(response)()
    again.CopyFrom(response)
    again.next_page_token = request.page_token or FIRST_PAGE
    return again


@contextmanager
def serving(services: Services, calls: CallHandler) -> Iterator[str]:
    """Serve on a free port of loopback; the block gets the address."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="emulator")
    server = grpc.server(pool, options=_OPTIONS)
    for service, answers in services.items():
        handlers = {}
        for name, answer in answers.items():
            handlers[name] = grpc.unary_unary_rpc_method_handler(
                partial(_serve, calls, name, answer),
                request_deserializer=request_type(service, name).FromString,
                response_serializer=serialized,
            )
        served = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((served,))
    bound = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        # With a grace period, clients with open channels log nothing.
        server.stop(_GRACE_SECONDS).wait()
        pool.shutdown()


def request_type(service: str, method: str) -> Any:
    """Return the raw class of a method's requests: Google names it after the method."""
    package = service.rpartition(".")[0]
    name = f"{package}.{method}Request"
    return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))


def _serve(
    calls: CallHandler,
    name: str,
    answer: Answer,
    request: Any,
    context: grpc.ServicerContext,
) -> Any:
    """Answer a call of a method that reaches a server."""
    ended = Event()
    if not context.add_callback(ended.set):
        ended.set()
    try:
        return calls.answer(name, answer, request, ended)
    except StatusError as refused:
        context.abort_with_status(rpc_status.to_status(refused.status))


def serialized(response: Any) -> bytes:
    """Return a response as it is sent; a wrong one is bytes already."""
    return response if isinstance(response, bytes) else response.SerializeToString()
