"""A function whose CPU stood still, or that is stuck: no run is lost or endless."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

from lab.emulator.emulator import Emulator
from tests.exporter.function.conftest import CONFIG, CONFIG_TEXT, POINTS, Clock, OnClock
from tests.proxy import Proxy


@pytest.mark.parametrize("death", ["cut", "silence"])
def test_a_long_pause_loses_no_run(
    cloud_at: Emulator, clock: Clock, on_clock: OnClock, death: str
) -> None:
    """A run is complete after a pause in which each connection was closed or died."""
    with ExitStack() as running:
        proxies = {
            name: running.enter_context(Proxy(address))
            for name, address in cloud_at.environ.items()
        }
        environ = {name: proxy.address for name, proxy in proxies.items()}
        function = on_clock({CONFIG_TEXT: CONFIG, **environ})
        assert function.answer("POST", "/").body["written"] == POINTS
        clock.now += 600
        for proxy in proxies.values():
            getattr(proxy, death)()
        answer = function.answer("POST", "/")
        assert answer.status == 200
        assert answer.body["written"] == POINTS


# A run that never ends, as its clock does not answer; the time after its deadline is
# shortened
STUCK = """
import sys, threading
from exporter import config, function
function._GRACE_SECONDS = 0.0
environ = {"DATASTREAM_EXPORTER_CONFIG": CONFIG, **EMULATORS}
stuck = function.Function(
    config.load(None, environ),
    environ,
    sys.stderr,
    now=lambda: threading.Event().wait(),
)
stuck.answer("POST", "/")
"""


def test_a_run_that_overstays_its_deadline_ends_the_process(cloud: Emulator) -> None:
    """A run beyond its deadline logs a sentence and ends the process."""
    config = CONFIG + "run: {deadline: 1s}\n"
    code = f"CONFIG, EMULATORS = {config!r}, {cloud.environ!r}\n{STUCK}"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.stdout == ""
    assert ended.returncode == 1
    assert (
        "A run did not end at its deadline. The function starts again." in ended.stderr
    )
    assert "Traceback" not in ended.stderr
