"""How config.yaml is described to editors and readers."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from exporter.config import Config, load
from tools.config_reference import json_schema, key_descriptions

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "cases"


def test_schema_in_the_docs_is_up_to_date() -> None:
    """docs/config.schema.json, for editors, is the schema of the code."""
    assert json.loads((ROOT / "docs/config.schema.json").read_text()) == json_schema()


def test_schema_is_a_json_schema() -> None:
    """The schema fits its dialect's own schema."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", [ROOT / "config.yaml", CASES / "everything.ok.yaml"])
def test_good_config_fits_the_schema(path: Path) -> None:
    """An editor finds nothing wrong with what the exporter accepts."""
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize("name", ["keys", "types", "bounds", "projects", "globs"])
def test_bad_config_does_not_fit_the_schema(name: str) -> None:
    """An editor sees what is wrong with a value or a key by itself."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load((CASES / f"{name}.bad.yaml").read_text()), json_schema())


def test_shipped_config_is_valid_as_it_is() -> None:
    """config.yaml at the root names the schema and gives neither mistake nor warning."""
    loaded = load(str(ROOT / "config.yaml"), {})

    assert loaded.warnings == ()
    first_line = (ROOT / "config.yaml").read_text().splitlines()[0]
    assert first_line == "# yaml-language-server: $schema=docs/config.schema.json"


def test_every_key_is_described() -> None:
    """The reference has a row for every key, each with a type, a default and one sentence."""
    rows = key_descriptions()

    assert {row.key for row in rows} >= set(Config.model_fields)
    assert all(row.description.endswith(".") and row.type and row.default for row in rows)
    by_key = {row.key: row for row in rows}
    assert by_key["run.deadline"].default == "50s"
    assert by_key["sources[].project"].default == "required"
    assert by_key["sources[].locations"].type == "list: location"
    assert by_key["expectations[].during.timezone"].default == "UTC"
