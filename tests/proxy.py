"""A TCP proxy on loopback whose connections can die, with or without a word."""

import socket
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread


class Proxy(ThreadingTCPServer):
    """Passes on what comes to a port, until its connections are cut or go silent.

    ``target`` is ``127.0.0.1:port``.
    """

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        host, port = target.split(":")
        self.target = (host, int(port))
        self.silent = Event()
        self.connections: list[socket.socket] = []
        self._serving = Thread(target=self.serve_forever, args=(0.01,))
        self._serving.start()

    def __exit__(self, *_raised: object) -> None:
        self.shutdown()
        self._serving.join()
        self.cut()
        self.server_close()

    def cut(self) -> None:
        """Close the connections there are."""
        for connection in list(self.connections):
            _shut(connection)

    def silence(self) -> None:
        """Let the connections there are pass nothing on; both ends find them open."""
        self.silent.set()
        self.silent = Event()


class _Passing(BaseRequestHandler):
    """A connection, and the one to the target."""

    server: Proxy

    def handle(self) -> None:
        near = self.request
        silent = self.server.silent
        with socket.create_connection(self.server.target) as far:
            self.server.connections += (near, far)
            back = Thread(target=_pass_on, args=(far, near, silent))
            back.start()
            _pass_on(near, far, silent)
            back.join()


def _pass_on(source: socket.socket, to: socket.socket, silent: Event) -> None:
    with suppress(OSError):  # it was cut
        while data := source.recv(65_536):
            if not silent.is_set():
                to.sendall(data)
    _shut(to)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other end was faster
        connection.shutdown(socket.SHUT_RDWR)
