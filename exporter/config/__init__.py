"""Reads config.yaml as one validated, frozen value."""

from exporter.config.load import WHOLE, from_document, from_text, is_verbose, load
from exporter.config.model import Config, Endpoints, Source

__all__ = [
    "WHOLE",
    "Config",
    "Endpoints",
    "Source",
    "from_document",
    "from_text",
    "is_verbose",
    "load",
]
