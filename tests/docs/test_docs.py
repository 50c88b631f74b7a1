"""The docs say what the code does: what is generated is up to date, what is shown works."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from exporter import config
from exporter.gcp import cloud_run
from lab.emulator.world_files import parse_world
from tests.docs.command_arguments import check_arguments
from tests.docs.pages import PAGES, ROOT, fences
from tools import blocks, generate, reference


def _transcripts() -> list[str]:
    """Return every command that a transcript in the docs begins with."""
    shown = [block for page in PAGES for block in fences(page, "console")]
    return [line.removeprefix("$ ") for block in shown for line in block.splitlines()[:1]]


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    """Every table, help text, schema and the transcript are what the code says now."""
    assert generate.main(["--check"]) == 0


def test_every_block_is_filled_and_every_filling_is_used() -> None:
    """A block has both markers and a name that is known; none is made for no page."""
    text = "".join(page.read_text("utf-8") for page in generate.PAGES)
    begun = re.findall(r"<!-- begin ([\w ]+) -->", text)
    assert begun == re.findall(r"<!-- end ([\w ]+) -->", text)
    assert sorted(begun) == sorted(blocks.BLOCKS)


@pytest.mark.parametrize("command", _transcripts())
def test_a_transcript_begins_with_a_command(command: str) -> None:
    """The program of the command accepts its arguments."""
    check_arguments(command)


@pytest.mark.parametrize("text", [text for page in PAGES for text in fences(page, "yaml")])
def test_every_yaml_of_the_docs_is_valid(text: str) -> None:
    """A config or a world that the docs show is accepted, without a warning."""
    if "projects" in yaml.safe_load(text):
        shown = parse_world(text, "docs")
        loaded = config.from_data(shown.config, "docs", {})
    else:
        loaded = config.from_text(text, "docs", {})
    assert not loaded.warnings


def test_the_config_of_this_folder_is_valid() -> None:
    """config.yaml is accepted as it stands."""
    assert not config.load(str(ROOT / "config.yaml"), {}).warnings


def test_links_lead_somewhere() -> None:
    """A link within the project names a file that exists, and a heading of it."""
    for page in PAGES:
        for link in re.findall(r"\]\((?!https:)([^)]+)\)", page.read_text("utf-8")):
            path, _, heading = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            if heading:
                headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
                assert heading in map(_anchor, headings), f"{page.name}: {link}"


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_permission_that_the_code_asks_for_is_told() -> None:
    """The table of permissions holds those that calls name when they are denied."""
    named = {"monitoring.timeSeries.create"}
    for module in (ROOT / "exporter").rglob("*.py"):
        named.update(
            re.findall(
                r'"((?:datastream|monitoring)\.\w+\.(?:create|get|list))"', module.read_text()
            )
        )
    assert named == set(reference.PERMISSIONS)


def test_the_role_that_is_made_by_hand_suffices_for_the_config_of_this_folder() -> None:
    """The custom role has what a run needs, but for what is collected only where it is asked."""
    page = ROOT / "docs" / "operating.md"
    shown = re.search(r"--permissions (\S+)", page.read_text("utf-8"))
    assert shown
    assert shown[1].split(",") == ["datastream.locations.list", "datastream.streams.list"]


def test_every_variable_of_cloud_run_is_told() -> None:
    """What the exporter reads of the platform stands in the table of variables."""
    constants = {value for name, value in vars(cloud_run).items() if name.isupper()}
    told = reference.variables()
    assert constants
    assert all(f"`{name}`" in told for name in constants if isinstance(name, str))


def test_the_transcript_is_of_the_command_that_it_shows() -> None:
    """`make run` runs what the transcript was made with, and CI runs what people run."""
    told = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--always-make", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines()[-1] == ".venv/bin/datastream-lab demo"
    ran = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ran[-1] == "make test"
