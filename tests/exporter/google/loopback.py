"""Serves plain HTTP, raw bytes, and gRPC over TLS on loopback."""

import http.server
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Self

import grpc

from lab.emulator.emulator import Emulator


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request as its server says, and keeps its path."""

    server: "HttpServer"

    def do_GET(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.paths.append(self.path)
        self.server.open.wait()
        status, text = self.server.answer_to(self.path)
        with suppress(ConnectionError):  # nobody may wait any more
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Metadata-Flavor", "Google")
            self.end_headers()
            self.wfile.write(text.encode())

    # A proxy that is asked for a tunnel opens none.
    do_POST = do_CONNECT = do_GET  # noqa: N815 - the names that the library calls

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class HttpServer(http.server.ThreadingHTTPServer):
    """An HTTP server on loopback that gives one answer to everything."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer: tuple[int, str] = (200, "{}")
        self.answers: dict[str, tuple[int, str]] = {}  # others, by a part of the path
        self.paths: list[str] = []  # of all requests, in order
        self.open = threading.Event()  # it answers nothing while this is not set
        self.open.set()

    @property
    def address(self) -> str:
        """Return ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.server_port}"

    def answer_to(self, path: str) -> tuple[int, str]:
        """Return the status and the text that answer a request."""
        for part, answer in self.answers.items():
            if part in path:
                return answer
        return self.answer


@contextmanager
def saying(data: bytes, *, again: bool = False) -> Iterator[str]:
    """Yield an address that sends everybody the same, once or without end."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(data)
            while not over.wait(0.001 if again else None):
                connection.sendall(data)

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                thread = threading.Thread(target=serve, args=(connection,))
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, args=(listening,))
        threads = [accepting]
        accepting.start()
        _, port = listening.getsockname()
        yield f"127.0.0.1:{port}"
        listening.shutdown(socket.SHUT_RDWR)
        over.set()
        for thread in threads:
            thread.join()


class TlsFront(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc is untyped
    """Google's endpoints on loopback: gRPC over TLS, in front of an emulator."""

    def __init__(self, cloud: Emulator, key: bytes, certificate: bytes) -> None:
        self.tokens: list[str] = []  # values of the header that authorises a call
        self.refused: set[str] = set()  # those that are not accepted
        self.address = ""  # ``localhost:port`` of both services, once started
        direct = [
            ("grpc.enable_http_proxy", 0),
            # A refusal of many points has long trailers.
            ("grpc.max_metadata_size", 1 << 20),
            ("grpc.absolute_max_metadata_size", 1 << 20),
        ]
        self._channels = [
            grpc.insecure_channel(address, options=direct)
            for address in (cloud.datastream, cloud.monitoring)
        ]
        threads = ThreadPoolExecutor(16)
        self._server = grpc.server(threads, handlers=[self])
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        self._port = self._server.add_secure_port("127.0.0.1:0", credentials)

    def __enter__(self) -> Self:
        self._server.start()
        self.address = f"localhost:{self._port}"
        return self

    def __exit__(self, *_raised: object) -> None:
        self._server.stop(1).wait()
        for channel in self._channels:
            channel.close()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return what relays a call."""
        token = dict(details.invocation_metadata).get("authorization", "")
        self.tokens.append(token)
        channel = self._channels["google.monitoring" in details.method]

        def relay(request: bytes, context: grpc.ServicerContext) -> Any:
            if token in self.refused:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "Invalid credentials.")
            try:
                return channel.unary_unary(details.method)(request)
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata())
                context.abort(error.code(), error.details())

        return grpc.unary_unary_rpc_method_handler(relay)
