"""Servers on loopback, for what is asked over plain HTTP."""

from __future__ import annotations

import http.server
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request as its server says, and keeps its path and body."""

    server: HttpServer

    def do_GET(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, dict(self.headers), body))
        status, text = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        """Answer."""
        self.do_GET()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class HttpServer(http.server.ThreadingHTTPServer):
    """An HTTP server on loopback that gives one answer to everything."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer: tuple[int, str] = (200, "{}")
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def address(self) -> str:
        """Return ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.server_port}"


@contextmanager
def speaking(answer: bytes) -> Iterator[str]:
    """Yield an address that says the same bytes to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def dripping(piece: bytes) -> Iterator[str]:
    """Yield an address that says the same bytes again and again, and never hangs up."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(4096)
            while not over.wait(0 if len(piece) > 1 else 0.05):
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: serve(listening.accept()[0]))
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        thread.join()
