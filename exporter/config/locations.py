"""Knows Datastream's locations.

The list grows, so it never filters what the API returns, or what config names.
"""

from exporter.documents.document import packaged

KNOWN: tuple[str, ...] = tuple(
    packaged("exporter.config", "locations.yaml")["locations"]
)

# The form of every Google Cloud region; it excludes ``global``, ``us`` and zones
FORM = "[a-z]+(-[a-z]+)+[0-9]+"
