"""Where config comes from, and what the environment overrides."""

from pathlib import Path
from typing import Any

import pytest

from exporter.config import WHOLE, from_document, from_text, load
from exporter.documents.document import Document, parse
from exporter.documents.mistakes import InputError
from tests.conftest import mistakes
from tests.tables import rows

LOCATION = "DATASTREAM_EXPORTER_LOCATION"
SMALLEST = "metrics: {project: my-project}\nsources: [{project: my-project}]\n"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@rows
def test_the_most_explicit_config_wins(
    directory: Path, path: str | None, variable: str, file: str, source: str
) -> None:
    """A named file wins over the environment's text, and that over config.yaml."""
    (directory / "mine.yaml").write_text(SMALLEST)
    (directory / "config.yaml").write_text(file)

    assert load(path, {WHOLE: variable}).document.file == source


def test_error_in_the_environments_text_names_variable_and_line() -> None:
    """Errors name a line of the text in the environment like a line of a file."""
    with pytest.raises(InputError, match=r"^DATASTREAM_EXPORTER_CONFIG:3: run.name: "):
        load(None, {WHOLE: SMALLEST + "run: {name: A}"})


@rows
def test_the_environment_names_the_exporters_series(
    run: str, variable: str, name: str
) -> None:
    """Terraform's region wins; the job's or function's name is run.name's default."""
    variables = {"DATASTREAM_EMULATOR_HOST": "not ours", "DATASTREAM_EXPORTER_X": ""}
    environ = {**variables, LOCATION: "us-east1", variable: "prod"}
    loaded = from_text(SMALLEST + run, "config.yaml", environ)
    assert loaded.run.location == "us-east1"
    assert loaded.run.name == name


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        (LOCATION, "Frankfurt", '"Frankfurt" is not a region; write one such as'),
        (LOCATION, "\udcff", "is not a region"),
        ("K_SERVICE", 'a b"', '"a b"" is not a name; write up to 63'),
        ("DATASTREAM_EXPORTER_RUN__NAME", "x", f"allowed are {WHOLE}, {LOCATION}, "),
    ],
)
def test_mistakes_from_the_environment_name_the_variable(
    name: str, value: str, error: str
) -> None:
    """An unknown variable or a wrong value is named before the file's mistakes."""
    text = SMALLEST + "zzz: 1"
    found = mistakes(from_text, text, "config.yaml", {name: value})
    of_environment, of_file = found
    assert of_file.startswith("config.yaml:3: zzz: is not a known key")
    assert of_environment.startswith(f"environment: {name}: ")
    assert error in of_environment


def test_config_is_read_from_data_and_from_a_part_of_a_document() -> None:
    """Errors in data have no lines; those in a part of a file have the file's."""
    data: dict[str, Any] = {
        "metrics": {"project": "my-project"},
        "sources": [{"project": "my-project"}],
    }
    read = from_document(Document(data, "demo"), {})
    assert read.metrics.project == "my-project"
    with pytest.raises(InputError, match=r"^demo: run.deadline: 3 is not a duration"):
        from_document(Document({**data, "run": {"deadline": 3}}, "demo"), {})
    whole = parse("config:\n  metrics: {project: 1}\n  rnu:\n", "world.yaml")
    content: Any = whole.data
    part = Document(content["config"], whole.file, whole.lines, ("config",))
    assert [line[:40] for line in mistakes(from_document, part, {})] == [
        "world.yaml:1: config.sources: has no val",
        "world.yaml:2: config.metrics.project: 1 ",
        "world.yaml:3: config.rnu: is not a known",
    ]
