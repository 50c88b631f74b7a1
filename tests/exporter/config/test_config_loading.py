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


def _told(text: str, **environ: str) -> str:
    with pytest.raises(InputError) as caught:
        from_text(text, "config.yaml", environ)
    return str(caught.value)


def test_named_file_comes_first(directory: Path) -> None:
    """A file named on the command line wins over everything else."""
    (directory / "mine.yaml").write_text(SMALLEST + "run: {name: mine}")
    (directory / "config.yaml").write_text(SMALLEST)

    loaded = load("mine.yaml", {config.WHOLE: SMALLEST})

    assert (loaded.config.run.name, loaded.source) == ("mine", "mine.yaml")


def test_environment_comes_before_the_working_directory(directory: Path) -> None:
    """The text in the environment is read rather than config.yaml."""
    (directory / "config.yaml").write_text("not read: [")

    loaded = load(None, {config.WHOLE: SMALLEST + "run: {name: mine}"})

    assert (loaded.config.run.name, loaded.source) == ("mine", "DATASTREAM_EXPORTER_CONFIG")


def test_mistake_in_the_environments_text_names_variable_and_line() -> None:
    """Errors name a line of the text in the environment like a line of a file."""
    with pytest.raises(InputError, match=r"^DATASTREAM_EXPORTER_CONFIG:3: run.name: "):
        load(None, {config.WHOLE: SMALLEST + "run: {name: A}"})


def test_config_yaml_in_the_working_directory_is_the_usual_one(directory: Path) -> None:
    """With nothing said, config.yaml is read."""
    (directory / "config.yaml").write_text(SMALLEST)

    assert load(None, {config.WHOLE: ""}).source == "config.yaml"


def test_no_config_at_all_names_the_ways_to_give_one() -> None:
    """Without any config, the three ways to give one are told."""
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


def test_override_mends_a_mistake_in_the_file() -> None:
    """What is overridden is not looked at."""
    text = SMALLEST + "run: {deadline: soon}"

    assert from_text(text, "f", {"DATASTREAM_EXPORTER_RUN__DEADLINE": "30s"})


def test_override_leaves_an_alias_of_its_section_alone() -> None:
    """A mapping that stands in two places is changed in the one that the variable names."""
    text = "metrics: &m {project: my-project}\nsources: [*m]\n"

    loaded = from_text(text, "f", {"DATASTREAM_EXPORTER_METRICS__PROJECT": "other-project"})

    assert loaded.config.sources[0].project == "my-project"


@pytest.mark.parametrize(
    ("name", "value", "said"),
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
def test_mistakes_from_the_environment_name_the_variable(name: str, value: str, said: str) -> None:
    """An error names the variable that is unknown or has a wrong value."""
    variable = f"DATASTREAM_EXPORTER_{name}"

    told = _told(SMALLEST, **{variable: value})

    assert told.startswith(f"environment: {variable}: ")
    assert said in told
    assert "\n" not in told


def test_mistakes_of_file_and_environment_are_told_together() -> None:
    """Those of the environment come after those of the file."""
    told = _told(SMALLEST + "run: {name: A}", DATASTREAM_EXPORTER_RUN__DEADLINE="0s").splitlines()

    assert [line.split(":")[0] for line in told] == ["config.yaml", "environment"]


def test_override_of_a_document_that_is_no_mapping_changes_nothing() -> None:
    """A file or section of the wrong type gets its own sentence."""
    told = _told("[]", DATASTREAM_EXPORTER_RUN__NAME="a")
    assert told == "config.yaml:1: must be a mapping of keys, not a list"

    told = _told(SMALLEST + "run: 1", DATASTREAM_EXPORTER_RUN__NAME="a")
    assert told == "config.yaml:3: run: must be a mapping of keys, not 1"


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
