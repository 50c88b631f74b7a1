"""The colours of the report's style sheet, and their contrast."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import lab.report
from lab.report.actual_states import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_CSS = (Path(lab.report.__file__).parent / "page.css").read_text("utf-8")
_PAIRS = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", _CSS)
assert len(_PAIRS) == _CSS.count("light-dark(")

SCHEMES = {
    "light": {name: light for name, light, _ in _PAIRS},
    "dark": {name: dark for name, _, dark in _PAIRS},
}
"""By scheme: every colour by its name."""

TEXT, MARK = 4.5, 3.0
_GROUNDS = ("ground", "raised")

CONTRASTS = (
    *(
        (text, ground, TEXT)
        for text in ("text", "quiet", "link", "right", "wrong")
        for ground in _GROUNDS
    ),
    ("right", "right-ground", TEXT),
    ("wrong", "wrong-ground", TEXT),
    ("text", "right-ground", TEXT),
    ("text", "wrong-ground", TEXT),
    ("incident-text", "incident", TEXT),
    *((f"{style}-text", style, TEXT) for style in STYLES),
    *(
        (mark, ground, MARK)
        for mark in ("edge", "dot", "incident", "pending")
        for ground in _GROUNDS
    ),
    ("window-edge", "ground", MARK),
    ("incident", "window", MARK),
)
"""Every text and every mark with a meaning, what it stands on, and the least contrast."""


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio of two colours ``#rrggbb``, from 1 to 21.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> Iterator[float]:
    for index in (1, 3, 5):
        part = int(colour[index : index + 2], 16) / 255
        # Dark colours are linear in sRGB.
        yield part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
