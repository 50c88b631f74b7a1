"""The comments of a pull request, on a server that answers as GitHub and GitLab do."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator


class CodeHost(ThreadingHTTPServer):
    """Holds comments, and requests with their headers.

    Attributes:
        comments: The texts of the comments; their numbers count from 1.
        requests: The method and path of each request.
        secrets: The values of the headers that authorise each request.
        longest: Characters that a comment may have.
    """

    def __init__(self) -> None:
        """Listen on loopback."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[str] = []
        self.requests: list[str] = []
        self.secrets: set[str] = set()
        self.longest = 65_536

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: CodeHost

    def do_GET(self) -> None:
        """List a page of comments."""
        query = parse_qs(urlsplit(self.path).query)
        page, size = (int(query[key][0]) for key in ("page", "per_page"))
        every = [
            {"id": number, "body": body} for number, body in enumerate(self.server.comments, 1)
        ]
        self._answer(200, every[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        """Write a comment."""
        if body := self._body():
            self.server.comments.append(body)
            self._answer(201, {"id": len(self.server.comments)})

    def do_PATCH(self) -> None:
        """Change a comment."""
        if body := self._body():
            self.server.comments[int(self.path.rpartition("/")[2]) - 1] = body
            self._answer(200, {})

    def do_PUT(self) -> None:
        """Change a comment, as GitLab does."""
        self.do_PATCH()

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _body(self) -> str:
        """Return the new text; refuse one that is too long."""
        body: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        OUTPUTS.add("a comment on the code host", body)
        if len(body) > self.server.longest:
            self._answer(422, {"message": "body is too long"})
            return ""
        return body

    def _answer(self, status: int, document: Any) -> None:
        self.server.requests.append(f"{self.command} {urlsplit(self.path).path}")
        for header in ("Authorization", "PRIVATE-TOKEN"):
            if secret := self.headers[header]:
                self.server.secrets.add(secret)
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
