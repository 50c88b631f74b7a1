"""A TCP proxy on loopback whose connections can die, with or without a word."""

import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Self


class Proxy:
    """Passes on what comes to a port, until its connections are cut or go silent.

    ``target`` is ``127.0.0.1:port``.
    """

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._lock = Lock()
        self._silent = Event()
        self._all: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for each in self._all:
            each.close()

    def cut(self) -> None:
        """Close the connections there are."""
        with self._lock:
            for each in self._all:
                _shut(each)

    def silence(self) -> None:
        """Let the connections there are pass nothing on any more; both ends find them open."""
        with self._lock:
            self._silent.set()
            self._silent = Event()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            with self._lock:
                self._all += (near, far)
                pairs = ((near, far), (far, near))
                threads = [Thread(target=_pass_on, args=(*pair, self._silent)) for pair in pairs]
            self._threads += threads
            for thread in threads:
                thread.start()


def _pass_on(source: socket.socket, to: socket.socket, silent: Event) -> None:
    try:
        while data := source.recv(65536):
            if not silent.is_set():
                to.sendall(data)
    except OSError:
        pass  # it was cut
    _shut(to)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other end was faster
        connection.shutdown(socket.SHUT_RDWR)
