"""The entry point of the Cloud Run function. It becomes ``main.py`` of the source archive."""

from exporter.function import run

__all__ = ["run"]
