"""Good and bad configs, each in a file, and the errors that the bad ones give."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from exporter.config import from_text, load
from tests.conftest import mistakes
from tools.config_reference import json_schema

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "cases"
GOOD = sorted(CASES.glob("*.ok.yaml"))
BAD = sorted(CASES.glob("*.bad.yaml"))


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *GOOD], ids=lambda path: path.name
)
def test_good_config_is_read(path: Path) -> None:
    """A good config is read, and fits the schema that editors use."""
    config = load(str(path), {})
    assert config.document.file == str(path)
    # To the schema, nothing is not absent
    if path.name != "anchors-and-empty-sections.ok.yaml":
        content = yaml.safe_load(path.read_text())
        jsonschema.validate(content, json_schema())


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_every_mistake_is_reported_at_once(path: Path) -> None:
    """A bad config gives a sentence for each mistake, in the order of lines."""
    answer = path.with_suffix(".txt").read_text()
    found = mistakes(from_text, path.read_text(), "config.yaml", {})
    assert found == answer.splitlines()


@pytest.mark.parametrize(
    "name",
    [
        "keys",
        "types",
        "bounds",
        "expectation-limits",
        "projects",
        "globs",
        "time-zones",
    ],
)
def test_bad_config_does_not_fit_the_schema(name: str) -> None:
    """A bad value or key doesn't fit the schema, so that an editor shows it."""
    path = CASES / f"{name}.bad.yaml"
    content = yaml.safe_load(path.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json_schema())


def test_config_names_a_schema() -> None:
    """config.yaml names docs/config.schema.json, so that an editor checks it."""
    named = "# yaml-language-server: $schema=docs/config.schema.json\n"
    assert (ROOT / "config.yaml").read_text().startswith(named)
