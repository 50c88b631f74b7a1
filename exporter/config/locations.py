"""Knows Datastream's locations, to tell a misspelled location from a new one.

The list grows, so it never filters what the API returns.
"""

import re

from exporter.documents import packaged
from exporter.mistakes import nearest
from exporter.text import quote

KNOWN: tuple[str, ...] = tuple(packaged("exporter", "locations.yaml")["locations"])

# The form of every Google Cloud region; it excludes ``global``, ``us`` and zones
FORM = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
_WORDS = {word for name in KNOWN for word in re.findall("[a-z]+", name)} | {"northwest"}
_MISSPELLED = 0.85  # the share of its letters that a misspelled location has right


def check(name: str) -> str:
    """Return the name of a location that is known or may be new, or ValueError."""
    if name in KNOWN:
        return name
    if FORM.fullmatch(name):
        # New regions have the words of older ones: europe-west13, us-north1.
        if set(re.findall("[a-z]+", name)) <= _WORDS:
            return name
        guess = nearest(name, KNOWN, _MISSPELLED)
        if guess is None:
            return name
    else:
        guess = nearest(name, KNOWN)
    problem = "is not a location; write a region such as europe-west1"
    if guess:
        problem = f"is not a location of Datastream; did you mean {guess}?"
    raise ValueError(f"{quote(name)} {problem}")
