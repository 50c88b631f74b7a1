"""The docs match the code: generated parts are up to date, examples are valid, links work."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml

from exporter import config
from exporter.gcp import cloud_run
from lab.emulator.world import parse_world
from tests.docs.command_arguments import check_arguments
from tests.docs.pages import PAGES, ROOT, fences
from tools import blocks, generate, reference


def _transcripts() -> list[str]:
    """Return the command of every transcript in the docs."""
    blocks_shown = [block for page in PAGES for block in fences(page, "console")]
    return [block.splitlines()[0].removeprefix("$ ") for block in blocks_shown]


def test_generated_parts_are_up_to_date() -> None:
    """Every table, help text, schema and transcript matches the code."""
    assert generate.main(["--check"]) == 0


def test_each_generated_block_is_in_one_page() -> None:
    """A block has both markers and a known name, and no known name is unused."""
    text = "".join(page.read_text("utf-8") for page in generate.PAGES)
    begun = re.findall(r"<!-- begin ([\w ]+) -->", text)
    assert begun == re.findall(r"<!-- end ([\w ]+) -->", text)
    assert sorted(begun) == sorted(blocks.BLOCKS)


@pytest.mark.parametrize("command", _transcripts())
def test_the_command_of_a_transcript_is_valid(command: str) -> None:
    """Its program accepts the arguments."""
    check_arguments(command)


@pytest.mark.parametrize("text", [text for page in PAGES for text in fences(page, "yaml")])
def test_each_yaml_example_is_valid(text: str) -> None:
    """A config or a world in the docs is accepted without a warning."""
    if "projects" in yaml.safe_load(text):
        shown = parse_world(text, "docs")
        loaded = config.from_data(shown.config, "docs", {})
    else:
        loaded = config.from_text(text, "docs", {})
    assert not loaded.warnings


def test_the_config_of_the_project_is_valid() -> None:
    """config.yaml is accepted without a warning."""
    assert not config.load(str(ROOT / "config.yaml"), {}).warnings


def test_links_have_a_target() -> None:
    """A link within the project leads to an existing file and heading."""
    for page in PAGES:
        for link in re.findall(r"\]\((?!https:)([^)]+)\)", page.read_text("utf-8")):
            path, _, heading = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            if heading:
                headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
                assert heading in map(_anchor, headings), f"{page.name}: {link}"


def test_no_page_installs_from_an_index() -> None:
    """The project isn't on an index, so `pip install` would fail or install something else."""
    for page in PAGES:
        assert "pip install" not in page.read_text("utf-8"), page.name


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_of_permissions_is_complete() -> None:
    """It has the permissions that error messages name when a call is denied."""
    named = {"monitoring.timeSeries.create"}
    for module in (ROOT / "exporter").rglob("*.py"):
        named.update(
            re.findall(
                r'"((?:datastream|monitoring)\.\w+\.(?:create|get|list))"', module.read_text()
            )
        )
    assert named == set(reference.PERMISSIONS)


def test_the_role_created_by_hand_is_sufficient() -> None:
    """It has the permissions of a run with the default `collect`."""
    page = ROOT / "docs" / "operating.md"
    shown = re.search(r"--permissions (\S+)", page.read_text("utf-8"))
    assert shown
    assert shown[1].split(",") == ["datastream.locations.list", "datastream.streams.list"]


def test_each_field_of_the_shown_log_entry_is_explained() -> None:
    """The table below the entry has a row that names it."""
    page = ROOT / "docs" / "operating.md"
    (entry,) = map(json.loads, fences(page, "json"))
    first_cells = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page.read_text("utf-8"), re.MULTILINE)
    explained = {name for cell in first_cells for name in re.findall(r"\w+", cell)}
    assert set(entry) == explained


def test_the_table_of_variables_has_those_of_cloud_run() -> None:
    """It has each variable that the exporter reads from Cloud Run."""
    constants = {value for name, value in vars(cloud_run).items() if name.isupper()}
    table = reference.variables()
    assert constants
    assert all(f"`{name}`" in table for name in constants if isinstance(name, str))


def test_make_run_and_ci_run_what_the_docs_say() -> None:
    """`make run` runs the command of the transcript, and CI runs `make test`."""
    printed = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.splitlines()[-1] == ".venv/bin/datastream-lab demo"
    ran = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ran[-1] == "make test"
