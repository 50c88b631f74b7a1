"""The comments of a pull request, on a server that answers as GitHub and GitLab do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.outputs import OUTPUTS

LONGEST = 65_536
"""Characters that a comment may have."""


class CodeHost(ThreadingHTTPServer):
    """Holds comments, and requests with their headers.

    Attributes:
        comments: The texts of the comments; their numbers count from 1.
        requests: The method and path of each request.
        secrets: The values of the headers that authorise each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[str] = []
        self.requests: list[str] = []
        self.secrets: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: CodeHost

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        page, size = (int(query[key][0]) for key in ("page", "per_page"))
        found = [
            {"id": number, "body": body} for number, body in enumerate(self.server.comments, 1)
        ]
        self._answer(200, found[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        self._write(len(self.server.comments))

    def do_PATCH(self) -> None:
        self._write(int(self.path.rpartition("/")[2]) - 1)

    def do_PUT(self) -> None:
        self.do_PATCH()

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _write(self, index: int) -> None:
        body: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        OUTPUTS.add("a comment on the code host", body)
        if len(body) > LONGEST:
            self._answer(422, {"message": "body is too long"})
            return
        self.server.comments[index : index + 1] = [body]
        self._answer(200, {})

    def _answer(self, status: int, document: Any) -> None:
        self.server.requests.append(f"{self.command} {urlsplit(self.path).path}")
        self.server.secrets |= {
            self.headers[key] for key in ("Authorization", "PRIVATE-TOKEN") if self.headers[key]
        }
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())


@contextmanager
def code_host() -> Iterator[CodeHost]:
    """Run a server while the block runs."""
    with CodeHost() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
