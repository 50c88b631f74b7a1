"""``datastream-lab serve``: what it prints for a shell, and how it ends."""

import signal
import subprocess
import sys
from pathlib import Path

from lab.emulator.emulator import Emulator
from lab.emulator.world import default_world
from tests.lab.conftest import Command

PROGRAMS = Path(sys.executable).parent

WORLD = """\
config:
  metrics: {project: shop-prod}
  sources: [{project: shop-prod, exclude: ["it's-*"]}]
projects:
  - {id: shop-prod, number: 1, locations: [{id: us-east1, streams: [{id: orders}]}]}
"""
"""Its config has to be quoted for a shell."""


def test_the_exporter_runs_against_the_servers_from_a_second_shell(
    tmp_path: Path,
) -> None:
    """The printed lines are all that another process needs; Ctrl-C ends it with 130."""
    (tmp_path / "world.yaml").write_text(WORLD)
    with (tmp_path / "emulator.env").open("w") as printed:
        serving = subprocess.Popen(
            [
                PROGRAMS / "datastream-lab",
                "serve",
                "--world",
                "world.yaml",
            ],
            cwd=tmp_path,
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert serving.stderr is not None
        assert "The emulator is running." in serving.stderr.readline()
        ran = subprocess.run(
            ["sh", "-c", f'. ./emulator.env && "{PROGRAMS}/datastream-exporter" run'],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate()
    assert ran.returncode == 0, ran.stderr
    assert "1 stream in 1 location" in ran.stderr
    assert serving.returncode == 130


def test_a_port_in_use_is_one_sentence_and_exit_2(command: Command) -> None:
    """The sentence is on stderr; nothing is printed for a shell."""
    with Emulator(default_world()) as other:
        port = other.datastream.rpartition(":")[2]
        code, out, err = command("serve", "--datastream-port", port)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: port {port} of 127.0.0.1 cannot be listened on")
    assert err.count("\n") == 1
