"""Mistakes on the command line, in config and in the environment."""

from exporter.process import OK
from tests.exporter.command.conftest import command
from tests.tables import rows


@rows
def test_a_mistake_on_the_command_line_is_usage(argv: list[str], sentence: str) -> None:
    """A mistake prints the usage and one sentence on stderr, and exits with 2."""
    err = command(*argv).refusal()
    assert err.startswith("usage: datastream-exporter")
    assert sentence in err.splitlines()[-1]


@rows
def test_help_and_version_are_data(argv: list[str], start: str) -> None:
    """Help and version are printed on stdout, help with an example; exit with 0."""
    code, out, err = command(*argv)
    assert err == ""
    assert code == OK
    assert out.startswith(start)
    if len(argv) > 1:
        *_, last = out.splitlines()
        assert last.startswith(f"Example: datastream-exporter {argv[0]} --")


@rows
def test_a_missing_config_is_one_sentence(argv: list[str], sentence: str) -> None:
    """A wrong path, a directory and no config at all exit with 2 and a sentence."""
    err = command("run", *argv).refusal()
    assert err.count("\n") == 1
    assert sentence in err
