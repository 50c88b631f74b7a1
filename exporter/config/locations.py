"""The locations of Datastream, to tell a misspelled location from a new one.

The list grows, so it never filters what the API returns.
"""

from __future__ import annotations

import re
from string import digits

from exporter.inputs.spelling import nearest_within
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

FORM = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
"""The form of every Google Cloud region; it excludes ``global``, ``us`` and zones."""

_MISSPELLED = 2
"""Letters by which a misspelled location differs from the right one at most."""


def is_known(name: str) -> bool:
    """Return whether this version knows the location."""
    return name in KNOWN


def check(name: str) -> str:
    """Return the name of a location that is known, or may be new.

    Raises:
        ValueError: With a sentence, if it is a misspelled known location or not a location.
    """
    if is_known(name):
        return name
    near = nearest_within(name, KNOWN, _MISSPELLED)
    if near and not _may_be_new(name, near):
        raise ValueError(f"{quote(name)} is not a location of Datastream; did you mean {near}?")
    if not FORM.fullmatch(name):
        raise ValueError(f"{quote(name)} is not a location; write a region such as europe-west1")
    return name


def _may_be_new(name: str, known: str) -> bool:
    """Return whether a location differs from a known one in its number alone: europe-west13."""
    return bool(FORM.fullmatch(name)) and name.rstrip(digits) == known.rstrip(digits)
