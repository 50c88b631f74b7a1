"""A server in front of the emulator that relays calls, except where a fault meets them.

It speaks HTTP/2 frame by frame, since a gRPC server never sends half a message or a byte a second.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import base64
import itertools
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Condition, Event, Lock
from typing import TYPE_CHECKING, Self

import grpc
import h2.config
import h2.connection
import h2.events
import h2.exceptions
from google.protobuf.any_pb2 import Any as PackedMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from lab.chaos.faults import READS, TIMES, BrokenConnection, Details, Fault, WrongAnswer
from lab.emulator.answers import code_number

if TYPE_CHECKING:
    from collections.abc import Callable

_OK = [(":status", "200"), ("content-type", "application/grpc")]
_THREADS = 256
_DRIP_SECONDS = 0.05
_RETRY_NANOSECONDS = 50_000_000


def _padding(size: int) -> bytes:
    """Return field 536,870,911, which no message has, with so many bytes."""
    length = bytes([*((size >> shift) & 0x7F | 0x80 for shift in (0, 7, 14, 21)), size >> 28])
    return b"\xfa\xff\xff\xff\x0f" + length + bytes(size)


_EXTRAS = {
    # Field 1 with 255 bytes that do not follow.
    WrongAnswer.TRUNCATED: b"\x0a\xff\x01",
    # Field 2 of every list response here, next_page_token; the last one in a message counts.
    WrongAnswer.LOOP: b"\x12\x05again",
    WrongAnswer.LARGE: _padding(5 * 1024 * 1024),
    WrongAnswer.HUGE: _padding(65 * 1024 * 1024),
}
"""What follows an answer that is sent whole."""

_FIRST_BYTES = {
    BrokenConnection.SILENT: b"",
    BrokenConnection.GARBAGE: b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n" * 3,
    # Alert, TLS 1.2, fatal, unexpected_message: what a TLS server answers to plain HTTP/2.
    BrokenConnection.TLS: b"\x15\x03\x03\x00\x02\x02\x0a",
    # SETTINGS without any, then GOAWAY: last stream 0, no error.
    BrokenConnection.GOAWAY: b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8),
}


class Plan:
    """One fault, and how many more calls or connections it meets. Safe for threads."""

    def __init__(self, fault: Fault | None) -> None:
        """Take the fault; without one, every call is relayed."""
        self.fault = fault
        self._lock = Lock()
        self._left = TIMES[fault.times] if fault else 0

    def meets(self, target: str) -> bool:
        """Say whether the fault meets this call or connection, and count it."""
        with self._lock:
            if self.fault is None or self.fault.target != target or self._left < 1:
                return False
            self._left -= 1
            return True


class Front:
    """One service on loopback, in front of a gRPC server. Use it as a context manager."""

    def __init__(
        self, service: str, upstream: str, plan: Plan, relayed: Callable[[str, bytes, bytes], None]
    ) -> None:
        """Listen.

        Args:
            service: Its name in faults of connections.
            upstream: ``host:port`` of the server that answers.
            plan: The fault.
            relayed: Gets each call whose answer was relayed as it is: the method's short name,
                the request and the response. Called before the answer is sent.
        """
        self._service = service
        self._plan = plan
        self._relayed = relayed
        self._channel = grpc.insecure_channel(
            upstream,
            options=(
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_receive_message_length", -1),
                # A partial write names each point in the trailers.
                ("grpc.max_metadata_size", 1 << 20),
                ("grpc.absolute_max_metadata_size", 1 << 20),
            ),
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="front")
        self._sockets: list[socket.socket] = []

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        """Accept connections."""
        self._pool.submit(self._accept)
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close every connection and wait for all threads."""
        self._stopping.set()
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pool.shutdown()
        self._channel.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            if self._plan.meets(self._service):
                self._pool.submit(self._break, client)
            else:
                self._pool.submit(_Connection(client, self._pool, self._answer).serve)

    def _break(self, client: socket.socket) -> None:
        """Send what the fault sends on a fresh connection, and never anything else."""
        kind = (
            BrokenConnection(self._plan.fault.kind) if self._plan.fault else BrokenConnection.CLOSED
        )
        with suppress(OSError):
            if kind is BrokenConnection.CLOSED:
                client.close()
                return
            client.sendall(_FIRST_BYTES[kind])
            while client.recv(65536):
                pass

    def _answer(self, path: str, request: bytes, call: _Call) -> None:
        method = path.rpartition("/")[2]
        fault = self._plan.fault if self._plan.meets(method) else None
        # A page has to be there to be cut, or to be read only in part.
        paged = fault is not None and method in READS and isinstance(fault.kind, WrongAnswer)
        response = b""
        if fault is None or fault.after or paged:
            try:
                response = self._upstream(path, request)
            except grpc.RpcError as error:
                call.refuse(*_relayed_status(error))
                return
        if fault is None:
            self._relayed(method, request, response)
            call.send(response)
        elif isinstance(fault.kind, WrongAnswer):
            if fault.kind is WrongAnswer.LARGE:
                # Large, and yet a whole answer.
                self._relayed(method, request, response)
            self._misanswer(fault.kind, call, response)
        else:
            details = _DETAILS[fault.details](fault.kind)
            call.refuse(code_number(fault.kind), "of the fault", details)

    def _upstream(self, path: str, request: bytes) -> bytes:
        response: bytes = self._channel.unary_unary(path)(request, timeout=60)
        return response

    def _misanswer(self, answer: WrongAnswer, call: _Call, response: bytes) -> None:
        match answer:
            case WrongAnswer.HANG:
                pass
            case WrongAnswer.DRIP:
                for each in _frame(response + _padding(1000)):
                    call.part(bytes([each]))
                    if not call.is_open or self._stopping.wait(_DRIP_SECONDS):
                        return
            case WrongAnswer.RESET:
                call.part(_frame(response + _padding(100))[:50])
                call.reset()
            case WrongAnswer.HALF:
                call.part(_frame(response + _padding(100))[:50])
                call.finish()
            case WrongAnswer.EMPTY:
                call.finish()
            case _:
                call.send(response + _EXTRAS[answer])


class _Connection:
    """An HTTP/2 connection; one thread reads, the threads of calls write."""

    def __init__(
        self,
        client: socket.socket,
        pool: ThreadPoolExecutor,
        answer: Callable[[str, bytes, _Call], None],
    ) -> None:
        self.client = client
        self.changed = Condition()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._pool = pool
        self._answer = answer
        self._paths: dict[int, str] = {}
        self._bodies: dict[int, bytearray] = {}
        self.closed = False

    def serve(self) -> None:
        """Read until the client closes the connection."""
        try:
            with self.changed:
                self.h2.initiate_connection()
                self.flush()
            while data := self.client.recv(65536):
                with self.changed:
                    for event in self.h2.receive_data(data):
                        self._handle(event)
                    self.flush()
                    self.changed.notify_all()
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def flush(self) -> None:
        """Send what HTTP/2 has to send. The caller holds the lock."""
        self.client.sendall(self.h2.data_to_send())

    def _handle(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(id_), headers=headers):
                self._paths[id_] = next(value for key, value in headers if key == b":path").decode()
                self._bodies[id_] = bytearray()
            case h2.events.DataReceived(stream_id=int(id_), data=data):
                self._bodies[id_] += data or b""
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, id_)
            case h2.events.StreamEnded(stream_id=int(id_)):
                # Five bytes of gRPC come before the message.
                request = bytes(self._bodies.pop(id_)[5:])
                self._pool.submit(self._answer, self._paths.pop(id_), request, _Call(self, id_))


class _Call:
    """The answer to one call, part by part. Nothing is raised where the client is gone."""

    def __init__(self, connection: _Connection, stream: int) -> None:
        self._connection = connection
        self._stream = stream
        self._began = False
        self.is_open = True

    def send(self, message: bytes) -> None:
        """Answer with a whole message."""
        self.part(_frame(message))
        self.finish()

    def part(self, data: bytes) -> None:
        """Send some bytes of the answer."""
        connection = self._connection
        self._begin()
        for start in itertools.count(0, 16384):
            rest = data[start : start + 16384]
            if not rest or not self.is_open:
                return
            while rest and self.is_open:
                rest = self._write(rest, connection)

    def finish(self) -> None:
        """Say that the call went well, after what was sent."""
        self._begin()
        self._do(lambda h: h.send_headers(self._stream, [("grpc-status", "0")], end_stream=True))

    def refuse(self, code: int, message: str, details: bytes | None) -> None:
        """Answer with a status."""
        headers = [*_OK, ("grpc-status", str(code)), ("grpc-message", message)]
        if details is not None:
            encoded = base64.b64encode(details).decode().rstrip("=")
            headers.append(("grpc-status-details-bin", encoded))
        self._do(lambda h: h.send_headers(self._stream, headers, end_stream=True))

    def reset(self) -> None:
        """End the stream with RST_STREAM, INTERNAL_ERROR."""
        self._do(lambda h: h.reset_stream(self._stream, 2))

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._do(lambda h: h.send_headers(self._stream, _OK))

    def _write(self, data: bytes, connection: _Connection) -> bytes:
        """Send as much as the client has room for; return the rest."""
        with connection.changed:
            if connection.closed:
                self.is_open = False
                return b""
            try:
                room = connection.h2.local_flow_control_window(self._stream)
            except h2.exceptions.ProtocolError:
                self.is_open = False
                return b""
            if not room:
                connection.changed.wait(1)
                return data
            size = min(room, connection.h2.max_outbound_frame_size)
            self._do(lambda h: h.send_data(self._stream, data[:size]))
            return data[size:]

    def _do(self, send: Callable[[h2.connection.H2Connection], None]) -> None:
        with self._connection.changed:
            try:
                send(self._connection.h2)
                self._connection.flush()
            except (OSError, h2.exceptions.ProtocolError):
                # The client has cancelled the call or is gone.
                self.is_open = False


def _frame(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


def _retry_info(code: str) -> bytes:
    packed = PackedMessage()
    delay = Duration(nanos=_RETRY_NANOSECONDS)
    packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code_number(code), message="of the fault", details=[packed])
    serialized: bytes = status.SerializeToString()
    return serialized


_DETAILS: dict[Details, Callable[[str], bytes | None]] = {
    Details.NONE: lambda _code: None,
    Details.RETRY_INFO: _retry_info,
    Details.UNPARSEABLE: lambda _code: b"\xff\xff\xff not a google.rpc.Status",
}


def _relayed_status(error: grpc.RpcError) -> tuple[int, str, bytes | None]:
    trailers = dict(error.trailing_metadata() or ())
    number: int = error.code().value[0]
    return number, error.details() or "", trailers.get("grpc-status-details-bin")
