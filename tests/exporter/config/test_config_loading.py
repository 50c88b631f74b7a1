"""Where config comes from, and what the environment overrides."""

from datetime import timedelta
from pathlib import Path

import pytest

from exporter import config
from exporter.config import from_data, from_document, from_text, load
from exporter.documents.document import parse
from exporter.documents.mistakes import InputError

SMALLEST = "metrics: {project: my-project}\nsources: [{project: my-project}]\n"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _errors(text: str, **environ: str) -> str:
    with pytest.raises(InputError) as caught:
        from_text(text, "config.yaml", environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "variable", "source"),
    [
        ("mine.yaml", "not read: [", "mine.yaml"),
        (None, SMALLEST, "DATASTREAM_EXPORTER_CONFIG"),
        (None, "", "config.yaml"),
    ],
)
def test_the_most_explicit_config_wins(
    directory: Path,
    path: str | None,
    variable: str,
    source: str,
) -> None:
    """A named file wins over the environment's text, and that over config.yaml."""
    (directory / "mine.yaml").write_text(SMALLEST)
    (directory / "config.yaml").write_text("not read: [" if variable else SMALLEST)

    assert load(path, {config.WHOLE: variable}).document.file == source


def test_error_in_the_environments_text_names_variable_and_line() -> None:
    """Errors name a line of the text in the environment like a line of a file."""
    with pytest.raises(InputError, match=r"^DATASTREAM_EXPORTER_CONFIG:3: run.name: "):
        load(None, {config.WHOLE: SMALLEST + "run: {name: A}"})


def test_environment_overrides_single_keys() -> None:
    """A variable wins over the file's key, in sections that the file lacks too."""
    loaded = from_text(
        "metrics: &m {project: my-project}\nsources: [*m]\n"
        "run: {deadline: soon, name: mine}\ncollect:\n",
        "config.yaml",
        {
            "DATASTREAM_EXPORTER_METRICS__PROJECT": "other-project",
            "DATASTREAM_EXPORTER_RUN__DEADLINE": "30s",
            "DATASTREAM_EXPORTER_COLLECT__OBJECTS": "true",
            "DATASTREAM_EXPORTER_ENDPOINTS__DATASTREAM": "10.0.0.2",
            "DATASTREAM_EXPORTER_RUN__NAME": "",
            "DATASTREAM_EMULATOR_HOST": "not ours",
        },
    )

    assert loaded.metrics.project == "other-project"
    assert loaded.sources[0].project == "my-project"
    assert loaded.run.deadline == timedelta(seconds=30)
    assert loaded.run.name == "mine"
    assert loaded.collect.objects
    assert loaded.endpoints.datastream == "10.0.0.2"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("RUN__DEADLINE", "soon", '"soon" is not a duration'),
        ("COLLECT__ERRORS", "some", 'must be true or false, not "some"'),
        ("METRICS__PROJECT", "123456", '"123456" is a project\'s number'),
        ("RUN__DEADLNE", "1s", "did you mean DATASTREAM_EXPORTER_RUN__DEADLINE?"),
        ("RUN__CONCURRENCY", "16", "no key of config.yaml has this name"),
        ("RUN__NAME", "\udcff", "cannot name the exporter"),
    ],
)
def test_mistakes_from_the_environment_name_the_variable(
    name: str,
    value: str,
    error: str,
) -> None:
    """An unknown variable or a wrong value is named after the file's mistakes."""
    variable = f"DATASTREAM_EXPORTER_{name}"

    of_file, of_environment = _errors(
        SMALLEST + "zzz: 1", **{variable: value}
    ).splitlines()

    assert of_file.startswith("config.yaml:3: zzz: is not a known key")
    assert of_environment.startswith(f"environment: {variable}: ")
    assert error in of_environment


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "config.yaml:1: must be a mapping of keys, not []"),
        (SMALLEST + "run: 1", "config.yaml:3: run: must be a mapping of keys, not 1"),
    ],
)
def test_override_of_what_is_not_a_mapping_changes_nothing(
    text: str,
    error: str,
) -> None:
    """A file or section of the wrong type gets its own sentence."""
    assert _errors(text, DATASTREAM_EXPORTER_RUN__NAME="a") == error


def test_config_is_read_from_data_and_from_a_part_of_a_document() -> None:
    """Errors in data have no lines; those in a part of a file have the file's."""
    data = {
        "metrics": {"project": "my-project"},
        "sources": [{"project": "my-project"}],
    }
    part = parse("config:\n  metrics: {project: 1}\n  rnu:\n", "world.yaml").part(
        "config"
    )

    assert from_data(data, "demo", {}).metrics.project == "my-project"
    with pytest.raises(InputError, match=r"^demo: run.deadline: 3 is not a duration"):
        from_data({**data, "run": {"deadline": 3}}, "demo", {})
    assert part is not None
    with pytest.raises(InputError) as caught:
        from_document(part, {})
    assert [line[:40] for line in str(caught.value).splitlines()] == [
        "world.yaml:1: config.sources: has no val",
        "world.yaml:2: config.metrics.project: 1 ",
        "world.yaml:3: config.rnu: is not a known",
    ]
