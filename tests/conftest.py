"""What the tests of both packages use."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.canary import ENVIRONMENT, SERVICE_ACCOUNT
from tests.certificate import TRUSTED, key_and_certificate
from tests.outputs import OUTPUTS, audit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class SignalWhen(Protocol):
    """Sends this process a signal as soon as a condition is true."""

    def __call__(self, number: int, case: Callable[[], bool], /) -> None:
        """Wait for the condition in a thread."""


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
            os.kill(os.getpid(), number)

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()

    yield signal_when
    over.set()
    for thread in waiting:
        thread.join()


@pytest.fixture(scope="session", autouse=True)
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put canaries into the environment, and see all that tests print and write."""
    folder = tmp_path_factory.mktemp("credentials")
    environment = {
        **ENVIRONMENT,
        "GOOGLE_APPLICATION_CREDENTIALS": OUTPUTS.write_input(
            folder / "key.json", json.dumps(SERVICE_ACCOUNT)
        ),
        # gRPC reads it when the first channel with TLS opens.
        TRUSTED: OUTPUTS.write_input(folder / "trusted.pem", key_and_certificate()[1]),
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        audit(monkeypatch)
        yield
    # Some folders belong to several tests.
    OUTPUTS.search_again()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that has shown a canary, whatever else it proves."""
    report = yield
    if call.when == "teardown" and (leaks := OUTPUTS.leaks(report.sections)):
        report.outcome = "failed"
        report.longrepr = "\n".join(leaks)
    return report
