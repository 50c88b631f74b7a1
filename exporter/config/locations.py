"""The locations of Datastream, for telling a typing error from a location that is new.

The list grows, so it never filters what the API returns.
"""

from __future__ import annotations

import re

from exporter.inputs import spelling
from exporter.text import quote

KNOWN = (
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "asia-southeast3",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
)
"""Source: https://cloud.google.com/datastream/docs/locations."""

# What every region of Google Cloud is called like; it leaves out `global`, `us` and zones.
FORM = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
_TYPING_ERROR = 2


def nearest(name: str) -> str | None:
    """Return the known location within two letters of a name, or None."""
    return spelling.nearest(name, KNOWN, within=_TYPING_ERROR)


def is_known(name: str) -> bool:
    """Return whether this version knows the location."""
    return name in KNOWN


def check(name: str) -> str:
    """Return the name of a location that is known, or may be new.

    Raises:
        ValueError: With a sentence, where it is a known location misspelt or no location.
    """
    if is_known(name):
        return name
    if near := nearest(name):
        raise ValueError(f"{quote(name)} is not a location of Datastream; did you mean {near}?")
    if not FORM.fullmatch(name):
        raise ValueError(f"{quote(name)} is not a location; write a region such as europe-west1")
    return name
