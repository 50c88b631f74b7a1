"""What the tests of both packages use."""

import gc
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar
from unittest.mock import MagicMock

import pytest
from google.auth.compute_engine import _metadata

from exporter.documents.mistakes import InputError
from exporter.google import clients
from exporter.process import USAGE
from tests.canary import SERVICE_ACCOUNT
from tests.certificate import TRUSTED, key_and_certificate

# jsonschema imports it where it is installed, and it parses 38 grammars: 0.8 s.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment] # None makes its import fail
# pyvider loads all of this package to know its own version: 0.5 s.
sys.modules["provide.foundation.utils.versioning"] = MagicMock()

# Whether this checkout has a remote changes nothing: git sees none from its folders.
os.environ["GIT_CEILING_DIRECTORIES"] = str(Path(__file__).parents[1])

# Sends this process a signal as soon as a condition is true
SignalWhen: TypeAlias = Callable[[int, Callable[[], bool]], None]

LONGEST = re.compile("tests/(docs|terraform|lab/prove|exporter/run)/")

MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable with which coverage measures a program that starts."""

Server = TypeVar("Server", bound=HTTPServer)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines of a run on Cloud Run, which are all that may be printed."""
        assert self.err == ""
        return [json.loads(line) for line in self.out.splitlines()]

    def refusal(self, code: int = USAGE) -> str:
        """Return what is said where nothing could be done, and so nothing printed."""
        assert self.out == ""
        assert self.code == code
        return self.err


def run_main(
    main: Callable[..., int], argv: Sequence[str], environ: Mapping[str, str]
) -> Ended:
    """Run a command line of a program in this process."""
    out = StringIO()
    err = StringIO()
    code = main(argv, environ, out, err)
    return Ended(code, out.getvalue(), err.getvalue())


def mistakes(read: Callable[..., object], *given: object) -> list[str]:
    """Return the sentences of a document that is refused when it is read."""
    with pytest.raises(InputError) as caught:
        read(*given)
    return str(caught.value).splitlines()


class Terminal(StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes or waits longest: at the end, it would wait alone."""
    items.sort(key=lambda item: not LONGEST.match(item.nodeid))


def pytest_collection_finish() -> None:
    """Let garbage collections pass over all that was imported: a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """Run two more tests than there are cores, as many tests wait."""
    return (os.cpu_count() or 1) + 2


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Let an HTTP server answer, in a thread, while the block runs."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def signal_when() -> Iterator[SignalWhen]:
    """Return a function that signals this process as soon as a condition is true."""
    waiting: list[threading.Thread] = []
    over = threading.Event()

    def signal_when(number: int, case: Callable[[], bool]) -> None:
        def wait() -> None:
            while not case():
                if over.wait(0.005):
                    return
            # A thread that is just about to wait would hear of it after its wait.
            if over.wait(0.05):
                return
            os.kill(os.getpid(), number)

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()

    yield signal_when
    over.set()
    for thread in waiting:
        thread.join()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, where no credentials are found, and no proxy."""
    for name in list(os.environ):
        named = name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_"))
        if named or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # In this process it was read when the module was imported.
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Call as nobody who runs the tests, and trust the tests' certificate."""
    folder = tmp_path_factory.mktemp("environment")
    key = folder / "key.json"
    trusted = folder / "trusted.pem"
    key.write_text(json.dumps(SERVICE_ACCOUNT))
    trusted.write_bytes(key_and_certificate()[1])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        # gRPC reads it when the first channel with TLS opens.
        monkeypatch.setenv(TRUSTED, str(trusted))
        # A client takes a millisecond to make, and most tests call one region.
        monkeypatch.setattr(clients, "_CHANNELS", 2)
        # What a program covers, the tests in this process cover too; coverage makes it
        # start in twice the time.
        monkeypatch.delenv(MEASURED, raising=False)
        yield
