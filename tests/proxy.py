"""A TCP proxy on loopback whose connections can die, with or without a word."""

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Self


class Proxy:
    """Passes on what comes to a port, until its connections are cut or go silent.

    ``target`` is ``127.0.0.1:port``.
    """

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._silent = Event()
        self._connections: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepting = Thread(target=self._accept)
        self._accepting.start()
        self._passing: list[Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self.cut()
        for thread in self._passing:
            thread.join()
        for connection in self._connections:
            connection.close()
        self._listening.close()

    def cut(self) -> None:
        """Close the connections there are."""
        for connection in list(self._connections):
            _shut(connection)

    def silence(self) -> None:
        """Let the connections there are pass nothing on; both ends find them open."""
        self._silent.set()
        self._silent = Event()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
                self._connections += (near, far)
                self._start_passing(near, far)
                self._start_passing(far, near)

    def _start_passing(
        self,
        source: socket.socket,
        to: socket.socket,
    ) -> None:
        thread = Thread(target=_pass_on, args=(source, to, self._silent))
        self._passing.append(thread)
        thread.start()


def _pass_on(
    source: socket.socket,
    to: socket.socket,
    silent: Event,
) -> None:
    with suppress(OSError):  # it was cut
        while data := source.recv(65_536):
            if not silent.is_set():
                to.sendall(data)
    _shut(to)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other end was faster
        connection.shutdown(socket.SHUT_RDWR)
