"""The function in Google's functions-framework, in a process as Cloud Run starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

_MAIN = Path(__file__).parents[3] / "terraform/function/main.py"


class Response(NamedTuple):
    """A response: its status, its headers and its body."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Server:
    """functions-framework and its worker."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        """Start it, and write its output to the file ``log``."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "functions_framework"],
                env={
                    "PATH": os.environ["PATH"],
                    # No credentials of this machine, and no search for any.
                    "HOME": str(log.parent),
                    "NO_GCE_CHECK": "true",
                    "FUNCTION_TARGET": "run",
                    "FUNCTION_SOURCE": str(_MAIN),
                    "PORT": str(self.port),
                    **environ,
                },
                cwd=log.parent,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def request(
        self,
        path: str = "/",
        body: bytes | Iterable[bytes] | None = None,
        method: str = "POST",
    ) -> Response:
        """Send a request; return the response."""
        connection = HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read().decode()
            headers = dict(response.headers)
            is_json = text and headers["Content-Type"] == "application/json"
            return Response(
                response.status, headers, json.loads(text) if is_json else text
            )
        finally:
            connection.close()

    def leave(self, path: str) -> None:
        """Send a request and half a chunk of its body; return at the hang-up."""
        with socket.create_connection(("127.0.0.1", self.port)) as caller:
            caller.sendall(
                f"POST {path} HTTP/1.1\r\n"
                "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf".encode()
            )
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(65_536):
                pass

    @property
    def log_text(self) -> str:
        """What the process has written to stdout and stderr."""
        return self._log.read_text("utf-8")

    @property
    def worker(self) -> int:
        """The process id of the worker, which answers the requests."""
        command = ["pgrep", "-P", str(self.process.pid)]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true, while the process runs."""
        while not condition():
            assert self.process.poll() is None, self.log_text
            time.sleep(0.02)

    def end(self) -> float:
        """Let it end; return the most memory that its worker has used, in MiB."""
        # Not getrusage's: that counts what this process had when it forked.
        status = Path(f"/proc/{self.worker}/status").read_text("utf-8")
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        self.process.terminate()
        self.process.wait()
        return peak

    def close(self) -> None:
        """Kill it, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def listens(self) -> bool:
        """Return whether it takes connections."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0
