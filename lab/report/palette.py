"""The page's colours, for light and for dark, and which of them is read on which.

A state is told by its colour, its pattern and its name, never by its colour alone. The ratio of
contrast is that of https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIGHT = {
    # The page.
    "ground": "#ffffff",
    "raised": "#f5f6f8",
    "line": "#d5d9e0",
    "edge": "#767f8d",
    "text": "#1b2028",
    "quiet": "#56606e",
    "link": "#0b57b7",
    "right": "#17652f",
    "right-ground": "#e3f4e7",
    "wrong": "#a51c1c",
    "wrong-ground": "#fde8e6",
    # The timelines.
    "turn": "#8a94a3",
    "dot": "#4b5563",
    "pending": "#a86a00",
    "true": "#d08700",
    "page": "#21324f",
    "page-text": "#ffffff",
    "window": "#d6e6fb",
    "window-edge": "#4d7dbd",
    # What is the case: a colour, and the text on it.
    "good": "#d3eed9",
    "good-text": "#124a22",
    "idle": "#fbe3b5",
    "idle-text": "#5d3a00",
    "busy": "#d5e5fa",
    "busy-text": "#123f75",
    "bad": "#f7c4bf",
    "bad-text": "#7a1010",
    "lost": "#9c1f1f",
    "lost-text": "#ffffff",
    "odd": "#e5d8f6",
    "odd-text": "#4a2580",
    "gone": "#ffffff",
    "gone-text": "#56606e",
}
"""Every colour of the light scheme, by its role."""

DARK = {
    "ground": "#14171c",
    "raised": "#1d2229",
    "line": "#343b46",
    "edge": "#7f8a99",
    "text": "#e4e7ec",
    "quiet": "#a3adbb",
    "link": "#85b7ff",
    "right": "#7fd39a",
    "right-ground": "#14301d",
    "wrong": "#ff9d94",
    "wrong-ground": "#3d1816",
    "turn": "#6b7686",
    "dot": "#b3bcc9",
    "pending": "#d9a13b",
    "true": "#c98500",
    "page": "#c9d8f2",
    "page-text": "#14202f",
    "window": "#1e3450",
    "window-edge": "#5f93d6",
    "good": "#1d4a2b",
    "good-text": "#c8efd3",
    "idle": "#5b420f",
    "idle-text": "#fde7bd",
    "busy": "#1f3f66",
    "busy-text": "#d3e4fb",
    "bad": "#6f201c",
    "bad-text": "#ffdad6",
    "lost": "#f08a80",
    "lost-text": "#2b0504",
    "odd": "#45316b",
    "odd-text": "#e8dcfb",
    "gone": "#14171c",
    "gone-text": "#a3adbb",
}
"""The same of the dark scheme."""

SCHEMES = {"light": LIGHT, "dark": DARK}

CASES = ("good", "idle", "busy", "bad", "lost", "odd", "gone")
"""How what is the case looks; :mod:`lab.report.truth` says what is which."""

_DARKEST = 0.04045
"""Up to here a part of a colour is linear in sRGB."""

_GROUNDS = ("ground", "raised")
_ON_THE_PAGE = ("text", "quiet", "link", "right", "wrong")

READ = (
    *((text, ground) for text in _ON_THE_PAGE for ground in _GROUNDS),
    ("right", "right-ground"),
    ("wrong", "wrong-ground"),
    ("text", "right-ground"),
    ("text", "wrong-ground"),
    ("page-text", "page"),
    *((f"{case}-text", case) for case in CASES),
)
"""Every colour of text and what it stands on."""

SEEN = (
    *((mark, ground) for mark in ("edge", "dot", "page", "pending") for ground in _GROUNDS),
    ("window-edge", "ground"),
    ("page", "window"),
)
"""Every mark that tells something, and what it stands on."""


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of two colours, from 1 to 21.

    Args:
        one: A colour as ``#rrggbb``.
        other: Another.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def css(scheme: Mapping[str, str]) -> str:
    """Return a scheme as CSS properties."""
    return " ".join(f"--{role}: {colour};" for role, colour in scheme.items())


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> Iterator[float]:
    for index in (1, 3, 5):
        part = int(colour[index : index + 2], 16) / 255
        yield part / 12.92 if part <= _DARKEST else ((part + 0.055) / 1.055) ** 2.4
