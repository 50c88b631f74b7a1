"""Signals while scenarios are played: it ends soon and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.cli.conftest import PASSING, SCENARIO
from tests.lab.conftest import LONGEST, assert_nothing_running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_parallel_scenarios(
    scenarios: Path, tmp_path: Path, number: int
) -> None:
    """A signal ends all workers and their Prometheus, also when no handler runs."""
    for index in range(20):
        (scenarios / f"another-{index}.yaml").write_text(SCENARIO)
    engines = tmp_path / "engines"
    code, _, err = _interrupted(scenarios, engines, number)
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert code == 143
        assert "SIGTERM: finishing the work under way" in err
        assert " of 22 scenarios were played." in err
        assert "Traceback" not in err
        assert list(engines.iterdir()) == []
    assert_nothing_running(engines)


def test_a_single_scenario_is_finished(scenarios: Path, tmp_path: Path) -> None:
    """A scenario that is played alone is finished and printed."""
    engines = tmp_path / "engines"
    code, out, err = _interrupted(scenarios, engines, signal.SIGINT, PASSING)
    assert code == 130
    assert out.startswith("PASS  deleted: ")
    assert "Traceback" not in err
    assert list(engines.iterdir()) == []


def _interrupted(
    scenarios: Path, engines: Path, number: int, *names: str
) -> tuple[int, str, str]:
    """Play scenarios and send a signal once a Prometheus is about to start."""
    engines.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "test", *names],
        cwd=scenarios.parent.parent,
        env={**os.environ, "TMPDIR": str(engines)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + LONGEST
        while not _begun(engines) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=LONGEST)
    return process.returncode, out, err


def _begun(engines: Path) -> bool:
    """Return whether a Prometheus of any process is configured."""
    folders = (*engines.glob("prometheus-*"), *engines.glob("policies-*/prometheus-*"))
    return any((folder / "prometheus.yaml").exists() for folder in folders)
