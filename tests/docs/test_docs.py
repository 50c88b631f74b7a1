"""The docs match the code: examples, links and complete tables.

`make lint` checks the parts that are generated.
"""

import re
from pathlib import Path

import pytest
import yaml

from exporter import config
from exporter.config.load import VARIABLES
from exporter.documents.document import Document
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR
from lab.emulator.world import parse_world
from lab.verify.rest import REST_EMULATOR
from tests.docs.pages import PAGES, fences
from tools import ROOT, generate


def test_each_generated_block_is_in_one_page() -> None:
    """Each generated block has both markers, a known name, and its place in a page."""
    text = "".join(page.read_text("utf-8") for page in generate.PAGES)
    begun = re.findall(r"<!-- begin ([\w ]+) -->", text)
    assert begun == re.findall(r"<!-- end ([\w ]+) -->", text)
    assert sorted(begun) == sorted(generate.BLOCKS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_yaml_example_is_valid(page: Path) -> None:
    """A config or a world in the docs is accepted without a warning."""
    for text in fences(page, "yaml"):
        if "projects" in yaml.safe_load(text):
            shown = parse_world(text, "docs")
            assert config.from_document(Document(shown.config, "docs"), {}).sources
        else:
            assert config.from_text(text, "docs", {}).sources


def test_links_have_a_target() -> None:
    """A link or picture within the project leads to an existing file and heading."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for link in re.findall(r'(?:\]\(|src(?:set)?=")(?!https:)([^)"]+)', text):
            path, _, heading = link.partition("#")
            target = page.parent / path if path else page
            where = f"{page.name}: {link}"
            assert target.exists(), where
            if heading:
                linked = target.read_text("utf-8")
                headings = re.findall(r"^#+ (.+)$", linked, re.MULTILINE)
                assert heading in map(_anchor, headings), where


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_of_permissions_is_complete() -> None:
    """The table has each permission that an error names when a call is denied."""
    quoted = re.compile(r'"((?:datastream|monitoring)\.\w+\.(?:create|get|list))"')
    named = {"monitoring.timeSeries.create"}
    for module in (ROOT / "exporter").rglob("*.py"):
        named.update(quoted.findall(module.read_text("utf-8")))
    assert named == _first_cells(ROOT / "docs" / "reference.md", r"[a-z]\w*\.\w+\.\w+")


def test_the_table_of_variables_is_complete() -> None:
    """The table has each variable that somebody sets, and that the programs read."""
    known = {
        *VARIABLES,
        DATASTREAM_EMULATOR,
        MONITORING_EMULATOR,
        REST_EMULATOR,
        "GOOGLE_APPLICATION_CREDENTIALS",
        "NO_COLOR",
        "COLUMNS",
    }
    assert known == _first_cells(ROOT / "docs" / "reference.md", r"[A-Z][A-Z_]+")


def _first_cells(page: Path, form: str) -> set[str]:
    """Return the names of some form that begin a row of a page's tables."""
    return set(re.findall(rf"^\| `({form})` \|", page.read_text("utf-8"), re.MULTILINE))
