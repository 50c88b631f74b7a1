"""Reads config.yaml as one validated, frozen value."""

from exporter.config.load import WHOLE, Loaded, from_data, from_document, from_text, load, variables
from exporter.config.model import Config, Endpoints, Expectation, Source, Window

__all__ = [
    "WHOLE",
    "Config",
    "Endpoints",
    "Expectation",
    "Loaded",
    "Source",
    "Window",
    "from_data",
    "from_document",
    "from_text",
    "load",
    "variables",
]
