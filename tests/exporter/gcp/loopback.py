"""An HTTP server on loopback, for what is asked over plain HTTP."""

from __future__ import annotations

import http.server
from typing import Any


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
