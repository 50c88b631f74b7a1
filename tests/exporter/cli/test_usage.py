"""Errors on the command line, in config and in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.cli import INCOMPLETE, OK, USAGE
from exporter.cli import main
from tests.outputs import Printed

if TYPE_CHECKING:
    from tests.exporter.cli.conftest import Command, Serve, World

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "error: COMMAND is missing: run, watch or check"),
        (["runn"], '"runn" is not a command; did you mean run?'),
        (["prove"], '"prove" is not a command; allowed here: run, watch, check'),
        (["run", "--dry"], "unrecognized arguments: --dry; did you mean --dry-run?"),
        (["run", "--dry_run"], "unrecognized arguments: --dry_run; did you mean --dry-run?"),
        (["watch", "--intervall=1m"], "--intervall=1m; did you mean --interval?"),
        (["run", "again"], "unrecognized arguments: again"),
        (["run", "--config"], "argument --config: expected one argument"),
        (
            ["run", "--collect", "tables"],
            'argument --collect: "tables" is not allowed; allowed here: objects',
        ),
        (["run", "--collect", "object"], '"object" is not allowed; did you mean objects?'),
        (["run", "--json"], "--json goes with --dry-run only"),
        (["check", "--json"], "unrecognized arguments: --json"),
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
        (["run", "--help"], "usage: datastream-exporter run"),
        (["watch", "--help"], "usage: datastream-exporter watch"),
        (["--version"], "datastream-exporter 0."),
    ],
)
def test_help_and_version_are_data(command: Command, argv: list[str], start: str) -> None:
    """What was asked for comes on stdout, and is no failure."""
    code, out, err = command(*argv)
    assert (code, err) == (OK, "")
    assert out.startswith(start)


@pytest.mark.parametrize("name", ["run", "watch", "check"])
@pytest.mark.parametrize(
    ("argv", "sentences"),
    [
        (["--config", "nosuch.yaml"], ["error: nosuch.yaml: there is no such file"]),
        (["--config", "."], ["error: .: is a directory"]),
        ([], ["--config", "DATASTREAM_EXPORTER_CONFIG"]),
    ],
)
def test_a_missing_config_is_one_sentence(
    command: Command, name: str, argv: list[str], sentences: list[str]
) -> None:
    """A wrong path, a directory and no config at all are usage errors of every command."""
    code, out, err = command(name, *argv)
    assert (code, out, err.count("\n")) == (USAGE, "", 1)
    assert all(sentence in err for sentence in sentences)


def test_mistakes_in_a_variable_name_it(command: Command) -> None:
    """A config in the environment, and overrides of it, are checked like a file."""
    environ = {
        "DATASTREAM_EXPORTER_CONFIG": "metrics: {project: shop-prod}\nsources: []\n",
        "DATASTREAM_EXPORTER_RUN__DEADLINE": "5 minutes",
        "DATASTREAM_EXPORTER_RUN__DEADLIN": "5m",
    }
    code, _, err = command("run", environ=environ)
    assert code == USAGE
    errors = err.splitlines()
    assert len(errors) == 3
    assert errors[0].startswith("error: DATASTREAM_EXPORTER_CONFIG:2: sources: ")
    assert any(
        "DATASTREAM_EXPORTER_RUN__DEADLINE" in line and "5 minutes" in line for line in errors
    )
    assert any("did you mean DATASTREAM_EXPORTER_RUN__DEADLINE?" in line for line in errors)


def test_what_may_be_right_in_config_is_a_warning(
    command: Command, serve: Serve, shop: World
) -> None:
    """A location that is not known yet is read, with a warning."""
    _, environ = serve(shop)
    environ["DATASTREAM_EXPORTER_CONFIG"] = (
        "metrics: {project: metrics-prod}\n"
        "sources: [{project: shop-prod, locations: [us-east1, mars-north1]}]\n"
    )
    code, _, err = command("run", "--dry-run", environ=environ)
    assert code == OK
    assert err.startswith(
        'warning: DATASTREAM_EXPORTER_CONFIG:2: sources[0].locations[1]: "mars-north1" is not '
    )


@pytest.mark.parametrize(
    "address", ["http://localhost:8080", "localhost", "localhost:", ":8080", "a b:1", "h:123456"]
)
def test_an_emulator_without_an_address_is_a_usage_error(
    command: Command, serve: Serve, shop: World, address: str
) -> None:
    """A variable that cannot be called is one sentence, not a failure of every call."""
    _, environ = serve(shop)
    code, out, err = command("run", environ={**environ, "DATASTREAM_EMULATOR_HOST": address})
    assert (code, out) == (USAGE, "")
    assert err == (
        f'error: environment: DATASTREAM_EMULATOR_HOST: "{address}" is not an address; write '
        f"host:port without a scheme, such as localhost:8080, or unset it to call Google's own "
        f"endpoint\n"
    )


def test_an_empty_emulator_counts_as_not_set(command: Command, serve: Serve, shop: World) -> None:
    """Then Google's own endpoint is called, and that takes credentials."""
    _, environ = serve(shop)
    code, _, err = command("run", environ={**environ, "MONITORING_EMULATOR_HOST": ""})
    assert code == INCOMPLETE
    assert "encryption: DATASTREAM_EMULATOR_HOST is 127.0.0.1:" in err
    assert "MONITORING_EMULATOR_HOST" not in err
    assert "error: no valid credentials: " in err


def test_emulators_are_logged_in_one_line(command: Command, serve: Serve, shop: World) -> None:
    """The first line warns about an emulator variable left set by accident."""
    cloud, environ = serve(shop)
    _, _, err = command("run", environ=environ)
    assert err.splitlines()[0] == (
        f"warning: Emulators take Google's place, without credentials or encryption: "
        f"DATASTREAM_EMULATOR_HOST is {cloud.datastream} and "
        f"MONITORING_EMULATOR_HOST is {cloud.monitoring}."
    )


def test_missing_credentials_are_one_sentence_with_the_fix(command: Command) -> None:
    """Without credentials: one sentence, the command to run, exit 1."""
    text = "metrics: {project: shop-prod}\nsources: [{project: shop-prod}]\n"
    code, out, err = command("run", environ={"DATASTREAM_EXPORTER_CONFIG": text})
    assert (code, out) == (INCOMPLETE, "")
    assert err.startswith("error: no valid credentials: ")
    assert "gcloud auth application-default login" in err
    assert err.count("\n") == 1


RIGHT = [
    ["--dry-run"],
    ["--dry-run", "--json"],
    ["--json"],
    ["--collect", "objects"],
    ["--config", "config.yaml"],
    ["--quota-project", "shop-prod"],
    ["--impersonate-service-account", "exporter@shop-prod.iam.gserviceaccount.com"],
]
WRONG = [
    ["--config", "bad.yaml"],
    ["--config", "."],
    ["--config", ""],
    ["--config", "nosuch\0"],
    ["--interval", "5s"],
    ["--collect"],
    ["--help"],
    ["--version"],
    ["--"],
    ["-"],
]
PIECES = st.one_of(
    st.sampled_from(RIGHT), st.sampled_from(WRONG), st.text(max_size=5).map(lambda word: [word])
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.sampled_from(["run", "check", "run", "check", "watch", ""]),
    pieces=st.lists(PIECES, max_size=4),
)
def test_no_command_line_ends_in_a_traceback(
    first: str, pieces: list[list[str]], tmp_path: Path
) -> None:
    """Whatever is typed: data or sentences, and one of three exit codes."""
    config = "{metrics: {project: shop-prod}, sources: [{project: shop-prod}]}"
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "bad.yaml").write_text("metrics: {project: [1, 2}\n")
    # A watch that starts would wait for a signal.
    mistake = {"watch": ["--interval", "1s"]}
    argv = [first, *mistake.get(first, []), *(word for piece in pieces for word in piece)]
    out, err = Printed(), Printed()
    assert main(argv, {}, out, err) in {OK, INCOMPLETE, USAGE}
    assert "Traceback" not in out.getvalue() + err.getvalue()


def test_a_reader_who_has_seen_enough_is_no_traceback(serve: Serve, shop: World) -> None:
    """`run --dry-run --json | head -1` ends without a word about the pipe."""
    shop["projects"][1]["locations"][0]["streams"].append({"id": "more-{:04}", "count": 1000})
    _, environ = serve(shop)
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "run", "--dry-run", "--json"],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "{\n"
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == INCOMPLETE
    assert "Traceback" not in err
    assert "pipe" not in err.lower()


BORDER = """
import json, os, sys
from exporter.cli import main
code = main(["run", "--dry-run"], os.environ, sys.stdout, sys.stderr)
people = ("lab", "rich")
print(json.dumps([code, sorted(name for name in sys.modules if name.partition(".")[0] in people)]))
"""


def test_the_job_imports_nothing_that_only_people_need(
    serve: Serve, shop: World, on_cloud_run: dict[str, str]
) -> None:
    """On Cloud Run neither the servers nor the policies nor the tables are imported."""
    _, environ = serve(shop)
    ended = subprocess.run(
        [sys.executable, "-c", BORDER],
        cwd=ROOT,
        env={**os.environ, **environ, **on_cloud_run},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == [OK, []]
