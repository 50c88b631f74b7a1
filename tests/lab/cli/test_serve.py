"""``datastream-lab serve``; docs/emulator.md shows how it serves a second shell."""

from lab.emulator.emulator import Emulator
from lab.emulator.world import default_world
from tests.lab.conftest import Command


def test_a_port_in_use_is_one_sentence_and_exit_2(command: Command) -> None:
    """The sentence is on stderr; nothing is printed for a shell."""
    with Emulator(default_world()) as other:
        port = other.datastream.rpartition(":")[2]
        code, out, err = command("serve", "--datastream-port", port)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: port {port} of 127.0.0.1 cannot be listened on")
    assert err.count("\n") == 1
