"""Where config comes from, and what the environment overrides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from exporter import config
from exporter.config import InputError, from_data, from_document, from_text, load, variables
from exporter.inputs import documents

if TYPE_CHECKING:
    from pathlib import Path

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
    directory: Path, path: str | None, variable: str, source: str
) -> None:
    """A named file is read before the environment's text, and that before config.yaml."""
    (directory / "mine.yaml").write_text(SMALLEST)
    (directory / "config.yaml").write_text("not read: [" if variable else SMALLEST)

    assert load(path, {config.WHOLE: variable}).source == source


def test_error_in_the_environments_text_names_variable_and_line() -> None:
    """Errors name a line of the text in the environment like a line of a file."""
    with pytest.raises(InputError, match=r"^DATASTREAM_EXPORTER_CONFIG:3: run.name: "):
        load(None, {config.WHOLE: SMALLEST + "run: {name: A}"})


def test_no_config_at_all_names_the_ways_to_give_one() -> None:
    """Without any config, the error names the three ways to give one."""
    with pytest.raises(InputError) as caught:
        load(None, {})

    for way in ("config.yaml", "--config", "DATASTREAM_EXPORTER_CONFIG"):
        assert way in str(caught.value)


def test_environment_overrides_single_keys() -> None:
    """Values from the environment win over the file, in sections that the file lacks too."""
    loaded = from_text(
        SMALLEST + "run: {deadline: 20s, name: mine}\ncollect:\n",
        "config.yaml",
        {
            "DATASTREAM_EXPORTER_METRICS__PROJECT": "other-project",
            "DATASTREAM_EXPORTER_RUN__DEADLINE": "30s",
            "DATASTREAM_EXPORTER_RUN__CONCURRENCY": "8",
            "DATASTREAM_EXPORTER_COLLECT__OBJECTS": "true",
            "DATASTREAM_EXPORTER_ENDPOINTS__DATASTREAM": "10.0.0.2",
            "DATASTREAM_EXPORTER_RUN__NAME": "",
            "DATASTREAM_EMULATOR_HOST": "not ours",
        },
    )

    assert loaded.config.metrics.project == "other-project"
    assert loaded.config.run.deadline == timedelta(seconds=30)
    assert loaded.config.run.concurrency == 8
    assert loaded.config.run.name == "mine"
    assert loaded.config.collect.objects
    assert loaded.config.endpoints.datastream == "10.0.0.2"


def test_override_replaces_a_mistake_in_the_file() -> None:
    """An overridden value is not validated."""
    text = SMALLEST + "run: {deadline: soon}"

    assert from_text(text, "f", {"DATASTREAM_EXPORTER_RUN__DEADLINE": "30s"})


def test_override_leaves_an_alias_of_its_section_alone() -> None:
    """A mapping in two places is changed in the one that the variable names."""
    text = "metrics: &m {project: my-project}\nsources: [*m]\n"

    loaded = from_text(text, "f", {"DATASTREAM_EXPORTER_METRICS__PROJECT": "other-project"})
    assert loaded.config.sources[0].project == "my-project"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("RUN__DEADLINE", "soon", '"soon" is not a duration'),
        ("RUN__CONCURRENCY", "0", "must be at least 1, not 0"),
        ("COLLECT__ERRORS", "on", 'must be true or false, not "on"'),
        ("METRICS__PROJECT", "123456", '"123456" is a project\'s number'),
        ("RUN__DEADLNE", "1s", "did you mean DATASTREAM_EXPORTER_RUN__DEADLINE?"),
        ("SOURCES__PROJECT", "a", "no key of config.yaml has this name"),
        ("RUN__NAME", "\udcff", "contains characters that are not text"),
    ],
)
def test_mistakes_from_the_environment_name_the_variable(name: str, value: str, error: str) -> None:
    """An error names the variable that is unknown or has a wrong value."""
    variable = f"DATASTREAM_EXPORTER_{name}"

    errors = _errors(SMALLEST, **{variable: value})

    assert errors.startswith(f"environment: {variable}: ")
    assert error in errors
    assert "\n" not in errors


def test_errors_of_file_and_environment_come_together() -> None:
    """Those of the environment come after those of the file."""
    errors = _errors(SMALLEST + "run: {name: A}", DATASTREAM_EXPORTER_RUN__DEADLINE="0s")

    assert [line.split(":")[0] for line in errors.splitlines()] == ["config.yaml", "environment"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "config.yaml:1: must be a mapping of keys, not a list"),
        (SMALLEST + "run: 1", "config.yaml:3: run: must be a mapping of keys, not 1"),
    ],
)
def test_override_of_what_is_not_a_mapping_changes_nothing(text: str, error: str) -> None:
    """A file or section of the wrong type gets its own sentence."""
    assert _errors(text, DATASTREAM_EXPORTER_RUN__NAME="a") == error


def test_every_scalar_of_four_sections_has_a_variable() -> None:
    """The variables are those of metrics, collect, run and endpoints."""
    assert {variable.section for variable in variables().values()} == {
        "metrics",
        "collect",
        "run",
        "endpoints",
    }
    assert len(variables()) == 10


def test_config_is_read_from_parsed_data() -> None:
    """Data that was parsed already is checked in the same way; sentences know no lines."""
    data = {"metrics": {"project": "my-project"}, "sources": [{"project": "my-project"}]}
    assert from_data(data, "demo", {}).config.metrics.project == "my-project"

    with pytest.raises(InputError, match=r"^demo: run.deadline: 3 is not a duration"):
        from_data({**data, "run": {"deadline": 3}}, "demo", {})


def test_config_is_read_from_a_part_of_a_document() -> None:
    """Errors in a config inside another file have that file's lines and keys."""
    part = documents.parse("config:\n  metrics: {project: 1}\n", "world.yaml").part("config")

    assert part is not None
    with pytest.raises(InputError, match=r"\nworld.yaml:2: config.metrics.project: 1 is a project"):
        from_document(part, {})


def test_unknown_location_far_from_any_known_is_a_warning() -> None:
    """A location that may be new is read, with a warning."""
    loaded = from_text(
        "metrics: {project: my-project}\n"
        "sources: [{project: my-project, locations: [antarctica-south1]}]\n"
        "required: [projects/my-project/locations/atlantis-north7/streams/a]\n"
        "expectations: [{match: projects/your-project/*, states: [PAUSED]}]\n",
        "config.yaml",
        {},
    )

    assert [warning.split(" ", 2)[:2] for warning in loaded.warnings] == [
        ["config.yaml:2:", "sources[0].locations[0]:"],
        ["config.yaml:3:", "required[0]:"],
        ["config.yaml:4:", "expectations[0].match:"],
    ]
