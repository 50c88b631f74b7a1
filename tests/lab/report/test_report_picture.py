"""The screenshot of the report that the docs show."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.lab.report import drawn
from tools import screenshot

DOCS = Path(__file__).parents[3] / "docs"


def size(picture: bytes) -> tuple[int, ...]:
    """Return the width and the height of a PNG.

    They are in its first chunk: https://www.w3.org/TR/png/#11IHDR
    """
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", picture[16:24])


def test_the_screenshot_in_the_docs_is_small_and_described() -> None:
    """It has the right size, few bytes and an alternative text."""
    picture = screenshot.PICTURE.read_bytes()
    assert size(picture) == (screenshot.WIDTH, screenshot.HEIGHT)
    assert len(picture) <= screenshot.MOST_BYTES
    text = (DOCS / "lab.md").read_text("utf-8")
    words, _, _ = text.partition(f"]({screenshot.PICTURE.name})")
    assert len(words.rpartition("![")[2]) > 100


def test_a_screenshot_is_taken(tmp_path: Path) -> None:
    """It has the right size and is not blank."""
    page = tmp_path / "report.html"
    page.write_text(drawn.page(drawn.heals()), "utf-8")
    picture = screenshot.take(page)
    assert size(picture) == (screenshot.WIDTH, screenshot.HEIGHT)
    assert len(picture) > 20_000


def test_the_scenario_in_the_screenshot_exists() -> None:
    """Renaming it would leave the screenshot without a timeline."""
    scenarios = DOCS.parent / "alerting_policies" / "scenarios"
    assert (scenarios / f"{screenshot.SHOWN}.yaml").is_file()
