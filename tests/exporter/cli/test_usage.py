"""Mistakes on the command line, in config and in the environment."""

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.cli import INCOMPLETE, OK, USAGE, main, parser
from tests.exporter.cli.conftest import DISCOVERING, Command, ServeShop, World


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "error: COMMAND is missing: run, watch or check"),
        (["runn"], "argument COMMAND: invalid choice: 'runn' (choose from "),
        (["run", "--dry"], "unrecognized arguments: --dry"),
        (["run", "again"], "unrecognized arguments: again"),
        (["run", "--config"], "argument --config: expected one argument"),
        (["check", "--dry-run"], "unrecognized arguments: --dry-run"),
        (["watch", "--interval", "9s"], "--interval: 9s is too short; at least 10s is allowed"),
        (["watch", "--interval", "25h"], "--interval: 25h is too long; at most 24h is allowed"),
        (["watch", "--interval", "10"], 'argument --interval: "10" is not a duration; write a'),
        (["watch", "--interval", ""], 'argument --interval: "" is not a duration'),
    ],
)
def test_a_mistake_on_the_command_line_is_usage(
    command: Command, argv: list[str], sentence: str
) -> None:
    """The usage and one sentence on stderr, exit 2; nothing on stdout."""
    code, out, err = command(*argv)
    assert (code, out) == (USAGE, "")
    assert err.startswith("usage: datastream-exporter")
    assert sentence in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("argv", "start"),
    [
        (["--help"], "usage: datastream-exporter"),
        (["watch", "--help"], "usage: datastream-exporter watch"),
        (["--version"], "datastream-exporter 0."),
    ],
)
def test_help_and_version_are_data(command: Command, argv: list[str], start: str) -> None:
    """What was asked for comes on stdout, and is no failure."""
    code, out, err = command(*argv)
    assert (code, err) == (OK, "")
    assert out.startswith(start)


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("5m", 300), ("2h", 7200)])
def test_an_interval_is_written_as_a_duration(text: str, seconds: int) -> None:
    """As everywhere else; without one it is ten seconds."""
    assert parser().parse_args(["watch", "--interval", text]).interval == timedelta(seconds=seconds)
    assert parser().parse_args(["watch"]).interval == timedelta(seconds=10)


@pytest.mark.parametrize("name", ["run", "watch", "check"])
@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--config", "nosuch.yaml"], "error: nosuch.yaml: there is no such file"),
        (["--config", "."], "error: .: cannot be read (Is a directory)"),
        (["--config", ""], 'error: "": cannot be read (Is a directory)'),
        (["--config", "a\x1b[2J\nb"], r"error: a\x1b[2J\nb: there is no such file"),
        ([], "error: config.yaml: no such file in this directory; create it, name another with "),
    ],
)
def test_a_missing_config_is_one_sentence(
    command: Command, name: str, argv: list[str], sentence: str
) -> None:
    """A wrong path, a directory and no config at all are usage errors of every command."""
    code, out, err = command(name, *argv)
    assert (code, out, err.count("\n")) == (USAGE, "", 1)
    assert sentence in err


def test_mistakes_in_a_variable_name_it(command: Command) -> None:
    """A config in the environment, and overrides of it, are checked like a file."""
    environ = {
        "DATASTREAM_EXPORTER_CONFIG": "metrics: {project: shop-prod}\nsources: []\n",
        "DATASTREAM_EXPORTER_RUN__DEADLINE": "5 minutes",
        "DATASTREAM_EXPORTER_RUN__DEADLIN": "5m",
    }
    code, _, err = command("run", environ=environ)
    assert code == USAGE
    first, *others = err.splitlines()
    assert first.startswith("error: DATASTREAM_EXPORTER_CONFIG:2: sources: ")
    unknown, wrong = sorted(others)
    assert "did you mean DATASTREAM_EXPORTER_RUN__DEADLINE?" in unknown
    assert 'environment: DATASTREAM_EXPORTER_RUN__DEADLINE: "5 minutes" is not a duration' in wrong


def test_what_may_be_right_in_config_is_a_warning(
    command: Command, served: ServeShop, shop: World
) -> None:
    """A location that is not known yet is read, with a warning."""
    _, environ = served(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = DISCOVERING.replace(
        "shop-prod}", "shop-prod, locations: [us-east1, us-north7]}"
    )
    code, _, err = command("run", "--dry-run", environ=environ)
    assert code == OK
    assert err.startswith(
        'warning: DATASTREAM_EXPORTER_CONFIG:2: sources[0].locations[1]: "us-north7" is not a '
    )


def test_an_empty_emulator_counts_as_not_set(
    command: Command, served: ServeShop, shop: World
) -> None:
    """Then Google's own endpoint is called, and that takes credentials."""
    _, environ = served(shop)
    code, _, err = command("run", environ={**environ, "MONITORING_EMULATOR_HOST": ""})
    assert code == INCOMPLETE
    assert "encryption: DATASTREAM_EMULATOR_HOST is 127.0.0.1:" in err
    assert "MONITORING_EMULATOR_HOST" not in err
    assert "error: no valid credentials: " in err


def test_an_emulator_that_is_no_address_is_named(
    command: Command, served: ServeShop, shop: World
) -> None:
    """The first line shows the variable; the locations are unreadable, not missing."""
    _, environ = served(shop)
    environ |= {"DATASTREAM_EMULATOR_HOST": "http://nowhere:1"}
    environ["DATASTREAM_EXPORTER_RUN__DEADLINE"] = "1s"
    code, _, err = command("run", environ=environ)
    assert code == OK
    assert "DATASTREAM_EMULATOR_HOST is http://nowhere:1 and " in err.splitlines()[0]
    assert "Nothing could be read: 2 locations unreadable; " in err


@pytest.mark.parametrize("name", ["run", "watch"])
def test_missing_credentials_are_one_sentence_with_the_fix(command: Command, name: str) -> None:
    """Without credentials: one sentence, the command to run, exit 1."""
    code, out, err = command(name, environ={"DATASTREAM_EXPORTER_CONFIG": DISCOVERING})
    assert (code, out) == (INCOMPLETE, "")
    assert re.match(r"(\d\d:\d\d:\d\d )?error: no valid credentials: ", err)
    assert "gcloud auth application-default login" in err
    assert err.count("\n") == 1


RIGHT = [["--dry-run"], ["--config", "config.yaml"], ["--impersonate-service-account", "a@b.c"]]
WRONG = [
    ["--config", "bad.yaml"],
    ["--config", "nosuch\0"],
    ["--interval", "5s"],
    ["--help"],
    ["--version"],
    ["--"],
    ["-"],
]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.sampled_from(["run", "check", "watch", ""]),
    pieces=st.lists(
        st.sampled_from(RIGHT + WRONG) | st.text(max_size=5).map(lambda word: [word]), max_size=4
    ),
)
def test_no_command_line_ends_in_a_traceback(
    first: str, pieces: list[list[str]], tmp_path: Path
) -> None:
    """Whatever is typed: data or sentences, and one of three exit codes."""
    (tmp_path / "config.yaml").write_text(DISCOVERING)
    (tmp_path / "bad.yaml").write_text("metrics: {project: [1, 2}\n")
    out, err = io.StringIO(), io.StringIO()
    argv = [first, *(word for piece in pieces for word in piece)]
    assert main(argv, {}, out, err) in {OK, INCOMPLETE, USAGE}
    assert "Traceback" not in out.getvalue() + err.getvalue()
